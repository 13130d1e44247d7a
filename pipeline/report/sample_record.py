"""One record as the page's browser holds it: masked texts, lineage, and the digest to judge it by.

Keys are short, and what is empty is left out, since thousands of records are on one page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.shorten import cut
from pipeline.report.values import repeats_protected
from pipeline.text.mask import mask
from pipeline.verdicts import judged_digest
from schemas.review import CORRECTABLE

WHOLE_BYTES = 6000  # of a text; a longer one is cut, and cannot be corrected on the page
_AS_THEY_ARE = (
    "id", "language", "source", "form", "origin", "task", "split", "license", "topic", "year",
    "jurisdiction",
)  # fmt: skip


def make_record(
    row: Mapping[str, Any],
    dropped_by: str,
    histories: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, Any]:
    """Return a record; `dropped_by` is a stage, or empty where the row is published."""
    record = {name: row[name] for name in _AS_THEY_ARE}
    record |= {"state": "dropped" if dropped_by else "published", **_lineage(row)}
    is_withheld = dropped_by and repeats_protected(row["reason"])
    if not is_withheld:
        record |= _texts(row)
    if dropped_by:
        # A row refused on reading has nothing but its beginning, maybe of a protected item.
        evidence = "" if is_withheld or not row["question"] else row["evidence"]
        record |= {
            "stage": dropped_by,
            "reason": row["reason"],
            "evidence": _masked(evidence, row),
            "instead": row["kept_instead"],
            "withheld": bool(is_withheld),
        }
    else:
        digest = judged_digest(row)
        record |= {"digest": digest, "judged": _judged(histories.get(row["id"], ()), digest)}
    return {name: value for name, value in record.items() if value not in (None, "", [], {}, False)}


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: _masked(row[name], row) for name in CORRECTABLE}
    return {
        **{name: cut(text, WHOLE_BYTES) for name, text in texts.items()},
        "cut": [name for name, text in texts.items() if len(text.encode()) > WHOLE_BYTES],
        "history": [[turn["role"], _masked(turn["content"], row)] for turn in row["history"]],
        "options": [_masked(option, row) for option in row["options"]],
        "key": list(row["answer_indices"]),
    }


def _masked(text: str, row: Mapping[str, Any]) -> str:
    """Return a text without personal data, in its own lines: a reviewer may correct it."""
    return mask(text, row["language"] or "en").text


def _lineage(row: Mapping[str, Any]) -> dict[str, Any]:
    place = row["source_row"]
    return {
        "parent": row["parent_id"],
        "root": row["root_id"] if row["root_id"] != row["id"] else None,
        "group": row["group_id"] if row["group_id"] != row["id"] else None,
        "place": f"{place['file']}:{place['row']}",
        "steps": [
            {name: step[name] for name in ("stage", "model", "prompt") if step[name]}
            for step in row["steps"]
        ],
        "flags": [
            {
                "name": flag["name"],
                "evidence": _masked(flag["evidence"] or "", row),
                "value": flag["value"],
                "other": flag["other_id"],
            }
            for flag in row["flags"]
        ],
        "scores": {
            name: float(f"{value:.4g}") for name, value in (row["scores"] or {}).items() if value
        },
    }


def _judged(history: Sequence[Mapping[str, Any]], digest: str) -> list[dict[str, Any]]:
    """Return the verdicts that the build knew already; `now`: on the text as it is."""
    return [
        {
            **{name: one[name] for name in ("decision", "reason", "comment", "reviewer")},
            "now": one["text_digest"] == digest,
        }
        for one in history
    ]
