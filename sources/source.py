"""`Source`: what the project knows about an upstream set before reading a byte of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from schemas.item import BadRow, Form, Item, Language, Role


@dataclass(frozen=True, slots=True)
class Hub:
    """A file of a dataset repository on the Hugging Face Hub."""

    repo: str
    path: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One upstream file, at `path` below the raw folder, there plain or as `<path>.gz`."""

    path: str
    sha256: str | None = None  # of the plain bytes; None: never seen, or no stable bytes exist
    url: str = ""
    hub: Hub | None = None
    member: str = ""  # where `url` or `hub` is an archive: the member that becomes this file

    def __post_init__(self) -> None:
        if self.member and not (self.url or self.hub):
            raise ValueError(
                f"{self.path}: `member` {self.member!r} needs the archive's `url` or `hub`."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An upstream set: where its files are, what its splits are for, and on what terms.

    A set in several languages names its splits `<language>/<upstream split>`, so that a recipe
    can give each its role. `expected_rows[split]["es/mcq"]` counts the items that `parse` yields
    for that split, language and task, `expected_rows["refused"][reason]` the bad rows.
    """

    name: str  # the module's name
    title: str
    homepage: str
    revision: str
    languages: tuple[Language, ...]
    files: Mapping[str, tuple[File, ...]]
    splits: Mapping[str, Role]
    license: str  # SPDX identifier or LicenseRef-…
    license_evidence: str  # where the licence was read
    redistributable: Literal["yes", "no", "unknown"]
    forms: tuple[Form, ...]
    citation: str
    expected_rows: Mapping[str, Mapping[str, int]]
    egress: Literal["any", "local"] = "any"
    parallel_family: str = ""
    verified: Literal["bytes", "documentation"] = "bytes"
    packaged: bool = False  # the files lie beside the module, not in the raw folder


class Parser(Protocol):
    """A source module: `SOURCE` and `parse`."""

    SOURCE: Source

    def parse(self, files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
        """Yield one item or bad row per upstream row; never raise for a row."""
        ...
