"""Reads a source into records: identifiers, role, licence, and the rules of form.

The rules drop train rows only. Rows that protect others (benchmark, validation, reference) stay,
keyless and image-dependent ones included, so that decontamination sees every question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

import sources
from pipeline.errors import InputError
from pipeline.frames import (
    DROPPED_COLUMNS,
    EVIDENCE_CHARACTERS,
    ITEM_COLUMNS,
    StageResult,
    split_by_reason,
)
from pipeline.keys import text_digest
from pipeline.plan import SourceInput
from pipeline.recipe import SourceEntry
from pipeline.stages.stage import Stage, StageSettings
from pipeline.store import code_digest
from pipeline.text.mask import mask
from pipeline.text.normalize import comparison_key, published
from schemas.item import BadRow, Item, Role
from schemas.licenses import LicenseChoice, is_allowed, is_unknown
from sources import registry
from sources.source import Source
from sources.table import parse_table

# Flags that a parser sets on rows which cannot be taught from.
DROPPING_FLAGS = ("ambiguous_key", "image_dependent", "linked_case", "truncated_answer")
READ_COLUMNS = pl.Schema({**dict(DROPPED_COLUMNS), "part": pl.String()})
FRAME_ROWS = 2048  # rows turned into a frame at a time; bounds the memory that Python objects take


class IngestSettings(StageSettings):
    """How sources are cut into shards; shards are never re-cut afterwards."""

    shard_rows: int = Field(4096, ge=1)


OF_LATER_STAGES = {"label_cap", "max_loss", "loss_checked_from"}  # settings of a source, a table


class Ingest(Stage[IngestSettings]):
    """Reads one source at a time into shards."""

    name: ClassVar[str] = "ingest"
    Settings: ClassVar[type[StageSettings]] = IngestSettings

    def source_identity(self, source_input: SourceInput) -> list[object]:
        """Return what decides the rows of a source."""
        files = {s: [(f.shown, f.sha256) for f in fs] for s, fs in source_input.files.items()}
        table = source_input.table
        return [
            *self.identity(),
            source_input.source.name,
            # All parsers together: they share modules, reading everything again takes seconds,
            # and content that came out the same is a hit in every later stage.
            code_digest(Path(sources.__path__[0])),
            files,
            table and table.model_dump(mode="json", exclude=OF_LATER_STAGES),
            dict(source_input.roles),
            source_input.entry.model_dump(mode="json", exclude=OF_LATER_STAGES),
            self.recipe.licenses,
        ]

    def read(self, source_input: SourceInput) -> tuple[pl.DataFrame, StageResult]:
        """Return the upstream rows as read, and what became of them and of their further parts."""
        rows = Records(source_input, self.recipe.licenses).rows()
        chunks = iter(lambda: list(islice(rows, FRAME_ROWS)), [])
        try:
            frames = [pl.DataFrame(chunk, schema=READ_COLUMNS, orient="row") for chunk in chunks]
        except (ValueError, OSError, EOFError) as error:
            # Rows never raise: this is a fault of a whole file, such as its encoding.
            raise InputError(f"{source_input.source.name}: {error}") from error
        judged = pl.concat([pl.DataFrame(schema=READ_COLUMNS), *frames])
        judged = _at_most(judged, source_input.entry.max_rows)
        # An upstream row counts as read; its open twin, made of the same row, counts as added.
        read = judged.filter(pl.col("part") == "main").select(ITEM_COLUMNS.names())
        return read, split_by_reason(judged)

    def shards(self, kept: pl.DataFrame) -> list[pl.DataFrame]:
        """Cut the rows of a source into shards."""
        return list(kept.iter_slices(self.settings.shard_rows))


def _at_most(judged: pl.DataFrame, max_rows: int | None) -> pl.DataFrame:
    if max_rows is None:
        return judged
    train = judged.filter(pl.col("reason").is_null() & (pl.col("role") == "train"))
    too_many = train.sort("id").slice(max_rows)["id"]  # an id is a hash: a fair sample
    is_over = pl.col("reason").is_null() & pl.col("id").is_in(too_many.implode())
    return judged.with_columns(
        reason=pl.when(is_over).then(pl.lit("over_source_rows")).otherwise("reason"),
        threshold=pl.when(is_over).then(float(max_rows)).otherwise("threshold"),
    )


class Records:
    """Turns what a parser yields into rows of the dropped-row schema; no reason means kept."""

    def __init__(self, source_input: SourceInput, licenses: LicenseChoice) -> None:
        self.input = source_input
        self.source = source_input.source
        self.licenses = licenses
        self._ids: set[str] = set()
        self._shown = {str(f.path): f.shown for fs in source_input.files.values() for f in fs}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one row per item or bad row, in the parser's order."""
        for parsed in self._parsed():
            if isinstance(parsed, BadRow):
                yield self._bad(parsed)
            elif parsed.split in self.input.roles:
                yield self._item(parsed, self.input.roles[parsed.split])

    def _parsed(self) -> Iterable[Item | BadRow]:
        paths = {split: [f.path for f in files] for split, files in self.input.files.items()}
        if self.input.table:
            return parse_table(self.input.table, self.input.table.path)
        return registry.load(self.source.name).parse(paths)

    def _place(self, file: str, row: int) -> dict[str, Any]:
        path, mark, member = file.partition("!")
        return {"file": (self._shown.get(path) or Path(path).name) + mark + member, "row": row}

    def _name(self, subset: str) -> str:
        return f"{self.source.name}.{subset}" if subset else self.source.name

    def _bad(self, bad: BadRow) -> dict[str, Any]:
        source, place = self._name(bad.subset), self._place(bad.file, bad.row)
        alone = self.source.languages[0] if len(self.source.languages) == 1 else ""
        language = bad.language or alone
        record = _EMPTY | {
            "id": self._unique(
                text_digest(source, language, place["file"], str(bad.row), bad.reason)
            ),
            "role": "train",
            "language": language,
            "part": "main",
            "source": source,
            "source_row": place,
            "license": self.source.license,
            "redistributable": self.source.redistributable,
            "egress": self.source.egress,
        }
        return _dropped(record, bad.reason, bad.excerpt)

    def _unique(self, record_id: str) -> str:
        number = 2
        unique = record_id
        while unique in self._ids:
            unique = text_digest(record_id, str(number))
            number += 1
        self._ids.add(unique)
        return unique

    def _item(self, item: Item, role: Role) -> dict[str, Any]:
        source = self._name(item.subset)
        record_id = text_digest(source, item.language, item.key, item.part)
        repeated = record_id in self._ids
        record = _EMPTY | {
            "part": item.part,
            "id": self._unique(record_id),
            "root_id": self._root(source, item),
            "role": role,
            "task": item.task,
            "form": item.form,
            "language": item.language,
            "question": item.question,
            "context": item.context,
            "history": [{"role": turn.role, "content": turn.content} for turn in item.history],
            "options": list(item.options),
            "answer_indices": list(item.answer_indices),
            "several_allowed": item.several_allowed,
            "answer": _answer(item),
            "rationale": item.rationale,
            "source": source,
            "source_row": self._place(item.file, item.row),
            "license": item.license or self.source.license,
            "redistributable": self.source.redistributable,
            "egress": self.source.egress,
            "origin": item.origin,
            "topic": item.topic,
            "year": item.year,
            "jurisdiction": item.jurisdiction,
            "flags": [
                {"name": f.name, "other_id": f.other_id, "value": f.value, "evidence": f.evidence}
                for f in item.flags
            ],
        }
        if repeated:
            return _dropped(record, "repeated_key", item.key)
        fault = None if role != "train" else self._fault(item)
        return _dropped(record, *fault) if fault else record

    def _root(self, source: str, item: Item) -> str:
        if self.source.parallel_family and item.parallel_key:
            return text_digest("root", self.source.parallel_family, item.parallel_key)
        return text_digest(source, item.language, item.key, "main")

    def _fault(self, item: Item) -> tuple[str, str] | None:
        return train_fault(item, self.source, self.input.entry, self.licenses)


