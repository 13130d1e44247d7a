"""Reads the rows of a release that a stage trains on, as conversations.

`ift` reads the open subset as its messages stand. `mc` reads the multiple-choice subset and writes
the answer anew from its letters and options, with or without the rationale, whatever the release
was emitted with. `both` reads the two, each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import InputError

SUBSETS: Mapping[str, tuple[str, ...]] = {
    "ift": ("mmed_ift",),
    "mc": ("mmed_ift_mc",),
    "both": ("mmed_ift", "mmed_ift_mc"),
}
_NAMED = ("language", "source", "form")
_COLUMNS = ("messages", "id", *_NAMED, "question", "options", "answer_letters", "rationale")

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it is trained on; the answer is the last message."""

    id: str
    language: str
    source: str
    form: str
    question: str  # a part of the last user's text
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Input:
    """The Parquet files of a stage's split, in the order in which their rows are taken."""

    paths: tuple[Path, ...]
    num_rows: int
    digest: str  # of the files' bytes
    names: Mapping[str, tuple[str, ...]]  # the values of language, source and form, sorted


def find_input(release: Path, stage: str, split: str) -> Input:
    """Find the files; an `InputError` says that there is no such split, and which there are."""
    found = sorted(
        path for subset in SUBSETS[stage] for path in (release / subset).glob("*/*.parquet")
    )
    paths = tuple(path for path in found if _split_of(path) == split)
    if not paths:
        there = ", ".join(sorted({_split_of(path) for path in found})) or "none"
        raise InputError(
            f"{release}: no split {split!r} of {' and '.join(SUBSETS[stage])} for the stage "
            f"{stage!r}; splits there: {there}."
        )
    num_rows = sum(pq.read_metadata(path).num_rows for path in paths)
    return Input(paths, num_rows, _digest(release, paths), _names(paths))


def _split_of(path: Path) -> str:
    return path.name.split("-")[0]


def _digest(release: Path, paths: Sequence[Path]) -> str:
    whole = sha256()
    for path in paths:
        whole.update(f"{path.relative_to(release).as_posix()}\n".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                whole.update(block)
    return whole.hexdigest()


def _names(paths: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    tables = pa.concat_tables(pq.read_table(path, columns=list(_NAMED)) for path in paths)
    return {name: tuple(sorted(pc.unique(tables[name]).to_pylist())) for name in _NAMED}


def read_batches(paths: Sequence[Path], num_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all files in batches of so many; the last of a file may be shorter.

    Batches are the same at every run, so that they can be counted off.
    """
    for path in paths:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(num_rows, columns=list(_COLUMNS))


def rows_of(batch: pa.RecordBatch, *, with_rationale: bool) -> list[Row]:
    """Return the rows of a batch as they are trained on."""
    return [_row(values, with_rationale=with_rationale) for values in batch.to_pylist()]


def _row(values: Mapping[str, Any], *, with_rationale: bool) -> Row:
    messages: list[Message] = values["messages"]
    if values["answer_letters"]:
        rationale = values["rationale"] if with_rationale else ""
        text = choice_answer(values["answer_letters"], values["options"], rationale)
        messages = [*messages[:-1], {"role": "assistant", "content": text}]
    names = {name: values[name] for name in ("id", *_NAMED, "question")}
    return Row(**names, messages=messages)


def choice_answer(
    letters: Sequence[str], options: Sequence[Mapping[str, str]], rationale: str = ""
) -> str:
    """Return the answer to a multiple-choice question: letter and text, then the rationale.

    Several letters come first, all of them, before any option's text; as in the release.
    """
    texts = {option["letter"]: option["text"] for option in options}
    answer = "\n".join(f"{letter}. {texts[letter]}" for letter in letters)
    answer = answer if len(letters) == 1 else f"{', '.join(letters)}\n{answer}"
    return f"{answer}\n\n{rationale}" if rationale else answer
