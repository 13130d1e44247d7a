"""`mmed review`: takes the verdicts that a reviewer exported from the report's page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli_options import Json, Out, show

if TYPE_CHECKING:
    from pipeline.verdict_import import Applied

review_app = typer.Typer(help="Verdicts of reviewers, given on the report's page.")

_STATES = {
    "waiting": "wait for the next build",
    "applied": "obeyed by the build that is there",
    "superseded": "replaced by a later verdict on the same record",
}


@review_app.callback()
def review() -> None:
    """Keep `apply` a command of its own: an app of one command would be that command."""


@review_app.command()
def apply(
    verdicts: Annotated[
        Path, typer.Argument(metavar="VERDICTS.json", help="As exported from the report's page.")
    ],
    out: Out,
    as_json: Json = False,
) -> None:
    """Check exported verdicts and merge them into OUT/review.parquet, for the next build there.

    Verdicts are matched by the text they judged, so that those on another build's page count too.
    A file with faults is refused whole (2); verdicts whose record is gone or changed are told.
    """
    from pipeline.verdict_import import FaultyVerdictsError, apply_verdicts

    try:
        applied = apply_verdicts(verdicts, out)
    except FaultyVerdictsError as error:
        for fault in error.faults:
            typer.echo(f"mmed: {fault}", err=True)
        raise typer.Exit(error.exit_code) from error
    value = {
        "review": str(applied.path),
        "new": applied.new,
        "known": applied.known,
        "is_other_build": applied.is_other_build,
        "has_stage": applied.has_stage,
        "verdicts": dict(applied.states),
        "left": [dict(zip(("state", "id", "reviewer"), one, strict=True)) for one in applied.left],
    }
    show(value, as_json, _text(applied, out))


def _text(applied: Applied, out: Path) -> str:
    from pipeline.verdicts import UNUSED

    told = {**_STATES, **{state: f"not applied: {why}" for state, why in UNUSED.items()}}
    lines = [f"{applied.path}: verdicts added {applied.new}, there already {applied.known}."]
    if applied.is_other_build:
        lines.append("They were exported from another build's page and are matched by their texts.")
    lines += [
        f"{count:>6} {told[state]}"
        for state, count in applied.states.items()
        if count or state == "waiting"
    ]
    lines += [
        f"  {state}: {one}" + (f" (verdict of {who})" if who else "")
        for state, one, who in applied.left
    ]
    if not applied.has_stage:
        lines.append("The recipe of this build has no stage `review`: add it, or none is obeyed.")
    elif applied.states["waiting"]:
        lines.append(f"Next: mmed build RECIPE --out {out}")
    return "\n".join(lines)