def train_fault(
    item: Item, source: Source, entry: SourceEntry, licenses: LicenseChoice
) -> tuple[str, str] | None:
    """Return the reason and evidence for which ingest drops a train item, if any."""
    license_id = item.license or source.license
    if is_unknown(license_id):
        if not entry.allow_unknown_license:
            return "license_unknown", license_id
    elif not is_allowed(license_id, licenses):
        return "license_excluded", license_id
    if entry.include is not None and item.form not in entry.include:
        return "form_excluded", item.form
    return form_fault(item)


def form_fault(item: Item) -> tuple[str, str] | None:
    """Return the reason and evidence for which an item cannot be taught from, if any."""
    if not published(item.question):
        return "empty_question", ""
    for flag in item.flags:
        is_answerable = flag.name == "linked_case" and item.context  # the parser found the case
        if flag.name in DROPPING_FLAGS and not is_answerable:
            return flag.name, flag.evidence
    if item.task == "qa":
        return None if published(item.answer) else ("empty_answer", item.question)
    return _options_fault(item)


def _options_fault(item: Item) -> tuple[str, str] | None:
    if len(item.options) < 2 or not all(map(published, item.options)):
        return "missing_option", " | ".join(item.options)
    keys = [comparison_key(option, item.language) for option in item.options]
    if len(set(keys)) < len(keys):
        return "duplicate_options", " | ".join(item.options)
    if not item.answer_indices:
        return "no_key", item.question
    if not all(0 <= index < len(item.options) for index in item.answer_indices):
        return "key_out_of_range", f"{list(item.answer_indices)} of {len(item.options)} options"
    return None


def _answer(item: Item) -> str:
    if item.task == "qa":
        return item.answer
    in_range = [i for i in item.answer_indices if 0 <= i < len(item.options)]
    return "\n".join(item.options[index] for index in in_range)


_SET_LATER = ("group_id", "parent_id", "split", "detected_language")
_TEXTS = (n for n, t in ITEM_COLUMNS.items() if t == pl.String and n not in _SET_LATER)
_LISTS = (n for n, t in ITEM_COLUMNS.items() if isinstance(t, pl.List))
# Made once: a quarter of a million rows start from it. Its lists are never changed in place.
_EMPTY: dict[str, Any] = (
    dict.fromkeys(READ_COLUMNS)
    | dict.fromkeys(_TEXTS, "")
    | {name: [] for name in _LISTS}
    | {"several_allowed": False}
)


def _dropped(record: dict[str, Any], reason: str, evidence: str) -> dict[str, Any]:
    # The ledger only ever shows masked text, also of rows that never reach the mask stage. Cut
    # after masking: half of an address is not recognised.
    shown = mask(" ".join(evidence.split()), record["language"] or "en").text
    return record | {"reason": reason, "evidence": shown[:EVIDENCE_CHARACTERS]}
