"""Signatures that depend on nothing but the set, and bands under which similar sets meet."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch import MinHash
from numpy.typing import NDArray

from pipeline.text.folded import fold_columns, language_number
from pipeline.text.minhash import (
    BANDS,
    PERMUTATIONS,
    SEED,
    hash_shingles,
    permutations,
    sign_hashes,
)
from pipeline.text.normalize import comparison_key
from pipeline.text.shingles import shingle_size, shingles
from schemas.item import LANGUAGES
from tests.pipeline.stages.cases import CASES


def hashes_of(text: str, language: str) -> NDArray[np.uint32]:
    import polars as pl

    numbers = np.array([language_number(language)], np.uint8)
    folded = fold_columns([(pl.Series([text]), numbers)])
    return hash_shingles(
        folded.codes, 0, int(folded.ends[1]), shingle_size(language), is_marked=False
    )


def bands_of(values: NDArray[np.uint32]) -> list[int]:
    _, bands = sign_hashes(values.copy(), *permutations())
    return [int(band) for band in bands]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["", "5", "HBsAg", None])
def test_signature_is_that_of_datasketch(language: str, text: str | None) -> None:
    text = CASES[language].question if text is None else text
    hashes = hashes_of(text, language)
    theirs = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=int)
    theirs.update_batch(hashes.tolist())
    assert sign_hashes(hashes.copy(), *permutations())[0].tolist() == theirs.hashvalues.tolist()


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_one_hash_for_each_shingle(language: str) -> None:
    text = CASES[language].question
    expected = shingles(comparison_key(text, language), language)
    assert len(set(hashes_of(text, language).tolist())) == len(expected)


def test_order_and_repeats_of_shingles_do_not_count() -> None:
    hashes = hashes_of(CASES["fr"].question, "fr")
    assert bands_of(np.concatenate([hashes[::-1], hashes])) == bands_of(hashes)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("change", ["reworded", "other_number", "other_drug"])
def test_lightly_changed_text_shares_a_band(language: str, change: str) -> None:
    case = CASES[language]
    texts = (f"{case.question} {case.answer}", f"{getattr(case, change)} {case.answer}")
    first, second = (bands_of(hashes_of(text, language)) for text in texts)
    assert any(one == other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_unrelated_texts_share_no_band(language: str) -> None:
    first, second = (
        bands_of(hashes_of(text, language))
        for text in (CASES[language].question, CASES[language].answer)
    )
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_equal_values_in_two_bands_give_two_hashes() -> None:
    assert len(set(bands_of(hashes_of("fever", "en")))) == BANDS


@pytest.mark.parametrize("likeness", [0.8, 0.9])
def test_planted_pairs_are_found_at_the_rate_that_the_bands_promise(likeness: float) -> None:
    num_pairs, size = 400, 90
    shared = round(2 * size * likeness / (1 + likeness))
    random = np.random.default_rng(3)
    found = 0
    for _ in range(num_pairs):
        pool = random.integers(0, 1 << 32, 2 * size, dtype=np.uint32)
        first, second = (bands_of(pool[at : at + size]) for at in (0, size - shared))
        found += any(one == other for one, other in zip(first, second, strict=True))
    promised = 1 - (1 - likeness**8) ** 16
    assert found / num_pairs >= promised - 0.06
