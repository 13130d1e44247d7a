"""`mmed`, one command per verb. Results go to stdout, progress to stderr.

Heavy imports stay inside the commands, so that `mmed --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from pipeline import interrupt
from pipeline.errors import InputError, MmedError

try:
    import typer

    from pipeline.cli_llm import check_translation, llm_app, score_translation, translate
    from pipeline.cli_options import (
        CACHE_DEFAULT,
        RAW_DEFAULT,
        Batch,
        Cache,
        Json,
        MaxCost,
        Model,
        Out,
        Price,
        Raw,
        read_price,
        show,
    )
    from pipeline.cli_release import diff, export, push
    from pipeline.cli_review import review_app
    from pipeline.cli_train import tokenize, train
except KeyboardInterrupt:  # it takes a fifth of a second, before `main` can listen
    interrupt.end()

app = typer.Typer(
    name="mmed",
    help="Build multilingual medical instruction data, and explain every row of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
sources_app = typer.Typer(
    help="The registry of sources; `check` looks into one.", invoke_without_command=True
)
app.add_typer(sources_app, name="sources")
app.add_typer(llm_app, name="llm")
app.add_typer(review_app, name="review")
for command in (
    translate,
    check_translation,
    score_translation,
    tokenize,
    train,
    push,
    diff,
    export,
):
    app.command()(command)


def main() -> None:
    """Run `mmed`; known failures end in one line and their exit code."""
    try:
        interrupt.strike_safely()
        app()
    except BaseException as error:
        interrupt.strike_no_more()
        if interrupt.led_to(error):
            interrupt.end()
        if not isinstance(error, MmedError):
            raise
        print(f"mmed: {' '.join(str(error).splitlines())}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


@sources_app.callback()
def sources(context: typer.Context, as_json: Json = False) -> None:
    """List the registered sources."""
    if context.invoked_subcommand is None:
        from pipeline.show import registry_table

        value, text = registry_table()
        show(value, as_json, text)


@sources_app.command("check")
def sources_check(name: str, raw: Raw = RAW_DEFAULT, as_json: Json = False) -> None:
    """Print five parsed items (one per language where there are more) and every refusal.

    Of a source, or of each table of a recipe. Ends with 1 where files are missing or counts are
    not the declared ones; refused rows are no failure.
    """
    from pipeline.show import check_text

    value, text = check_text(name, raw)
    show(value, as_json, text)
    if not all(one["as_expected"] for one in value):
        raise typer.Exit(1)


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Sources; all when left out.")] = None,
    raw: Raw = RAW_DEFAULT,
    as_json: Json = False,
) -> None:
    """Download upstream files, verify their checksums, resume what was cut off."""
    from pipeline.show import fetch_text

    value, text = fetch_text(names or [], raw)
    show(value, as_json, text)
    if not all(one["is_there"] for one in value):
        raise typer.Exit(3)


@app.command()
def build(
    recipe: Annotated[
        str, typer.Argument(help="A recipe file, or demo.yaml, real.yaml, full.yaml.")
    ],
    raw: Raw = RAW_DEFAULT,
    out: Annotated[Path | None, typer.Option(help="Default: outputs/<recipe's name>.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one per core, one for little.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False,
    model: Model = None,
    price: Price = None,
    max_cost: MaxCost = None,
    cache: Cache = CACHE_DEFAULT,
    batch: Batch = False,
    pilot: Annotated[
        int | None, typer.Option(min=1, help="Only try so many rows per direction, and show them.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Where calls stop, go on with what is there.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Ask for what the recipe's pack lacks; write it anew.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build a release from a recipe; repeating it costs only what changed.

    A recipe that translates or augments asks a language model at OPENAI_BASE_URL, or where the
    recipe says: never without --max-cost, and never the same twice.
    """
    from pipeline import show as shown
    from pipeline.llm.session import CallOptions
    from pipeline.recipe import load_recipe, with_model

    loaded = with_model(load_recipe(recipe), model) if model else load_recipe(recipe)
    out = out or Path("outputs") / Path(recipe).stem
    options = CallOptions(
        cache=cache,
        max_cost_usd=max_cost,
        price=read_price(price),
        is_partial=partial,
        is_batch=batch,
        pilot=pilot,
    )
    if dry_run and record:
        raise InputError("`--record` asks a model and `--dry-run` asks nobody. Leave one out.")
    if dry_run:
        value, text = shown.dry_run_text(loaded, raw, out, options)
    elif record:
        from pipeline.record import record as record_pack

        value, text = record_pack(loaded, raw, out, workers, options)
    elif pilot is not None:
        value, text = shown.pilot_text(loaded, raw, out, options)
    else:
        value, text = shown.build_text(loaded, raw, out, workers, options)
    show(value, as_json, text)


@app.command()
def explain(
    record: Annotated[
        str, typer.Argument(help="An id, its first six digits or more, or FILE:ROW.")
    ],
    out: Out,
    as_json: Json = False,
) -> None:
    """Tell one record's life: its source row, every step, every decision, where it ended."""
    from pipeline.explain import explain as life

    value, text = life(record, out)
    show(value, as_json, text)


@app.command()
def report(
    out: Out,
    pool: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of a token pool of the release: also tell its tokenizer's tokens."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write `report/index.html` of a finished build."""
    from pipeline.report import write_report

    path = str(write_report(out, pool or ()))
    show({"report": path}, as_json, path)


IdColumn = Annotated[str, typer.Option("--id", help="Column that names each row.")]


@app.command()
def dedup(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A Parquet table.")],
    folder: Annotated[Path, typer.Argument(metavar="OUTPUT_DIR", help="For three tables.")],
    question: Annotated[str, typer.Option(help="Column of questions, or of texts.")] = "question",
    options: Annotated[str, typer.Option(help="Column of lists of options.")] = "options",
    answer: Annotated[str, typer.Option(help="Column of answers or of lists.")] = "answer",
    language: Annotated[str, typer.Option(help="Column of language codes.")] = "language",
    identifier: IdColumn = "id",
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core.")] = None,
    as_json: Json = False,
) -> None:
    """Find the near-duplicates of any Parquet table; nothing is lost or changed.

    Writes kept.parquet (near-duplicates that say different things are in it), dropped.parquet and
    flagged.parquet. Options and answers may be missing.
    """
    from pipeline.tables.dedup import Columns, deduplicate

    columns = Columns(question, options, answer, language, identifier)
    value, text = deduplicate(source, folder, columns, workers or len(os.sched_getaffinity(0)))
    show(value, as_json, text)


@app.command()
def language(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A Parquet table.")],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A Parquet file to write.")],
    text: Annotated[list[str], typer.Option(help="Column of texts; several are read as one.")],
    declared: Annotated[str, typer.Option(help="Column of language codes.")] = "language",
    identifier: IdColumn = "id",
    as_json: Json = False,
) -> None:
    """Identify the language of each row of any Parquet table, and the rows that mix two."""
    from pipeline.tables.language import identify

    value, printed = identify(source, output, text, declared, identifier)
    show(value, as_json, printed)


@app.command()
def verify(
    release: Annotated[Path, typer.Argument(help="The folder of a release.")],
    raw: Annotated[Path | None, typer.Option(help="Also check against benchmark files.")] = None,
    as_json: Json = False,
) -> None:
    """Check a finished release: loads, counts, schema, checksums, splits, benchmarks."""
    from pipeline.release.verify import verify as check

    findings = check(release, raw)
    show(findings.to_json(), as_json, findings.to_text())
    if not findings.passed:
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
