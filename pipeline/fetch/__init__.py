"""Downloads upstream files to the raw folder, each checked against its declared checksum.

A file is in place only once its plain bytes have the declared SHA-256: downloads go to
`<path>.part` and are resumed, wrong files are kept aside as `<path>.rejected`. A file may also lie
there compressed, as `<path>.gz`. What cannot be had is a result, never an exception, so that one
dead server does not cost the other sources.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.fetch.files import Fetched, Status, checksum, locate, summary
from sources.source import Source

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Fetched", "Status", "checksum", "fetch", "locate", "summary"]


def fetch(
    sources: Iterable[Source],
    raw: Path,
    *,
    console: Console | None = None,
    pause_s: float = 1.0,
) -> list[Fetched]:
    """Bring every file of these sources into the raw folder; progress goes to standard error.

    `pause_s` is the wait before a second attempt; it doubles before each further one. A full disk
    raises `StoppedError`, a folder that cannot be written `InputError`.
    """
    from rich.console import Console

    from pipeline.fetch.run import fetch_all  # httpx: only a download needs it

    return fetch_all(sources, raw, console or Console(stderr=True), pause_s)
