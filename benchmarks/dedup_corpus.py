"""Corpora with known duplicates: real questions, recombined ones, planted duplicates and traps.

Of a corpus 80 % are bases: the real records of all registered sources at hand, then records put
together from clauses and options of the same texts; 12 % are duplicates of bases (`dedup_edits`)
and 8 % tuning traps (`dedup_traps`). No base has two duplicates, nor two traps, so that which row
of a cluster is kept cannot decide whether a planted pair counts as found. Terms and parallel
sentences are left out: they are no questions, and a build never looks for duplicates among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import polars as pl

from benchmarks.dedup_edits import DUPLICATES, Change, Pools, Record
from benchmarks.dedup_traps import TUNING, terms
from pipeline.fetch import locate
from pipeline.text.normalize import published
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import Item
from sources import registry
from sources.source import File
from sources.starter import FOLDER as STARTER

SHARES = {"en": 0.25, "zh": 0.30, "ja": 0.10, "fr": 0.10, "ru": 0.12, "es": 0.13}
DUPLICATE_SHARE, TRAP_SHARE = 0.12, 0.08
SEED = 7
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "language": pl.String,
    "question": pl.String,
    "options": pl.List(pl.String),
    "answer": pl.String,
    "kind": pl.String,  # real, recombined, a name of DUPLICATES, trap:<name of TUNING>
    "base": pl.String,  # the id of what was changed, empty for a base
}

Row = tuple[str, Record, str, str]  # id, record, kind, base
ROWS_PER_GROUP = 50_000
MIN_LETTERS = 12
MIN_OPTIONS = 1_000  # a language with fewer (ru: yes and no) lends options from its clauses
ATTEMPTS = 10_000  # bases tried for a kind of change: few have what every kind needs
_CLAUSE_END = re.compile(r"(?<=[.!?。！？；;：:])\s*|(?<=[，,、])\s*")


@dataclass(frozen=True, slots=True)
class Texts:
    """What one language has to build records from."""

    records: list[Record]
    clauses: list[str]
    pools: Pools


def read_texts(raw: Path | None) -> dict[str, Texts]:
    """Return the texts of every language; without a folder, those of the starter corpus."""
    records: dict[str, dict[str, Record]] = {language: {} for language in SHARES}
    for record in _starter() if raw is None else _real(raw):
        letters = "".join(filter(str.isalnum, "".join(record.pieces()).casefold()))
        if len(letters) >= MIN_LETTERS:
            records[record.language].setdefault(letters, record)
    return {language: _texts(language, list(found.values())) for language, found in records.items()}


def _starter() -> Iterator[Record]:
    source = registry.load("starter")
    files = {name: [STARTER / file.path for file in files] for name, files in _files("starter")}
    yield from (_record(item) for item in source.parse(files) if isinstance(item, Item))


def _real(raw: Path) -> Iterator[Record]:
    for name in registry.names():
        found = {part: [locate(raw, file) for file in files] for part, files in _files(name)}
        files = {part: [path for path in paths if path] for part, paths in found.items()}
        if name == "starter" or any(len(files[part]) < len(found[part]) for part in found):
            continue
        for item in registry.load(name).parse(files):
            if isinstance(item, Item) and item.form not in ("term", "sentence"):
                yield _record(item)


def _files(name: str) -> Iterable[tuple[str, tuple[File, ...]]]:
    return registry.load(name).SOURCE.files.items()


def _record(item: Item) -> Record:
    question = f"{item.context}\n{item.question}" if item.context else item.question
    options = tuple(map(published, item.options))
    keyed = [options[index] for index in item.answer_indices if index < len(options)]
    answer = "\n".join(keyed) if item.options else published(item.answer)
    return Record(item.language, published(question), options, answer)


def _texts(language: str, records: list[Record]) -> Texts:
    rng = Random(f"{SEED} {language}")  # noqa: S311
    rng.shuffle(records)
    shortest, longest = (6, 60) if language in CHARACTER_LANGUAGES else (20, 200)
    clauses = {
        clause.strip()
        for record in records
        for clause in _CLAUSE_END.split(f"{record.question} {record.answer}")
        if shortest <= len(clause.strip()) <= longest
    }
    options = {one for record in records for one in record.options if 1 < len(one) < 80}
    words = {
        word.casefold()
        for record in records
        for piece in record.pieces()
        for word in re.findall(r"[^\W\d_]{4,}", piece)
    }
    if len(options) < MIN_OPTIONS:
        options |= {clause for clause in clauses if len(clause) < 80}
    swapped = {word for record in records[:4_000] for word in terms(record.question, language)}
    pools = Pools(frozenset(words), sorted(swapped), sorted(options))
    return Texts(records, sorted(clauses), pools)


def write_corpus(path: Path, num_rows: int, texts: dict[str, Texts]) -> None:
    """Write a corpus of that many rows, in an order that says nothing."""
    rng = Random(f"{SEED} {num_rows}")  # noqa: S311
    num_duplicates, num_traps = int(num_rows * DUPLICATE_SHARE), int(num_rows * TRAP_SHARE)
    bases = [
        (_id(rng), record, kind, "")
        for language, share in SHARES.items()
        for kind, record in _bases(
            round((num_rows - num_duplicates - num_traps) * share), texts[language], language, rng
        )
    ]
    traps = {f"trap:{name}": change for name, change in TUNING.items()}
    rows = [
        *bases,
        *_planted(bases, num_duplicates, DUPLICATES, texts, rng),
        *_planted(bases, num_traps, traps, texts, rng),
    ]
    table(rows).sort("id").write_parquet(path, row_group_size=ROWS_PER_GROUP)


def table(rows: Iterable[Row]) -> pl.DataFrame:
    """Return records with their kinds and bases as a table of `SCHEMA`."""
    flat = [
        (row_id, one.language, one.question, list(one.options), one.answer, kind, base)
        for row_id, one, kind, base in rows
    ]
    return pl.DataFrame(flat, schema=SCHEMA, orient="row")


def _id(rng: Random) -> str:
    return f"{rng.getrandbits(64):016x}"


def _bases(count: int, texts: Texts, language: str, rng: Random) -> Iterator[tuple[str, Record]]:
    yield from (("real", record) for record in texts.records[:count])
    for _ in range(count - len(texts.records)):
        yield "recombined", _recombined(texts, language, rng)


def _recombined(texts: Texts, language: str, rng: Random) -> Record:
    is_characters = language in CHARACTER_LANGUAGES
    clauses = rng.choices(texts.clauses, k=rng.randint(2, 6 if is_characters else 4))
    question = ("" if is_characters else " ").join(clauses)
    if rng.random() < 0.5:
        options = tuple(rng.sample(texts.pools.options, rng.choice((4, 5))))
        return Record(language, question, options, rng.choice(options))
    return Record(language, question, (), " ".join(rng.choices(texts.clauses, k=2)))


def _planted(
    bases: list[Row], count: int, changes: dict[str, Change], texts: dict[str, Texts], rng: Random
) -> Iterator[Row]:
    """Yield changed bases, each kind of change as often as another, each base at most once."""
    kinds = list(changes)
    untouched = list(bases)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        for _ in range(ATTEMPTS):
            place = rng.randrange(len(untouched))
            base_id, base, *_ = untouched[place]
            changed = changes[kind](base, rng, texts[base.language].pools)
            if changed is not None and changed != base:
                yield _id(rng), changed, kind, base_id
                untouched[place] = untouched[-1]
                untouched.pop()
                break
        else:
            raise ValueError(f"none of {ATTEMPTS} bases has room for {kind!r}. Give more texts.")
