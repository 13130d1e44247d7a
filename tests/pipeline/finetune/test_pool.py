from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.finetune.pool import (
    Items,
    check_same_text,
    check_tokenizer,
    fertility,
    open_pool,
    write_pool,
)

FACTS = {"vocabulary": 300, "languages": ["en", "zh"], "sources": ["ours"], "forms": ["exam"]}


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    """Draw tokens and disjoint spans that leave the first token out."""
    tokens = draw(st.lists(st.integers(0, 299), min_size=2, max_size=12))
    edges = draw(
        st.lists(st.integers(1, len(tokens)), min_size=2, max_size=6, unique=True).map(sorted)
        if len(tokens) > 2
        else st.just([1, 2])
    )
    return tokens, list(zip(edges[::2], edges[1::2], strict=False))


def items(drawn: list[tuple[list[int], list[tuple[int, int]]]]) -> Items:
    count = len(drawn)
    return Items(
        tokens=np.array([token for tokens, _ in drawn for token in tokens], np.int32),
        lengths=np.array([len(tokens) for tokens, _ in drawn], np.int32),
        num_spans=np.array([len(spans) for _, spans in drawn], np.int32),
        spans=np.array([span for _, spans in drawn for span in spans], np.int32).reshape(-1, 2),
        language=np.arange(count, dtype=np.int8) % 2,
        source=np.zeros(count, np.int16),
        form=np.zeros(count, np.int8),
        ids=np.arange(count * 16, dtype=np.uint8).reshape(count, 16),
    )


TWO = [([5, 6, 7], [(1, 3)]), ([8, 9, 10, 11], [(2, 3), (3, 4)])]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(documents(), max_size=4), min_size=1, max_size=4))
def test_a_pool_reads_back_as_it_was_written_however_it_was_cut_into_chunks(
    tmp_path_factory: pytest.TempPathFactory,
    chunks: list[list[tuple[list[int], list[tuple[int, int]]]]],
) -> None:
    whole = [document for chunk in chunks for document in chunk]
    if not whole:
        return
    folder = tmp_path_factory.mktemp("pool") / "ift-train"
    write_pool(folder, map(items, chunks), FACTS)
    pool = open_pool(folder)
    for at, (tokens, spans) in enumerate(whole):
        begin, end = pool.offsets[at : at + 2]
        assert pool.tokens[begin:end].tolist() == tokens
        begin, end = pool.span_offsets[at : at + 2]
        assert pool.spans[begin:end].tolist() == [list(span) for span in spans]
    assert pool.lengths.tolist() == [len(tokens) for tokens, _ in whole]
    assert pool.supervised.tolist() == [sum(e - b for b, e in spans) for _, spans in whole]
    assert pool.facts["num_supervised"] == pool.supervised.sum()


@pytest.mark.parametrize(
    ("vocabulary", "dtype"), [(300, "uint16"), (65536, "uint16"), (65537, "int32")]
)
def test_tokens_take_two_bytes_where_the_vocabulary_allows(
    tmp_path: Path, vocabulary: int, dtype: str
) -> None:
    last = vocabulary - 1
    write_pool(
        tmp_path / "p", [items([([1, last], [(1, 2)])])], {**FACTS, "vocabulary": vocabulary}
    )
    pool = open_pool(tmp_path / "p")
    assert pool.tokens.dtype == dtype
    assert pool.tokens.tolist() == [1, last]


def test_an_item_keeps_the_id_of_its_record(tmp_path: Path) -> None:
    write_pool(tmp_path / "p", [items(TWO)], FACTS)
    assert open_pool(tmp_path / "p").record_id(1) == bytes(range(16, 32)).hex()


@pytest.mark.parametrize("name", ["tiny", "/models/tiny", "models/tiny"])
def test_a_folder_of_a_tokenizer_goes_by_its_last_name(tmp_path: Path, name: str) -> None:
    write_pool(tmp_path / "p", [items(TWO)], FACTS | {"tokenizer": {"name": "tiny"}})
    check_tokenizer(open_pool(tmp_path / "p"), name)


@pytest.mark.parametrize("name", ["tiny", "a/other", "a/tiny@1"])
def test_a_pool_of_another_tokenizer_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    write_pool(tmp_path / "p", [items(TWO)], FACTS | {"tokenizer": {"name": "a/tiny"}})
    with pytest.raises(InputError, match=f"of 'a/tiny', and the run's is '{name}'") as caught:
        check_tokenizer(open_pool(tmp_path / "p"), name)
    assert "\n" not in str(caught.value)


