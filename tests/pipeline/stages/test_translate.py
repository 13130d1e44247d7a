"""`translate` fills languages within quotas; a key cannot move, a bad translation cannot stay."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.item import Language
from tests.pipeline.llm.scripted import DIRECTIONS, OPTIONS, QUESTION, Scripted, item, translator
from tests.pipeline.stages.calling import MODEL, added, asking, called, chosen
from tests.pipeline.stages.rows import Row, sample_mcq, sample_qa


def quota(language: str, to: str, rows: int = 10, **others: Any) -> dict[str, Any]:
    return {"language": language, "to": to, "rows": rows, **others}


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_translation_is_a_child_with_its_parents_key_and_lineage(
    source: Language, target: Language
) -> None:
    stage = asking("translate", quotas=[quota(source, target)])
    parent = item(source, topic="endocrinology", year=2020)
    kept, dropped = called(stage, Scripted(translator(source, target)), parent)
    assert dropped == []
    (child,) = added(kept)
    assert child["question"] == QUESTION[target]
    assert child["options"] == list(OPTIONS[target])
    assert child["answer_indices"] == parent["answer_indices"]
    assert child["answer"] == OPTIONS[target][1]
    assert (child["language"], child["origin"]) == (target, "translated")
    assert child["parent_id"] == parent["id"] != child["id"]
    assert child["root_id"] == parent["root_id"]
    (step,) = child["steps"]
    assert (step["stage"], step["model"]) == ("translate", MODEL)
    assert step["prompt"].startswith(f"translate/{source}-{target}@")
    assert step["cache_keys"]


def test_parents_are_kept_as_they_were() -> None:
    stage = asking("translate", quotas=[quota("en", "fr")])
    kept, _ = called(stage, Scripted(translator("en", "fr")), item("en"))
    assert kept[0] == item("en")


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_bad_translation_is_dropped_with_its_reason_and_both_texts_are_there(
    source: Language, target: Language
) -> None:
    wrong = QUESTION[target].replace("500", "50")
    script = translator(source, target, **{QUESTION[source]: wrong})
    stage = asking("translate", quotas=[quota(source, target)])
    kept, dropped = called(stage, Scripted(script), item(source))
    assert added(kept) == []
    (row,) = dropped
    assert row["reason"] == "translation_numbers"
    assert "500" in row["evidence"]
    assert row["question"] == wrong
    assert row["parent_id"] == item(source)["id"]
    assert row["steps"][0]["variant"] == 1  # it was asked for a second time


def test_quota_takes_the_first_parents_by_id_whatever_their_order() -> None:
    rows = [sample_qa("en", id=name, root_id=name) for name in ("c", "a", "b")]
    stage = asking("translate", quotas=[quota("en", "ja", rows=2)])
    expected = [("a", "translate", "ja"), ("b", "translate", "ja")]
    assert chosen(stage, *rows) == chosen(stage, *reversed(rows)) == expected


def test_quota_looks_at_source_subset_and_form() -> None:
    rows = [
        sample_qa("en", id="open", source="atlas.part"),
        sample_mcq("en", id="choice", source="atlas"),
        sample_qa("en", id="other", source="atlantis"),
    ]
    for limits, ids in (
        ({"source": "atlas"}, ["choice", "open"]),
        ({"subset": "mmed_ift"}, ["open", "other"]),
        ({"subset": "mmed_ift_mc"}, ["choice"]),
        ({"form": "exam"}, ["choice"]),
    ):
        stage = asking("translate", quotas=[quota("en", "ru") | limits])
        assert [one[0] for one in chosen(stage, *rows)] == ids


def test_root_is_translated_so_many_times_at_most() -> None:
    quotas = [quota("en", to) for to in ("zh", "ja", "fr", "ru", "es")]
    stage = asking("translate", quotas=quotas, per_root=2)
    assert [target for _, _, target in chosen(stage, sample_qa("en"))] == ["zh", "ja"]


def test_root_that_has_a_row_in_the_language_is_not_translated_into_it() -> None:
    spanish = sample_mcq("es", id="es", root_id="both")
    english = sample_mcq("en", id="en", root_id="both")
    stage = asking("translate", quotas=[quota("en", "es"), quota("es", "ru"), quota("en", "ru")])
    assert chosen(stage, spanish, english) == [("es", "translate", "ru")]


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "benchmark"},
        {"role": "validation"},
        {"form": "classification"},
        {"jurisdiction": "US"},
        {"origin": "translated"},
        {"parent_id": "p"},
        {"history": [{"role": "user", "content": "Hello"}]},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_what_must_not_be_translated_is_never_a_parent(changes: Row) -> None:
    stage = asking("translate", quotas=[quota("en", "fr")])
    assert chosen(stage, sample_qa("en", **changes)) == []


def test_row_that_may_not_leave_goes_to_this_machine_alone() -> None:
    row = sample_qa("en", egress="local")
    away = {"base_url": "https://models.example/v1"}
    assert chosen(asking("translate", quotas=[quota("en", "fr")]), row) != []
    assert chosen(asking("translate", away, quotas=[quota("en", "fr")]), row) == []


def test_texts_of_a_small_local_model_stay_out_unless_the_recipe_names_it() -> None:
    name = "local/small@01234567"
    script = translator("en", "es")
    for model, reasons in (
        ({"model": name}, ["local_model"]),
        ({"model": name, "allow_models": [name]}, []),
    ):
        stage = asking("translate", model, quotas=[quota("en", "es")])
        _, dropped = called(stage, Scripted(script), item("en"))
        assert [row["reason"] for row in dropped] == reasons


def test_id_of_a_child_tells_the_model_and_the_language() -> None:
    ids = set()
    for model in ("one", "two"):
        for target in ("fr", "es"):
            stage = asking("translate", {"model": model}, quotas=[quota("en", target)])
            kept, _ = called(stage, Scripted(translator("en", target)), item("en"))
            ids |= {row["id"] for row in added(kept)}
    assert len(ids) == 4
