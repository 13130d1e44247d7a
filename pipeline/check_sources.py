"""Finds what a source's parser makes of the files: some items, every refusal, the counts.

For the author of a parser or the owner of a table, before a build: `check` reads the files that
are there, `pipeline/check_text.py` tells it. Refused is what the parser refuses and what a build
drops as it reads the rows (`pipeline/stages/ingest.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.fetch import checksum, locate
from pipeline.recipe import SourceEntry
from pipeline.stages.ingest import train_fault
from schemas.item import BadRow, Item
from schemas.licenses import LicenseChoice, is_unknown
from sources import registry
from sources.reading import EXCERPT_CHARACTERS
from sources.source import Parser, Source
from sources.table import TableSettings, read_table, source_of

_SHOWN_ITEMS = 5

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
