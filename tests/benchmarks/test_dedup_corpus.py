"""The planted duplicates must be duplicates, and the hand-written traps must fit their bases."""

import re
from pathlib import Path
from random import Random

import polars as pl
import pytest

from benchmarks.dedup_corpus import SHARES, Texts, read_texts, write_corpus
from benchmarks.dedup_edits import DUPLICATES, NEGATIONS
from benchmarks.dedup_traps import TUNING, reporting

ROWS = 600


@pytest.fixture(scope="module")
def texts() -> dict[str, Texts]:
    return read_texts(None)


@pytest.fixture(scope="module")
def corpus(texts: dict[str, Texts], tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    write_corpus(path, ROWS, texts)
    return pl.read_parquet(path)


def test_a_corpus_has_every_kind_and_language(corpus: pl.DataFrame) -> None:
    assert corpus.height == ROWS
    assert set(corpus["language"]) == set(SHARES)
    planted = set(corpus.filter(pl.col("base") != "")["kind"])
    assert planted == {*DUPLICATES, *(f"trap:{name}" for name in TUNING)}


def test_a_corpus_is_the_same_each_time(
    corpus: pl.DataFrame, texts: dict[str, Texts], tmp_path: Path
) -> None:
    write_corpus(tmp_path / "again.parquet", ROWS, texts)
    assert pl.read_parquet(tmp_path / "again.parquet").equals(corpus)


@pytest.mark.parametrize("language", SHARES)
def test_misprints_leave_numbers_and_negations_alone(
    language: str, texts: dict[str, Texts]
) -> None:
    rng = Random(3)
    num_changed = 0
    for record in texts[language].records:
        changed = DUPLICATES["edit6"](record, rng, texts[language].pools)
        if changed is None:
            continue
        num_changed += 1
        before, after = "\n".join(record.pieces()), "\n".join(changed.pieces())
        assert before != after
        assert re.findall(r"\d+", before) == re.findall(r"\d+", after)
        for cue in ("not", "不", "ない", "pas", "не", "no"):
            if re.fullmatch(NEGATIONS[language], cue):
                word = cue if language in ("zh", "ja") else rf"\b{cue}\b"
                assert len(re.findall(word, before)) == len(re.findall(word, after))
    assert num_changed > 10


@pytest.mark.parametrize("language", SHARES)
def test_hand_written_traps_differ_from_their_base(language: str) -> None:
    for base, changes in reporting(language):
        assert not base.options or set(base.answer.split("\n")) <= set(base.options)
        assert {change.is_trap for change in changes} == {True, False}
        assert all(change.record != base for change in changes)
