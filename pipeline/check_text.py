"""What `mmed sources check` prints: items as they were understood, every refusal, counts."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.check_sources import CheckResult
from schemas.item import LETTERS, BadRow, Item
from schemas.ledger import REASONS

_SHOWN_CHARACTERS = 600  # of a text; cases and guidelines run to thousands
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a terminal would obey some of them


def render(result: CheckResult) -> str:
    """Return the whole result as plain text."""
    parts = [
        _head(result),
        *(_item_text(number, item) for number, item in enumerate(result.items, 1)),
        _refusals_text(result),
        _counts_text(result),
        _summary(result),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(result: CheckResult) -> str:
    source = result.source
    roles = ", ".join(f"{split} ({role})" for split, role in source.splits.items())
    terms = f"redistributable {source.redistributable}, egress {source.egress}"
    lines = [
        f"{source.name}: {source.title}, licence {source.license}, {terms}",
        f"splits: {roles}",
        *(f"note: {note}" for note in result.notes),
        *(f"missing: {path}" for path in result.missing),
    ]
    if result.missing:
        lines.append(f"Run `mmed fetch {source.name}`, or put the files there.")
    return "\n".join(lines)


def _item_text(number: int, item: Item) -> str:
    subset = f", subset {item.subset}" if item.subset else ""
    head = f"item {number}: {item.language} {item.task} {item.form}, split {item.split}{subset}"
    lines = [f"{head}  [{Path(item.file).name}, row {item.row}, key {item.key}]"]
    turns = [(f"{turn.role} said", turn.content) for turn in item.history]
    texts = [("context", item.context), *turns, ("question", item.question)]
    lines += [_field(name, text) for name, text in texts if text]
    for index, option in enumerate(item.options):
        mark = "*" if index in item.answer_indices else " "
        lines.append(_field(f"{mark} {LETTERS[index]}", option))
    for name, text in (
        ("answer", item.answer),
        ("rationale", item.rationale),
        ("topic", item.topic),
    ):
        if text:
            lines.append(_field(name, text))
    if item.task == "mcq":
        lines.append(_field("key", _key_text(item)))
    lines += [_field("flag", f"{flag.name} {flag.evidence}") for flag in item.flags]
    return "\n".join(lines)


def _key_text(item: Item) -> str:
    letters = ", ".join(
        LETTERS[index] if 0 <= index < len(LETTERS) else str(index) for index in item.answer_indices
    )
    several = "several allowed" if item.several_allowed else "one allowed"
    return f"{letters or 'none'} ({several})"


def _field(name: str, text: str) -> str:
    shown = text[:_SHOWN_CHARACTERS]
    if len(text) > _SHOWN_CHARACTERS:
        shown += f"… ({len(text)} characters in all)"
    return f"  {name:<10} " + _clean(shown).replace("\n", "\n" + " " * 13)


def _clean(text: str) -> str:
    return _CONTROL.sub("�", text.replace("\r\n", "\n").replace("\r", "\n"))


def _refusals_text(result: CheckResult) -> str:
    if not result.refusals:
        return "" if result.missing else "no row was refused"
    num_refused = len(result.refusals)
    lines = ["1 row was refused:" if num_refused == 1 else f"{num_refused} rows were refused:"]
    for bad in result.refusals:
        excerpt = " ".join(_clean(bad.excerpt).splitlines())[:300]
        place = f"{Path(bad.file).name}, row {bad.row}"
        lines.append(f"  {place}: {bad.reason}. {_sentence(bad)}")
        lines += [f"    {excerpt}"] if excerpt else []
    return "\n".join(lines)


def _sentence(bad: BadRow) -> str:
    return REASONS.get(bad.reason, "The parser gives a reason that schemas/ledger.py lacks.")


def _counts_text(result: CheckResult) -> str:
    lines = ["counts:"]
    for split, kinds in result.counts.items():
        lines += [f"  {split} {kind}: {number}" for kind, number in kinds.items()]
    by_build = Counter(bad.reason for bad in result.refusals)
    by_build -= Counter(result.counts.get("refused"))
    lines += [f"  of these dropped for {name}: {n}" for name, n in sorted(by_build.items())]
    lines += [f"  items with remark {name}: {n}" for name, n in sorted(result.remarks.items())]
    if not result.expected:
        lines.append("The source declares no expected counts.")
    elif result.differences:
        lines += [f"  not as declared: {difference}" for difference in result.differences]
    else:
        lines.append("All counts are as declared.")
    return "\n".join(lines)


def _summary(result: CheckResult) -> str:
    splits = result.source.splits
    others = sorted({splits[name] for name in result.counts if name in splits} - {"train"})
    lines = []
    if others:
        rules = "The rules for training rows do not apply to rows of the role"
        lines.append(f"{rules} {' or '.join(others)}.")
    if result.missing:
        is_one = len(result.missing) == 1
        lines.append(f"{len(result.missing)} {'file is' if is_one else 'files are'} missing.")
    if not result.num_rows:
        return "\n".join([*lines, "No row was read."])
    of = "row" if result.num_rows == 1 else "rows"
    told = f"{result.num_train} of {result.num_rows} {of} would enter a build as training rows"
    later = "; later stages may drop duplicates, other languages and benchmark questions"
    lines.append(told + (later if result.num_train else "") + ".")
    return "\n".join(lines)


def as_json(result: CheckResult) -> dict[str, Any]:
    """Return the whole result for machines."""
    return {
        "source": result.source.name,
        "license": result.source.license,
        "splits": dict(result.source.splits),
        "rows": result.num_rows,
        "training_rows": result.num_train,
        "missing": result.missing,
        "notes": result.notes,
        "items": [_item_json(item) for item in result.items],
        "refusals": [
            {
                "file": bad.file,
                "row": bad.row,
                "reason": bad.reason,
                "sentence": _sentence(bad),
                "excerpt": bad.excerpt,
            }
            for bad in result.refusals
        ],
        "counts": result.counts,
        "expected": {split: dict(kinds) for split, kinds in result.expected.items()},
        "differences": result.differences,
        "remarks": result.remarks,
        "as_expected": result.is_as_expected,
    }


def _item_json(item: Item) -> dict[str, Any]:
    names = [name for name in Item.__slots__ if name not in ("history", "flags")]
    values = {name: getattr(item, name) for name in names}
    values["history"] = [{"role": turn.role, "content": turn.content} for turn in item.history]
    values["flags"] = [{"name": flag.name, "evidence": flag.evidence} for flag in item.flags]
    return values
