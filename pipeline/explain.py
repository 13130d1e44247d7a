"""One record's life, read from the store: source row, every stage, where it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.build import MANIFEST
from pipeline.errors import InputError
from pipeline.text.mask import mask
from schemas.ledger import REASONS

TEXTS = ("question", "context", "answer", "rationale")
TOLD = (*TEXTS, "options", "detected_language", "group_id", "split")


def explain(record_id: str, out: Path) -> tuple[Any, str]:
    """Return a record's life as a value and as text; `InputError` for an unknown id."""
    stages = list(_stages(record_id, out))
    seen = [stage for stage in stages if stage["row"] is not None]
    if not seen:
        raise InputError(
            f"{record_id!r}: no record of that id in {out}. Ids are 32 hexadecimal digits, as in "
            "the column `id` of the release and of ledger.parquet."
        )
    return _value(record_id, seen), "\n".join(_lines(record_id, seen))


def _stages(record_id: str, out: Path) -> Iterator[dict[str, Any]]:
    try:
        manifest = json.loads((out / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{out}: no finished build here. Run `mmed build` first.") from error
    # The manifest's keys are sorted; the order of the stages is in `stages`.
    for instance in [stage["name"] for stage in manifest["stages"]]:
        for kind in ("kept", "dropped"):
            paths = [out / "store" / path for path in manifest["tables"][instance][kind]]
            rows = _find(paths, record_id)
            if rows:
                yield {"stage": instance, "kind": kind, "row": rows[0]}


def _find(paths: list[Path], record_id: str) -> list[dict[str, Any]]:
    if not paths:
        return []
    found = pl.scan_parquet(paths).filter(pl.col("id") == record_id).collect()
    return found.to_dicts()


def _value(record_id: str, seen: list[dict[str, Any]]) -> dict[str, Any]:
    last = seen[-1]
    return {
        "id": record_id,
        "source": last["row"]["source"],
        "source_row": last["row"]["source_row"],
        "stages": [
            {"stage": one["stage"], "decision": one["kind"], "changed": _changed(before, one)}
            for before, one in zip([None, *seen], seen, strict=False)
        ],
        "reason": last["row"].get("reason"),
        "steps": last["row"]["steps"],
        "flags": last["row"]["flags"],
    }


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    if before is None:
        return {}
    old, new = before["row"], after["row"]
    language = new["language"]
    return {name: _shown(new[name], language) for name in TOLD if new[name] != old[name]}


def _shown(value: object, language: str) -> str:
    text = " | ".join(value) if isinstance(value, list) else str(value)
    text = mask(" ".join(text.split()), language).text
    return text[:300] + ("…" if len(text) > 300 else "")


def _lines(record_id: str, seen: list[dict[str, Any]]) -> Iterator[str]:
    first, last = seen[0]["row"], seen[-1]["row"]
    place = first["source_row"]
    yield f"{record_id}: {first['source']}, {place['file']}, row {place['row']}"
    yield "  " + ", ".join(
        first[name] for name in ("language", "task", "form", "origin", "license")
    )
    for name in TEXTS:
        if last[name]:
            yield f"  {name}: {_shown(last[name], last['language'])}"
    for before, one in zip([None, *seen], seen, strict=False):
        yield f"  {one['stage']}: {_decision(one)}"
        for name, value in _changed(before, one).items():
            yield f"    {name} -> {value}"
    for flag in last["flags"]:
        yield f"  flag {flag['name']}: {flag['evidence']} {flag['other_id'] or ''}".rstrip()
    yield _end(seen[-1])


def _decision(one: Mapping[str, Any]) -> str:
    if one["kind"] == "kept":
        return "kept"
    row = one["row"]
    parts = [f"dropped, {row['reason']}: {REASONS[row['reason']]}", row["evidence"]]
    if row["value"] is not None:
        parts.append(f"value {row['value']:.3g}")
    if row["kept_instead"]:
        parts.append(f"other record {row['kept_instead']}")
    return " ".join(part for part in parts if part)


def _end(last: Mapping[str, Any]) -> str:
    if last["kind"] == "dropped":
        return f"Ended in the ledger, at stage {last['stage']}."
    row = last["row"]
    subset = "mmed_ift_mc" if row["task"] == "mcq" else "mmed_ift"
    return f"Ended in the release: {subset}/{row['language']}, split {row['split']}."
