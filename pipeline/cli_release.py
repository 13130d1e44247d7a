"""Commands of `mmed` on a finished release: upload it, compare two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import Json, show
from pipeline.errors import InputError

Release = Annotated[Path, typer.Argument(help="The folder of a release.")]


def push(
    release: Release,
    repository: Annotated[str, typer.Argument(metavar="REPO", help="Such as name/mmed-ift.")],
    revision: Annotated[
        str | None, typer.Option(metavar="TAG", help="Default: v and the release's version.")
    ] = None,
    upload: Annotated[
        bool, typer.Option("--upload", help="Send it; without, show what would be sent.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Upload a verified release to the Hugging Face Hub, and tag it; a dry run by default.

    Refuses a folder that does not verify and rows whose source is not redistributable. The token
    is that of HF_TOKEN, or of `hf auth login`. A repository that is new is private.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from pipeline.release.push import plan_push
    from pipeline.release.push import upload as send

    if upload and get_token() is None:
        raise InputError("no token of the Hugging Face Hub. Set HF_TOKEN or run `hf auth login`.")
    planned = plan_push(release, repository, revision)
    if not upload:
        told = f"{planned.to_text()}\nNothing was sent. Repeat with --upload to send it."
        show(planned.to_json() | {"uploaded": None}, as_json, told)
        return
    disable_progress_bars()
    address = send(planned, HfApi())
    show(planned.to_json() | {"uploaded": address}, as_json, f"{planned.to_text()}\n{address}")


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The folder of a release.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="That of a later one.")],
    ids: Annotated[int, typer.Option(min=0, help="Records to name per kind of change.")] = 5,
    as_json: Json = False,
) -> None:
    """Tell what changed between two releases, by id: added, removed, changed, moved."""
    from pipeline.release.difference import compare

    difference = compare(before, after, ids)
    show(difference.to_json(), as_json, difference.to_text())


def export(
    release: Release,
    style: Annotated[
        str,
        typer.Option("--format", help="trl, axolotl, llamafactory, alpaca, sharegpt or lm-eval."),
    ],
    out: Annotated[Path, typer.Option(help="A new folder.")],
    as_json: Json = False,
) -> None:
    """Write a release as a trainer or lm-eval reads it: JSON lines, and its configuration."""
    from pipeline.export.export import export as write

    exported = write(release, style, out)
    show(exported.to_json(), as_json, exported.to_text())
