"""Signatures that depend on nothing but the set, and bands under which similar sets meet."""

from __future__ import annotations

import subprocess
import sys

import pytest
import xxhash
from datasketch import MinHash

from pipeline.keys import record_shingles
from pipeline.text.minhash import BANDS, PERMUTATIONS, SEED, band_hashes, signature
from pipeline.text.shingles import jaccard
from schemas.item import LANGUAGES
from tests.pipeline.stages.cases import CASES, case
from tests.pipeline.stages.rows import sample_mcq, sample_qa


def sets(language: str) -> list[set[str]]:
    return [record_shingles(sample_mcq(language)), record_shingles(sample_qa(language))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_signature_does_not_depend_on_the_other_sets(language: str) -> None:
    first, second = sets(language)
    alone = [*band_hashes([first]), *band_hashes([second])]
    assert band_hashes([first, second]) == alone
    assert band_hashes([second, first]) == alone[::-1]
    assert [len(bands) for bands in alone] == [BANDS, BANDS]


def test_signature_is_the_same_in_every_process() -> None:
    code = (
        "from pipeline.text.minhash import band_hashes;"
        "print(band_hashes([{'fever', 'cough', '発熱がある', 'кашель'}])[0])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{band_hashes([{'fever', 'cough', '発熱がある', 'кашель'}])[0]}\n"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("change", ["reworded", "other_number", "other_drug"])
def test_lightly_changed_record_shares_a_band(language: str, change: str) -> None:
    left = record_shingles(case(language))
    right = record_shingles(case(language, question=getattr(CASES[language], change)))
    assert jaccard(left, right) >= 0.8
    first, second = band_hashes([left, right])
    assert any(one == other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_unrelated_records_share_no_band(language: str) -> None:
    first, second = band_hashes(sets(language))
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_equal_values_in_two_bands_give_two_hashes() -> None:
    # One shingle gives the same minimum everywhere a permutation repeats; the band is hashed in.
    [bands] = band_hashes([{"fever"}])
    assert len(set(bands)) == BANDS


@pytest.mark.parametrize("likeness", [0.8, 0.9])
def test_planted_pairs_are_found_at_the_rate_that_the_bands_promise(likeness: float) -> None:
    num_pairs, size = 200, 90
    shared = round(2 * size * likeness / (1 + likeness))
    sides = []
    for pair in range(num_pairs):
        common = {f"{pair}-{n}" for n in range(shared)}
        sides += [
            common | {f"{pair}{s}{n}" for n in range(size - shared)} for s in ("left", "right")
        ]
    bands = band_hashes(sides)
    found = sum(
        any(one == other for one, other in zip(bands[n], bands[n + 1], strict=True))
        for n in range(0, 2 * num_pairs, 2)
    )
    promised = 1 - (1 - likeness**8) ** 16
    assert found / num_pairs >= promised - 0.06


@pytest.mark.parametrize("language", LANGUAGES)
def test_signature_is_that_of_datasketch(language: str) -> None:
    for shingles in [*sets(language), {"fever"}, set()]:
        theirs = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=xxhash.xxh32_intdigest)
        theirs.update_batch([shingle.encode() for shingle in shingles])
        assert signature(shingles).tolist() == theirs.hashvalues.tolist()
