"""Options that several commands of `mmed` share, and how a command prints its result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.recipe import Llm

Raw = Annotated[
    Path, typer.Option(help="Folder of upstream files.", envvar="MMED_RAW", show_default=True)
]
Out = Annotated[Path, typer.Option(help="Folder of the build.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
RAW_DEFAULT = Path("outputs/raw")

# Of commands that ask a language model.
Model = Annotated[str | None, typer.Option(help="The language model; before the recipe's.")]
Price = Annotated[
    str | None, typer.Option(metavar="IN:OUT", help="USD per million tokens; before the recipe's.")
]
MaxCost = Annotated[
    float | None, typer.Option(min=0, metavar="USD", help="Stop before calls have cost more.")
]
Cache = Annotated[
    Path, typer.Option(help="File of every answer ever paid for.", envvar="MMED_CACHE")
]
Batch = Annotated[bool, typer.Option("--batch", help="Ask by the Batch API: slow and cheap.")]
# Of commands that ask without a recipe; None leaves the default of a recipe's `llm`.
Temperature = Annotated[
    str | None, typer.Option(metavar="NUMBER|none", help="Default 0; none: it is not sent.")
]
Concurrency = Annotated[
    int | None, typer.Option(min=1, help="Requests in flight at most; default 32.")
]
Timeout = Annotated[
    float | None, typer.Option(min=0.001, metavar="S", help="Of one request; default 120.")
]
CACHE_DEFAULT = Path("outputs/cache/llm.sqlite")


def show(value: Any, as_json: bool, text: str) -> None:  # noqa: ANN401 - any JSON value
    """Print a result as JSON or as text."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1) if as_json else text)


def read_price(text: str | None) -> tuple[float, float] | None:
    """Return a price from the command line, USD per million tokens in and out."""
    if text is None:
        return None
    try:
        before, after = (float(part) for part in text.split(":"))
    except ValueError:
        raise InputError(
            f"--price {text}: expected IN:OUT, USD per million tokens, such as 0.15:0.60 "
            "(0:0 for a model of your own)."
        ) from None
    return before, after


def make_llm(
    model: str, temperature: str | None, concurrency: int | None, timeout: float | None
) -> Llm:
    """Return the settings of a command that asks without a recipe."""
    from pipeline.recipe import Llm

    given: dict[str, Any] = {"concurrency": concurrency, "timeout_s": timeout}
    stated = {name: value for name, value in given.items() if value is not None}
    if temperature is not None:
        stated["temperature"] = _read_temperature(temperature)
    return Llm(model=model, **stated)


def _read_temperature(text: str) -> float | None:
    if text == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"--temperature {text}: expected a number from 0 on, or `none`.")
    return value
