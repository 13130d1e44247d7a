"""Rows of a table as items: `read_table` reads and judges the file, `Table.items` gives its rows.

`row` of an item is the row that Excel shows (xlsx), the line where the record begins, header
included (csv, tsv, JSON lines), or the record counted from 1 (Parquet). Keys are the mapped `id`,
else the digest of the mapped cells alone, so that a column of row numbers cannot change them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.item import LETTERS, BadRow, Flag, Item
from sources.reading import EXCERPT_CHARACTERS, ContentKeys
from sources.table.cells import Fault, Row, tidy
from sources.table.files import Sheet, read_delimited, read_json_lines, read_parquet
from sources.table.keys import WAYS, KeyCell, choose_way, fits, is_alternative
from sources.table.options import split_options, unlabelled
from sources.table.settings import SPLIT, TableSettings


def _read_workbook(path: Path, settings: TableSettings) -> Sheet:
    from sources.table.workbook import read_workbook  # loads openpyxl, a seventh of a second

    return read_workbook(path, settings)


_READERS: Mapping[str, Callable[[Path, TableSettings], Sheet]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".xlsx": _read_workbook,
    ".xlsm": _read_workbook,
    ".parquet": read_parquet,
}
_COMPRESSIBLE = (".csv", ".tsv", ".jsonl", ".ndjson")
_ADVICE = {
    ".xls": "Open it and save it as .xlsx.",
    ".ods": "Open it and save it as .xlsx.",
    ".json": "Write one object per line and name it .jsonl.",
    ".txt": "Name it .csv or .tsv if it is one.",
}

_YEAR = re.compile(r"(\d{4})(?:\.0|-\d\d-\d\d(?: .*)?)?")  # 2019, 2019.0, 2019-05-03
_NUMBER_OF_TWO_KEYS = re.compile(r"\d\.\d")


class _RefusedError(ValueError):
    """A row that gives no item."""

    def __init__(self, reason: str, excerpt: str) -> None:
        super().__init__(excerpt)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Table:
    """A file read as its settings say; `notes` tell a user what was found out about it."""

    settings: TableSettings
    path: Path
    rows: Sequence[Row | BadRow]
    notes: Sequence[str]
    way: str = ""  # how keys are written, one of `keys.WAYS`
    several_allowed: bool = False

    def items(self) -> Iterator[Item | BadRow]:
        """Yield one item or bad row per row of the file."""
        keys = ContentKeys()
        for row in self.rows:
            yield row if isinstance(row, BadRow) else self._item_or_fault(row, keys)

    def _item_or_fault(self, row: Row, keys: ContentKeys) -> Item | BadRow:
        try:
            return self._item(row, keys)
        except _RefusedError as refused:
            excerpt = str(refused)[:EXCERPT_CHARACTERS]
            file, language = str(self.path), self.settings.language
            return BadRow(file, row.number, refused.reason, excerpt, language)

    def _item(self, row: Row, keys: ContentKeys) -> Item:
        fields = self.settings.fields
        question = _required(row, fields.question, "empty_question")
        is_mcq = self.settings.task == "mcq"
        key_cell = _text(row, fields.key)
        options = self._options(row, question, key_cell) if is_mcq else ()
        answer = "" if fields.answer is None else _required(row, fields.answer, "empty_answer")
        indices, flags = self._key(row, key_cell, options) if key_cell else ((), ())
        context = _text(row, fields.context)
        digest = _digest(row, keys, (question, context, *options, answer, key_cell))
        return Item(
            file=str(self.path),
            row=row.number,
            key=digest if fields.id is None else _required(row, fields.id, "missing_field"),
            split=SPLIT,
            task=self.settings.task,
            form=self.settings.form,
            language=self.settings.language,
            question=question,
            context=context,
            options=options,
            answer_indices=indices,
            several_allowed=self.several_allowed,
            answer=answer,
            rationale=_text(row, fields.rationale),
            topic=_text(row, fields.topic),
            year=_year(row, fields.year),
            flags=flags,
        )

    def _options(self, row: Row, question: str, key_cell: str) -> tuple[str, ...]:
        options, _ = _options(row, self.settings)
        columns = self.settings.fields.options
        place = row.where(tidy(columns[0]))
        if not options and not key_cell:
            told = f"no options from {place} on; a heading or a note? {question}"
            raise _RefusedError("missing_option", told)
        if len(options) < 2:
            is_packed = options and len(columns) == 1
            hint = "; is it packed in one cell? write `option_separator`" if is_packed else ""
            found = f"number of options from {place} on: {len(options)}{hint}"
            raise _RefusedError("missing_option", f"{found}; {' | '.join(options)}")
        if len(options) > len(LETTERS):
            raise _RefusedError("invalid_record", f"{len(options)} options; at most {len(LETTERS)}")
        if "" in options and self.settings.role == "train":
            raise _RefusedError("missing_option", _gap_text(options))
        return options

    def _key(
        self, row: Row, cell: str, options: Sequence[str]
    ) -> tuple[tuple[int, ...], tuple[Flag, ...]]:
        if self.way != "option texts" and is_alternative(cell):
            return (), (Flag("ambiguous_key", cell),)
        indices = WAYS[self.way](cell, options)
        if fits(indices, options):
            return indices, ()
        where = f"{row.where(tidy(self.settings.fields.key or ''))} holds {cell[:60]!r}"
        if indices:
            raise _RefusedError(
                "key_out_of_range", f"{where}, but there are {len(options)} options"
            )
        if self.way == "option texts":
            raise _RefusedError("key_out_of_range", f"{where}, which is none of the options")
        hint = " (a spreadsheet makes a number of 1,3)" if _NUMBER_OF_TWO_KEYS.match(cell) else ""
        raise _RefusedError("invalid_record", f"{where}, which cannot be read as {self.way}{hint}")


def parse_table(settings: TableSettings, path: Path) -> Iterator[Item | BadRow]:
    """Yield one item or bad row per row; a fault of the file is raised here as a `ValueError`."""
    return read_table(settings, path).items()


def read_table(settings: TableSettings, path: Path) -> Table:
    """Read a file and find out how its keys are written; a `ValueError` says what to do."""
    sheet = _reader(path)(path, settings)
    if settings.task == "qa":
        return Table(settings, path, sheet.rows, sheet.notes)
    _require_options(path, sheet.rows, settings)
    keys, labels = _key_cells(sheet.rows, settings)
    if not keys:
        return Table(settings, path, sheet.rows, sheet.notes, way=next(iter(WAYS)))
    try:
        way = choose_way(keys, settings.key_base, tidy(settings.fields.key or ""), labels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    readings = [WAYS[way](key.text, key.options) for key in keys]
    several = any(
        len(read) > 1 and fits(read, k.options) for read, k in zip(readings, keys, strict=True)
    )
    notes = [*sheet.notes, f"keys read as {way}, {'several' if several else 'one'} per question"]
    return Table(settings, path, sheet.rows, notes, way, several)


def _reader(path: Path) -> Callable[[Path, TableSettings], Sheet]:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise ValueError(f"{path}: the file {found}. Correct the table's `path`.")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    is_compressed = suffixes[-1:] == [".gz"] and suffixes[-2:-1] in [[s] for s in _COMPRESSIBLE]
    suffix = suffixes[-2] if is_compressed else "".join(suffixes[-1:])
    if suffix not in _READERS:
        raise ValueError(
            f"{path}: the suffix {suffix!r} is not one of {', '.join(_READERS)} "
            f"(or {', '.join(_COMPRESSIBLE)} with .gz). {_ADVICE.get(suffix, 'Convert the file.')}"
        )
    return _READERS[suffix]


def _key_cells(
    rows: Sequence[Row | BadRow], settings: TableSettings
) -> tuple[list[KeyCell], set[str]]:
    """Return every key of the file with its options, and what the options are called."""
    column = tidy(settings.fields.key or "")
    keys = []
    labels = set(settings.fields.options)
    for row in rows:
        try:
            if isinstance(row, Row) and settings.fields.key:
                options, prefixes = _options(row, settings)
                text = _text(row, column)
                labels |= set(prefixes)
                if text and len(options) > 1 and not is_alternative(text):
                    keys.append(KeyCell(text, options, f"row {row.number}"))
        except _RefusedError:
            continue  # told when the row itself is read
    return keys, labels


def _require_options(path: Path, rows: Sequence[Row | BadRow], settings: TableSettings) -> None:
    """Raise a `ValueError` if no row has two options, since then none can give an item."""
    shown = ""
    for row in rows:
        if isinstance(row, BadRow):
            continue
        try:
            options, _ = _options(row, settings)
        except _RefusedError:
            return  # a cell that cannot be read is told with its row
        if len(options) > 1:
            return
        shown = shown or (f"; row {row.number} holds {options[0][:80]!r}" if options else "")
    column = tidy(settings.fields.options[0])
    raise ValueError(
        f"{path}: no row has two options in {column!r}{shown}. If options are packed in one cell, "
        "write what stands between them as `option_separator` in the recipe."
    )


def _options(row: Row, settings: TableSettings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    columns = [tidy(column) for column in settings.fields.options]
    if len(columns) == 1:
        _check(row, columns[0])
        texts = split_options(row.cells[columns[0]], settings.option_separator)
    else:
        texts = [_text(row, column) for column in columns]
    while texts and not texts[-1]:
        texts.pop()  # an empty last column: this question has fewer options
    return unlabelled(texts)


def _gap_text(options: Sequence[str]) -> str:
    return (
        f"option {LETTERS[options.index('')]} is empty, and only empty options at the end "
        f"mean that there is no such option: {' | '.join(options)}"
    )


def _check(row: Row, column: str) -> None:
    cell = row.cells[column]
    if isinstance(cell, Fault):
        raise _RefusedError("invalid_record", f"{row.where(column)} {cell.text}")


def _text(row: Row, column: str | None) -> str:
    """Return a cell's text, empty where the column is not mapped."""
    if column is None:
        return ""
    column = tidy(column)
    _check(row, column)
    cell: Any = row.cells[column]
    if isinstance(cell, list) and all(isinstance(part, str) for part in cell):
        return ", ".join(cell)
    if not isinstance(cell, str):
        raise _RefusedError("invalid_record", f"{row.where(column)} holds {cell!r}, not text")
    return cell


def _required(row: Row, column: str, reason: str) -> str:
    text = _text(row, column)
    if not text:
        others = [cell for cell in row.cells.values() if isinstance(cell, str) and cell]
        found = f"; {' | '.join(others)}" if others else ""
        raise _RefusedError(reason, f"{row.where(tidy(column))} is empty{found}")
    return text


def _year(row: Row, column: str | None) -> int | None:
    text = _text(row, column)
    match = _YEAR.fullmatch(text)
    if text and match is None:
        assert column is not None
        raise _RefusedError(
            "invalid_record", f"{row.where(tidy(column))} holds {text!r}, not a year"
        )
    return int(match[1]) if match else None


def _digest(row: Row, keys: ContentKeys, cells: Sequence[str]) -> str:
    try:
        return keys.key(*cells)
    except UnicodeEncodeError as error:  # JSON can spell half of a surrogate pair
        raise _RefusedError("invalid_record", f"row {row.number} holds half a character") from error
