"""Takes verdicts that the report's page exported into the folder of a build, for its next run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.build import MANIFEST, locked
from pipeline.errors import InputError
from pipeline.store import parquet_bytes, write_atomically
from pipeline.verdicts import (
    REVIEW_FILE,
    UNUSED,
    VERDICTS,
    Judged,
    Row,
    can_be_held_against,
    digest_of,
    fault_of,
    histories_of,
    hold_against,
    read_verdicts,
)

FORMAT, VERSION = "mmed-verdicts", 1
_TEXTS = ("id", "text_digest", "decision", "reason", "severity", "comment", "reviewer", "queue")
_TOLD = ("waiting", "applied", "superseded", *UNUSED)


class FaultyVerdictsError(InputError):
    """A file of verdicts with faults, each in one line; nothing of it was taken."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(f"{len(faults)} faults, so nothing was applied.")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Applied:
    """Verdicts of a build after a file was taken in."""

    new: int
    known: int
    is_other_build: bool  # the file was exported from the page of another build
    has_stage: bool  # the build's recipe obeys verdicts
    states: Mapping[str, int]  # of all verdicts, the new ones included
    left: tuple[tuple[str, str, str], ...]  # state, id and reviewer of those that are not applied
    path: Path


def apply_verdicts(source: Path, out: Path) -> Applied:
    """Merge exported verdicts into `OUT/review.parquet`, which the next build there obeys."""
    try:
        manifest = json.loads((out / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{out}: no finished build here. Run `mmed build` first.") from error
    if not can_be_held_against(out, manifest):
        raise InputError(
            f"{out}: the records of this build are no longer in its store/, so that verdicts "
            "cannot be held against them. Run `mmed build` again, then this."
        )
    build, given = read_export(source)
    path = out / REVIEW_FILE
    with locked(out):
        old = read_verdicts(path) if path.exists() else pl.DataFrame(schema=VERDICTS)
        known = _keys(old)
        obeyed = _obeyed(out, manifest)
        new = [one for key, one in {_key(one): one for one in given}.items() if key not in known]
        if new:
            merged = pl.concat([old, pl.DataFrame(new, schema=VERDICTS)])
            write_atomically(path, parquet_bytes(merged))
    judged = hold_against(out, manifest, histories_of(out, manifest))
    told = [(_state(one, obeyed), one) for one in judged]
    return Applied(
        new=len(new),
        known=len(given) - len(new),
        is_other_build=build != manifest["release_digest"],
        has_stage=any(entry["stage"] == "review" for entry in manifest["recipe"]["stages"]),
        states={state: Counter(state for state, _ in told)[state] for state in _TOLD},
        left=tuple(
            (state, one.verdict["id"], one.verdict["reviewer"])
            for state, one in told
            if state in UNUSED
        ),
        path=path,
    )


def _state(one: Judged, obeyed: set[str]) -> str:
    if one.state != "fits":
        return one.state
    return "applied" if _key(one.verdict) in obeyed else "waiting"


def _obeyed(out: Path, manifest: Mapping[str, Any]) -> set[str]:
    """Return the keys of the verdicts that the build obeyed, of files that still hold them."""
    noted = manifest.get("review", {"files": {}})
    found: set[str] = set()
    for name, known in noted["files"].items():
        path = out / name if name == REVIEW_FILE else Path(name)
        # To the build's own file, verdicts are only ever added.
        if path.exists() and (name == REVIEW_FILE or digest_of(path) == known):
            found |= _keys(read_verdicts(path).head(noted["rows"][name]))
    return found


def _keys(verdicts: pl.DataFrame) -> set[str]:
    return {_key(verdict) for verdict in verdicts.iter_rows(named=True)}


def _is_hexadecimal(value: str) -> bool:
    return len(value) == 32 and set(value) <= set("0123456789abcdef")


def _key(verdict: Mapping[str, Any]) -> str:
    return json.dumps(verdict, sort_keys=True, ensure_ascii=False)


def read_export(path: Path) -> tuple[str, list[Row]]:
    """Return the build's digest and the verdicts of an exported file; tell every fault."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: the verdicts cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error}). Export the verdicts once more.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: not verdicts exported from a report (no format {FORMAT!r}).")
    if content.get("version") != VERSION:
        raise InputError(
            f"{path}: version {content.get('version')!r} of {FORMAT}, expected {VERSION}."
        )
    build, listed = content.get("build"), content.get("verdicts")
    if not isinstance(build, str) or not isinstance(listed, list):
        raise InputError(f"{path}: `build` is no text, or `verdicts` is no list.")
    found = [_read(one, build) for one in listed]
    faults = [
        f"{path}: verdict {number}: {one}"
        for number, one in enumerate(found, start=1)
        if isinstance(one, str)
    ]
    if faults:
        raise FaultyVerdictsError(faults)
    return build, [one for one in found if not isinstance(one, str)]


def _read(value: object, build: str) -> Row | str:
    """Return a verdict as a row, or in words what is wrong with it."""
    if not isinstance(value, dict):
        return f"{value!r:.60} is no mapping."
    wrong = next(_wrong_types(value), None)
    if wrong:
        return f"{wrong}."
    row: Row = {name: _clean(value[name]) for name in (*_TEXTS, "judged_at")}
    row["build"] = _clean(value.get("build", build))  # imported again, of an earlier build's page
    row["corrections"] = [
        {"field": field, "text": _clean(text)} for field, text in value["corrections"].items()
    ]
    fault = fault_of(row)
    return f"id {row['id']}: {fault}." if fault else row


def _clean(text: str) -> str:
    """Return a text without half characters, which JSON can spell and Parquet cannot."""
    return text.encode("utf-8", "replace").decode()


def _wrong_types(value: Mapping[str, Any]) -> Iterator[str]:
    for name in (*_TEXTS, "judged_at", "corrections"):
        if name not in value:
            yield f"{name} is missing"
    unknown = value.keys() - {*_TEXTS, "judged_at", "corrections", "build"}
    yield from (f"{name!r} is no key of a verdict" for name in sorted(unknown))
    for name in (*_TEXTS, "judged_at", "build"):
        if not isinstance(value.get(name, ""), str):
            yield f"{name} {value[name]!r:.60} is no text"
    for name in ("id", "text_digest"):
        if not _is_hexadecimal(value[name]):
            yield f"{name} {value[name]!r:.60} is not 32 hexadecimal digits"
    corrections = value["corrections"]
    is_read = isinstance(corrections, dict) and all(
        isinstance(text, str) for text in corrections.values()
    )
    if not is_read:
        yield "corrections is no mapping of fields to texts"
