"""One record's life, read from the store: source row, every stage, where it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.build import MANIFEST
from pipeline.errors import InputError
from pipeline.text.mask import mask
from schemas.ledger import REASONS

TEXTS = ("question", "context", "answer", "rationale")
TOLD = (*TEXTS, "options", "detected_language", "group_id", "split")
CANDIDATES = 4  # named where a reference fits several records

_PREFIX = re.compile(r"[0-9a-f]{6,32}")
_PLACE = re.compile(r"(?P<file>.+):(?P<row>\d+)")

FILE = pl.col("source_row").struct.field("file")
ROW = pl.col("source_row").struct.field("row")


def explain(reference: str, out: Path) -> tuple[Any, str]:
    """Return a record's life as a value and as text; of `FILE:ROW`, the lives of all its records.

    A reference that fits no record, or several rows, is an `InputError`.
    """
    place = _PLACE.fullmatch(reference)
    fits = _at(place["file"], int(place["row"])) if place else _begins_with(reference)
    lives = _lives(fits, out)
    if not lives:
        raise InputError(f"{reference!r}: no such record in {out}. {_EXPECTED}")
    lives = _of_one_row(reference, lives) if place else lives
    if len(lives) > 1 and not place:
        raise _ambiguous(reference, [_named(life) for life in lives])
    text = "\n\n".join("\n".join(_lines(life)) for life in lives)
    return [_value(life) for life in lives] if place else _value(lives[0]), text


_EXPECTED = (
    "Give an id of 32 hexadecimal digits, its first six or more, or FILE:ROW with the file and the "
    "row as in ledger.parquet."
)


def _begins_with(reference: str) -> pl.Expr:
    if not _PREFIX.fullmatch(reference):
        raise InputError(f"{reference!r} names no record. {_EXPECTED}")
    return pl.col("id").str.starts_with(reference)


def _at(file: str, row: int) -> pl.Expr:
    # The last part of a path is enough; members of an archive stand behind a "!".
    ends = [FILE.str.ends_with(mark + file) for mark in "/!"]
    return ROW.eq(row) & pl.any_horizontal(FILE.eq(file), *ends)


Life = Sequence[Mapping[str, Any]]  # of one record: stage, kept or dropped, the row as it left


def _lives(fits: pl.Expr, out: Path) -> list[Life]:
    """Return the lives of all records that fit, the records of upstream before what they gave."""
    lives: dict[str, list[Mapping[str, Any]]] = {}
    for stage, kind, paths in _tables(out):
        for row in pl.scan_parquet(paths).filter(fits).collect().iter_rows(named=True):
            lives.setdefault(row["id"], []).append({"stage": stage, "kind": kind, "row": row})
    return sorted(lives.values(), key=lambda life: (_place(life), _is_derived(life), _id(life)))


def _tables(out: Path) -> Iterator[tuple[str, str, list[Path]]]:
    try:
        manifest = json.loads((out / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{out}: no finished build here. Run `mmed build` first.") from error
    # The manifest's keys are sorted; the order of the stages is in `stages`.
    for instance in [stage["name"] for stage in manifest["stages"]]:
        for kind in ("kept", "dropped"):
            paths = [out / "store" / path for path in manifest["tables"][instance][kind]]
            if paths:
                yield instance, kind, paths


def _of_one_row(reference: str, lives: Sequence[Life]) -> list[Life]:
    """Return the records of one file: of the file of exactly that name, or of the only one."""
    files = sorted({_file(life) for life in lives})
    exact, _, row = reference.rpartition(":")
    if exact not in files and len(files) > 1:
        raise _ambiguous(reference, [f"{file}:{row}" for file in files])
    return [life for life in lives if _file(life) == (exact if exact in files else files[0])]


def _ambiguous(reference: str, names: Sequence[str]) -> InputError:
    more = f", and {len(names) - CANDIDATES} more" if len(names) > CANDIDATES else ""
    shown = ", ".join(names[:CANDIDATES])
    return InputError(f"{reference!r} is ambiguous, {len(names)} fit. Give one of: {shown}{more}.")


def _id(life: Life) -> str:
    return str(life[0]["row"]["id"])


def _file(life: Life) -> str:
    return str(life[0]["row"]["source_row"]["file"])


def _place(life: Life) -> tuple[str, int]:
    return _file(life), life[0]["row"]["source_row"]["row"]


def _is_derived(life: Life) -> bool:
    return bool(life[0]["row"]["root_id"] != _id(life))


def _named(life: Life) -> str:
    file, row = _place(life)
    return f"{_id(life)} ({file}:{row})"


def _value(life: Life) -> dict[str, Any]:
    last = life[-1]["row"]
    return {
        "id": _id(life),
        "parent_id": last["parent_id"],
        "source": last["source"],
        "source_row": last["source_row"],
        "stages": [
            {"stage": one["stage"], "decision": one["kind"], "changed": _changed(before, one)}
            for before, one in zip([None, *life], life, strict=False)
        ],
        "reason": last.get("reason"),
        "evidence": last.get("evidence"),
        "kept_instead": last.get("kept_instead"),
        "steps": last["steps"],
        "flags": [
            {**f, "evidence": _shown(f["evidence"], last["language"])} for f in last["flags"]
        ],
    }


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    if before is None:
        return {}
    old, new = before["row"], after["row"]
    language = new["language"]
    return {name: _shown(new[name], language) for name in TOLD if new[name] != old[name]}


def _shown(value: object, language: str) -> str:
    text = " | ".join(value) if isinstance(value, list) else str(value)
    text = mask(" ".join(text.split()), language or "en").text
    return text[:300] + ("…" if len(text) > 300 else "")


def _lines(life: Life) -> Iterator[str]:
    last = life[-1]["row"]
    file, row = _place(life)
    yield f"{_id(life)}: {last['source']}, {file}, row {row}"
    # A row that was refused at reading has no more than its source's language and licence.
    kinds = (life[0]["row"][name] for name in ("language", "task", "form", "origin", "license"))
    yield "  " + ", ".join(kind for kind in kinds if kind)
    if last["parent_id"]:  # "" in a row refused at reading
        yield f"  made of {last['parent_id']}"
    for step in last["steps"]:
        if step["model"] is not None:
            yield f"  {step['stage']} by {step['model']}, prompt {step['prompt']}"
    for name in TEXTS:
        if last[name]:
            yield f"  {name}: {_shown(last[name], last['language'])}"
    for before, one in zip([None, *life], life, strict=False):
        yield from _stage_lines(before, one)
    for flag in last["flags"]:
        evidence = _shown(flag["evidence"], last["language"])
        yield f"  flag {flag['name']}: {evidence} {flag['other_id'] or ''}".rstrip()
    yield _end(life[-1])


def _stage_lines(before: Mapping[str, Any] | None, one: Mapping[str, Any]) -> Iterator[str]:
    row = one["row"]
    if one["kind"] == "kept":
        yield f"  {one['stage']}: kept"
    else:
        yield f"  {one['stage']}: dropped, {row['reason']}: {REASONS[row['reason']]}"
        if row["evidence"]:
            yield f"    evidence: {row['evidence']}"  # the ledger's, which is masked
        if row["value"] is not None:
            yield f"    value: {row['value']:.3g}"
        if row["kept_instead"]:
            yield f"    other record: {row['kept_instead']}"
    for name, value in _changed(before, one).items():
        yield f"    {name} -> {value}"


def _end(last: Mapping[str, Any]) -> str:
    if last["kind"] == "dropped":
        return f"Ended in the ledger, at stage {last['stage']}."
    row = last["row"]
    subset = "mmed_ift_mc" if row["task"] == "mcq" else "mmed_ift"
    return f"Ended in the release: {subset}/{row['language']}, split {row['split']}."