def test_fertility_is_of_answers_without_the_tokens_that_end_them(tmp_path: Path) -> None:
    figures = {"items": 2, "supervised_tokens": 12, "supervised_characters": 4}
    counted = {"zh": figures, "en": figures | {"supervised_characters": 0}}
    write_pool(tmp_path / "p", [items(TWO)], FACTS | {"fertility": counted})
    assert fertility(open_pool(tmp_path / "p")) == {"zh": 2.5}


@pytest.mark.parametrize("name", ["tokenizer", "template"])
def test_pools_of_other_tokenizers_or_templates_are_not_trained_on_together(
    tmp_path: Path, name: str
) -> None:
    facts = {part: {"name": "x", "digest": "a"} for part in ("tokenizer", "template")}
    write_pool(tmp_path / "one", [items(TWO)], FACTS | facts)
    write_pool(tmp_path / "other", [items(TWO)], FACTS | facts | {name: {"digest": "b"}})
    with pytest.raises(InputError, match=f"made with another {name} than"):
        check_same_text(open_pool(tmp_path / "other"), open_pool(tmp_path / "one"))


def test_pools_of_other_tokens_or_facts_have_other_digests(tmp_path: Path) -> None:
    write_pool(tmp_path / "a", [items(TWO)], FACTS)
    write_pool(tmp_path / "same", [items(TWO)], FACTS)
    write_pool(tmp_path / "tokens", [items([TWO[0], ([8, 9, 10, 12], TWO[1][1])])], FACTS)
    write_pool(tmp_path / "facts", [items(TWO)], {**FACTS, "stage": "mc"})
    digest = {name: open_pool(tmp_path / name).facts["digest"] for name in ("a", "same")}
    assert digest["a"] == digest["same"]
    assert digest["a"] != open_pool(tmp_path / "tokens").facts["digest"]
    assert digest["a"] != open_pool(tmp_path / "facts").facts["digest"]


def test_a_write_that_fails_leaves_the_older_pool_as_it_was(tmp_path: Path) -> None:
    write_pool(tmp_path / "p", [items(TWO)], FACTS)

    def failing() -> Any:
        yield items(TWO)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_pool(tmp_path / "p", failing(), FACTS)
    assert open_pool(tmp_path / "p").facts["num_items"] == 2
    write_pool(tmp_path / "p", [items(TWO[:1])], FACTS)
    assert open_pool(tmp_path / "p").facts["num_items"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def _cut_tokens(folder: Path) -> None:
    (folder / "tokens.bin").write_bytes((folder / "tokens.bin").read_bytes()[:-1])


def _other_version(folder: Path) -> None:
    facts = json.loads((folder / "pool.json").read_text())
    (folder / "pool.json").write_text(json.dumps({**facts, "version": 0}))


def _no_facts(folder: Path) -> None:
    (folder / "pool.json").unlink()


def _half_facts(folder: Path) -> None:
    (folder / "pool.json").write_text('{"version": 1')


def _fewer_items(folder: Path) -> None:
    np.save(folder / "language.npy", np.zeros(1, np.int8))


def _other_offsets(folder: Path) -> None:
    np.save(folder / "offsets.npy", np.array([0, 3, 6], np.int64))


def _no_array(folder: Path) -> None:
    (folder / "ids.npy").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (_cut_tokens, "13 bytes, expected 14"),
        (_other_version, "version 0, expected 1"),
        (_no_facts, "no token pool"),
        (_half_facts, "not JSON"),
        (_fewer_items, r"int8 \[1\], expected int8 \[2\]"),
        (_other_offsets, "says"),
        (_no_array, "ids.npy: it cannot be read"),
    ],
)
def test_a_damaged_pool_is_refused_in_one_line_that_says_what_to_do(
    tmp_path: Path, damage: Any, found: str
) -> None:
    write_pool(tmp_path / "p", [items(TWO)], FACTS)
    damage(tmp_path / "p")
    with pytest.raises(InputError, match=found) as caught:
        open_pool(tmp_path / "p")
    assert str(caught.value).endswith("Run `mmed tokenize` again.")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        ([1, 2, 3], [(0, 2)]),  # the first token is never predicted
        ([1, 2, 3], [(1, 4)]),  # beyond the item
        ([1, 2, 3], [(2, 2)]),  # empty
        ([1, 2, 3], []),  # nothing to learn
        ([1, 2, 3, 4], [(1, 3), (2, 4)]),  # overlapping
    ],
)
def test_items_whose_spans_cannot_be_trained_on_are_never_written(
    tmp_path: Path, document: tuple[list[int], list[tuple[int, int]]]
) -> None:
    with pytest.raises(AssertionError):
        write_pool(tmp_path / "p", [items([document])], FACTS)
