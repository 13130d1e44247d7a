"""The two tables that a translated table becomes: rows in the other language, and the rest.

A translation has every column of its source row, with the texts of the question replaced. What is
quarantined has the reasons with their evidence, and both texts of every field side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.tables.reading import TEXT_FIELD, filtered
from pipeline.tables.utf8 import readable
from schemas.item import Language

ID, LANGUAGE = "id", "language"
SOURCE_LANGUAGE, TARGET_LANGUAGE, MODEL = "source_language", "target_language", "model"
REASONS, EVIDENCE = "reasons", "evidence"
_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: its fields in the other language, and why they are not good enough.

    `made` is None where the row was not sent; each reason has its evidence beside it.
    """

    given: Row
    made: Row | None
    reasons: Sequence[tuple[str, str]] = ()

    @property
    def is_translated(self) -> bool:
        """Tell whether the row goes among the translations."""
        return not self.reasons


class Tables:
    """Makes rows of both tables; `fields` are the columns of the input that are translated."""

    def __init__(self, given: pa.Schema, fields: Sequence[str], to: Language, model: str) -> None:
        self._fields = fields
        self._to = to
        self._model = model
        self.columns_copied = [
            name
            for name in given.names
            if name not in {ID, LANGUAGE, SOURCE_LANGUAGE, MODEL, *fields}
        ]
        self.translated = _with_columns(given, (SOURCE_LANGUAGE, MODEL))
        self.quarantined = self._quarantined_schema(given)

    def _quarantined_schema(self, given: pa.Schema) -> pa.Schema:
        first = [
            pa.field(ID, given.field(ID).type),
            *(pa.field(name, _TEXT) for name in (SOURCE_LANGUAGE, TARGET_LANGUAGE)),
            *(pa.field(name, _TEXTS) for name in (REASONS, EVIDENCE)),
        ]
        types = {name: _TEXTS if _is_list(given.field(name)) else _TEXT for name in self._fields}
        sides = ("source", "target")
        both = [pa.field(f"{side}_{name}", of) for name, of in types.items() for side in sides]
        return pa.schema([*first, *both])

    def translations(self, batch: pa.Table, outcomes: Sequence[Outcome]) -> pa.Table:
        """Return the rows of a batch that are translated."""
        rows = filtered(batch, np.array([one.is_translated for one in outcomes], bool))
        made = [one.made for one in outcomes if one.made is not None and one.is_translated]
        given = [one.given for one in outcomes if one.is_translated]
        columns = {name: rows.column(name) for name in rows.column_names}
        columns[SOURCE_LANGUAGE] = pa.array([one[LANGUAGE] for one in given], _TEXT)
        columns[MODEL] = pa.array([self._model] * len(made), _TEXT)
        columns[LANGUAGE] = pa.array([self._to] * len(made), rows.column(LANGUAGE).type)
        for name in self._fields:
            columns[name] = _replaced(rows.column(name), [one[name] for one in made])
        return _table(columns, self.translated)

    def quarantine(self, batch: pa.Table, outcomes: Sequence[Outcome]) -> pa.Table:
        """Return what there is to say of the rows of a batch that are not translated."""
        is_left = np.array([not one.is_translated for one in outcomes], bool)
        rows = [self._told(one) for one in outcomes if not one.is_translated]
        columns = {name: [row[name] for row in rows] for name in self.quarantined.names[1:]}
        ids = filtered(batch.select([ID]), is_left).column(ID)
        return _table({ID: ids, **columns}, self.quarantined)

    def _told(self, one: Outcome) -> dict[str, Any]:
        made = one.made or {}
        return {
            SOURCE_LANGUAGE: one.given[LANGUAGE],
            TARGET_LANGUAGE: self._to,
            REASONS: [reason for reason, _ in one.reasons],
            EVIDENCE: [evidence for _, evidence in one.reasons],
            **{f"source_{name}": one.given[name] for name in self._fields},
            **{f"target_{name}": made.get(name) or None for name in self._fields},
        }


def _with_columns(given: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """Return the input's columns with others of text, which replace those of the same name."""
    # What other tools note beside a schema, such as its features, does not hold for this one.
    fields = [field for field in given.remove_metadata() if field.name not in names]
    return pa.schema([*fields, *(pa.field(name, _TEXT) for name in names)])


def _is_list(field: pa.Field) -> bool:
    return bool(pa.types.is_list(field.type) or pa.types.is_large_list(field.type))


def _table(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    arrays = (columns[field.name] for field in schema)
    made = [
        pa.array(one, field.type) if isinstance(one, list) else one
        for one, field in zip(arrays, schema, strict=True)
    ]
    return pa.table(made, schema=schema)


def _replaced(old: pa.ChunkedArray, texts: Sequence[Any]) -> pa.Array:
    """Return a column of the same type with these texts; what was empty or null stays as it was."""
    before = [value for chunk in old.chunks for value in readable(chunk)[0].to_pylist()]
    values = zip(before, texts, strict=True)
    return pa.array([_filled(value, text) if value else value for value, text in values], old.type)


def _filled(value: Any, text: Any) -> Any:  # noqa: ANN401 - a text, or a list of whatever is in one
    if not isinstance(value, list) or not isinstance(value[0], dict):
        return text
    return [{**one, TEXT_FIELD: new} for one, new in zip(value, text, strict=True)]
