"""What is known to be shared by the real files, found whatever role a recipe gives each source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.text.normalize import comparison_key
from schemas.item import Item
from tests.pipeline.stages.rows import Row, decide, make, mcq, qa
from tests.sources.real import parse_real

pytestmark = pytest.mark.real

LONG = 60  # letters of a Spanish question that is no phrase


def records(name: str, root: Path, role: str, language: str = "") -> Iterator[Row]:
    """Yield the items of a source as records of one role, without their roots."""
    items = (row for row in parse_real(name, root) if isinstance(row, Item))
    for number, item in enumerate(items):
        if language and item.language != language:
            continue
        given = {"id": f"{name} {item.split} {number}", "role": role, "source": name}
        texts = {"context": item.context, "rationale": item.rationale}
        if item.task == "mcq":
            row = mcq(item.question, item.options, item.answer_indices, item.language, **given)
        else:
            row = qa(item.question, item.answer, item.language, **given)
        yield row | texts


def letters(row: Row) -> str:
    """Return the letters and digits of a question."""
    return "".join(filter(str.isalnum, comparison_key(row["question"], row["language"])))


@pytest.mark.parametrize("role", ["benchmark", "validation"])
def test_casimedicos_holds_spanish_head_qa(raw_root: Path, role: str) -> None:
    train = list(records("casimedicos", raw_root, "train", "es"))
    items = list(records("head_qa", raw_root, role, "es"))
    drops = decide(make("decontaminate"), *train, *items).drops()
    questions = {text for item in items if len(text := letters(item)) >= LONG}
    repeated = {row["id"] for row in train if letters(row) in questions}
    assert len(repeated) >= 80
    assert repeated <= drops.keys()
    assert len(drops) > 130
    assert set(drops.values()) == {f"{role}_question", f"{role}_similar"}


def test_head_qa_loses_130_spanish_questions_to_casimedicos(raw_root: Path) -> None:
    """The other way round: 130 questions, 23 of them of its own test split."""
    train = list(records("head_qa", raw_root, "train", "es"))
    items = list(records("casimedicos", raw_root, "benchmark", "es"))
    drops = decide(make("decontaminate"), *train, *items).drops()
    assert len(drops) >= 130
    assert len([one for one in drops if "/test " in one]) >= 23


@pytest.mark.parametrize("name", ["cmexam", "apollo_xmedbench"])
def test_cmexam_validation_and_apollo_share_questions(raw_root: Path, name: str) -> None:
    """109 questions have the same letters; those that share an option are the same."""
    other = {"cmexam": "apollo_xmedbench", "apollo_xmedbench": "cmexam"}[name]
    train = list(records(name, raw_root, "train", "zh"))
    items = list(records(other, raw_root, "benchmark", "zh"))
    drops = decide(make("decontaminate"), *train, *items).drops()
    by_letters: dict[str, set[str]] = {}
    for item in items:
        by_letters.setdefault(letters(item), set()).update(options(item))
    shared = [row for row in train if options(row) & by_letters.get(letters(row), set())]
    assert len({letters(row) for row in shared}) >= 80
    assert {row["id"] for row in shared} <= drops.keys()


def options(row: Row) -> set[str]:
    """Return the comparison keys of a record's options."""
    return {comparison_key(option, row["language"]) for option in row["options"]}
