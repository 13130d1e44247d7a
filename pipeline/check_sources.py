"""Shows what a source's parser makes of the files: some items, every refusal, the counts.

For the author of a parser or the owner of a table, before a build: `check` reads the files that
are there, `render` and `as_json` tell it. Refused is what the parser refuses and what a build
drops as it reads the rows (`pipeline/stages/ingest.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.fetch import checksum, locate
from pipeline.recipe import SourceEntry
from pipeline.stages.ingest import train_fault
from schemas.item import LETTERS, BadRow, Item
from schemas.ledger import REASONS
from schemas.licenses import LicenseChoice, is_unknown
from sources import registry
from sources.reading import EXCERPT_CHARACTERS
from sources.source import Parser, Source
from sources.table import TableSettings, read_table, source_of

_SHOWN_ITEMS = 5
_SHOWN_CHARACTERS = 600  # of a text; cases and guidelines run to thousands
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a terminal would obey some of them

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found; `counts` and `expected` are as `Source.expected_rows` states them."""

    source: Source
    items: list[Item]
    refusals: list[BadRow]  # by the parser, and of its items those that a build drops as it reads
    counts: Counts
    expected: Mapping[str, Mapping[str, int]]
    remarks: dict[str, int]  # items by flag, keyless ones included
    num_train: int  # rows that would enter a build as training rows
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def num_rows(self) -> int:
        """Return how many rows were read."""
        return sum(sum(kinds.values()) for kinds in self.counts.values())

    @property
    def differences(self) -> list[str]:
        """Return where the counts are not the declared ones; empty if none are declared."""
        if not self.expected:
            return []
        places = sorted(_places(self.counts) | _places(self.expected))
        return [
            f"{split} {kind}: expected {wanted}, found {found}"
            for split, kind in places
            if (wanted := self.expected.get(split, {}).get(kind, 0))
            != (found := self.counts.get(split, {}).get(kind, 0))
        ]

    @property
    def is_as_expected(self) -> bool:
        """Tell whether all files are there and the counts are the declared ones, if any are."""
        return not self.missing and not self.differences


def _places(counts: Mapping[str, Mapping[str, int]]) -> set[tuple[str, str]]:
    return {(split, kind) for split, kinds in counts.items() for kind in kinds}


def check(
    parser_or_table: Parser | TableSettings, raw: Path, licenses: LicenseChoice = "all"
) -> CheckResult:
    """Parse what is there of a source or table; a `ValueError` tells a fault of a whole file.

    `licenses` is the recipe's choice, where there is a recipe.
    """
    if isinstance(parser_or_table, TableSettings):
        table = read_table(parser_or_table, parser_or_table.path)
        return _judged(source_of(parser_or_table), table.items(), licenses, [], list(table.notes))
    source = parser_or_table.SOURCE
    # Files that come with the project lie beside their module.
    root = Path(registry.__file__).parent / source.name if source.packaged else raw
    files, missing, notes = _find(source, root)
    if is_unknown(source.license):
        notes.append("a build takes training rows only if its recipe allows the unknown licence")
    return _judged(source, parser_or_table.parse(files), licenses, missing, notes)


def _find(source: Source, root: Path) -> tuple[dict[str, list[Path]], list[str], list[str]]:
    files: dict[str, list[Path]] = {}
    missing, notes = [], []
    for split, declared in source.files.items():
        files[split] = []
        for file in declared:
            path = locate(root, file)
            if path is None:
                missing.append(str(root / file.path))
                continue
            files[split].append(path)
            found = _readable_checksum(path)
            if file.sha256 not in (None, found):
                notes.append(f"{path}: the SHA-256 is {found}, expected {file.sha256}")
    return {split: paths for split, paths in files.items() if paths}, missing, notes


def _readable_checksum(path: Path) -> str:
    try:
        return checksum(path)
    except OSError as error:
        raise ValueError(f"{error}. Delete the file and run `mmed fetch` again.") from error


def _judged(
    source: Source,
    rows: Iterable[Item | BadRow],
    licenses: LicenseChoice,
    missing: list[str],
    notes: list[str],
) -> CheckResult:
    # A source without a licence would be refused as a whole: that is a note, not every row's.
    entry = SourceEntry(name=source.name, allow_unknown_license=is_unknown(source.license))
    chosen = _Choice()
    counts: dict[str, Counter[str]] = {}
    remarks: Counter[str] = Counter()
    refusals: list[BadRow] = []
    keys: set[tuple[str, str, str, str]] = set()
    num_train = 0
    for row in rows:
        if isinstance(row, BadRow):
            refusals.append(row)
            counts.setdefault("refused", Counter())[row.reason] += 1
            continue
        chosen.offer(row)
        counts.setdefault(row.split, Counter())[f"{row.language}/{row.task}"] += 1
        remarks.update(_remarks(row))
        key = (row.subset, row.language, row.part, row.key)
        is_train = source.splits.get(row.split) == "train"
        fault = train_fault(row, source, entry, licenses) if is_train else None
        fault = ("repeated_key", row.key) if key in keys else fault
        keys.add(key)
        if fault:
            refusals.append(_refusal(row, *fault))
        elif is_train:
            num_train += 1
    plain = {split: dict(sorted(kinds.items())) for split, kinds in sorted(counts.items())}
    return CheckResult(
        source=source,
        items=chosen.items(),
        refusals=refusals,
        counts=plain,
        expected=source.expected_rows,
        remarks=dict(remarks),
        num_train=num_train,
        missing=missing,
        notes=notes,
    )


def _refusal(item: Item, reason: str, evidence: str) -> BadRow:
    excerpt = (evidence or item.question)[:EXCERPT_CHARACTERS]
    return BadRow(item.file, item.row, reason, excerpt, item.language, item.subset)


def _remarks(item: Item) -> Iterator[str]:
    yield from {flag.name for flag in item.flags}
    if item.task == "mcq" and not item.answer_indices:
        yield "no_key"


class _Choice:
    """Chooses items to show: every language first, then every kind of item, then the first ones."""

    def __init__(self) -> None:
        self._by_language: dict[str, Item] = {}
        self._by_kind: dict[tuple[str, ...], Item] = {}
        self._first: list[Item] = []

    def offer(self, item: Item) -> None:
        self._by_language.setdefault(item.language, item)
        kind = (item.language, item.task, item.form, item.part, item.split)
        self._by_kind.setdefault(kind, item)
        if len(self._first) < _SHOWN_ITEMS:
            self._first.append(item)

    def items(self) -> list[Item]:
        languages = list(self._by_language.values())
        others = [*self._by_kind.values(), *self._first]
        chosen = {id(item): item for item in (*languages, *others)}
        return list(chosen.values())[: max(_SHOWN_ITEMS, len(languages))]


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
        excerpt = " ".join(_clean(bad.excerpt).splitlines())
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
