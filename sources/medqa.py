"""MedQA, the USMLE test questions (English, four options), as the MIRAGE benchmark ships them.

The key is a letter, and upstream repeats the keyed option's text in `answer`. Rows carry no id, so
their content is their key. More than half of each row's bytes are MetaMap phrases, not read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.reading import ContentKeys, letter_index, read_jsonl
from sources.source import File, Source

_REVISION = "392943af99cd94cafd50a0de2e7fca24bbf65494"
_UPSTREAM = f"https://raw.githubusercontent.com/Teddy-XiongGZ/MIRAGE/{_REVISION}/rawdata/medqa"

SOURCE = Source(
    name="medqa",
    title="MedQA (USMLE), test",
    homepage="https://github.com/jind11/MedQA",
    revision=_REVISION,
    languages=("en",),
    files={
        "test": (
            File(
                path="en/medqa_usmle/phrases_no_exclude_test.jsonl",
                sha256="c3b905ccfa66152dc25afbcb2c10e86c0bdb208824f0658fcdb2c040f60a2beb",
                url=f"{_UPSTREAM}/data_clean/questions/US/4_options/phrases_no_exclude_test.jsonl",
            ),
        )
    },
    splits={"test": "benchmark"},
    license="MIT",
    license_evidence=f"{_UPSTREAM}/LICENSE",
    redistributable="yes",
    forms=("exam",),
    citation=(
        "Jin, Pan, Oufattole, Weng, Fang, Szolovits (2021). What Disease Does This Patient Have? "
        "A Large-Scale Open Domain Question Answering Dataset from Medical Exams. "
        "Applied Sciences 11(14):6421."
    ),
    expected_rows={"test": {"en/mcq": 1273}},
)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    keys = ContentKeys()
    for split, paths in files.items():
        for path in paths:
            for number, row in read_jsonl(path):
                if isinstance(row, BadRow):
                    yield row
                else:
                    yield _item(str(path), number, row, split, keys)


def _item(
    file: str, number: int, row: dict[str, Any], split: str, keys: ContentKeys
) -> Item | BadRow:
    question, options = row.get("question"), row.get("options")
    if not isinstance(question, str) or not isinstance(options, dict):
        return BadRow(file, number, "missing_field", str(row)[:200], "en")
    if not question.strip():
        return BadRow(file, number, "empty_question", str(row)[:200], "en")
    texts = tuple(str(text) for text in options.values())
    return Item(
        file=file,
        row=number,
        key=keys.key(question, *texts, str(row.get("answer_idx"))),
        split=split,
        task="mcq",
        form="exam",
        language="en",
        question=question,
        options=texts,
        answer_indices=key_indices(list(options), row.get("answer_idx")),
        topic=str(row.get("meta_info") or ""),
    )


def key_indices(letters: Sequence[str], key: object) -> tuple[int, ...]:
    """Return where the keyed letter stands among the options' letters; empty without a key.

    A letter that no option has gives its place in the alphabet, which is out of range.
    """
    if not isinstance(key, str) or not key:
        return ()
    return (letters.index(key),) if key in letters else (letter_index(key),)
