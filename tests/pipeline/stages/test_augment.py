"""`augment` fills rationales that lead to the key, adds rewrites as children, adds points."""

from __future__ import annotations

import json

import pytest

from pipeline.llm.request import Outcome, Request
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.scripted import RATIONALE, Script, Scripted, item
from tests.pipeline.stages.calling import MODEL, added, asking, called, chosen
from tests.pipeline.stages.rows import make, run, sample_mcq, sample_qa


def writer(language: Language, letter: str = "B", points: int = 8) -> Script:
    """Return a script that explains, then solves by this letter, and gives points."""

    def script(request: Request) -> str:
        if request.prompt.startswith("rationale/"):
            return RATIONALE[language]
        return letter if request.prompt.startswith("solve") else json.dumps({"score": points})

    return script


@pytest.mark.parametrize("language", LANGUAGES)
def test_rationale_that_leads_to_the_key_is_filled_in_place(language: Language) -> None:
    stage = asking("augment", operations=[{"operation": "rationale", "rows": 5}])
    bare = item(language, rationale="")
    kept, dropped = called(stage, Scripted(writer(language)), bare)
    (row,) = kept
    assert dropped == []
    assert (row["id"], row["rationale"]) == (bare["id"], RATIONALE[language])
    assert [(step["stage"], step["model"]) for step in row["steps"]] == [("augment", MODEL)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_rationale_that_leads_elsewhere_leaves_the_row_without_and_flagged(
    language: Language,
) -> None:
    stage = asking("augment", operations=[{"operation": "rationale", "rows": 5}])
    kept, _ = called(stage, Scripted(writer(language, letter="C")), item(language, rationale=""))
    (row,) = kept
    assert row["rationale"] == ""
    assert row["steps"] == []
    assert [flag["name"] for flag in row["flags"]] == ["rationale_rejected"]
    assert "key" in row["flags"][0]["evidence"]


def test_only_choices_without_a_rationale_get_one() -> None:
    stage = asking("augment", operations=[{"operation": "rationale", "rows": 5}])
    rows = [item("en"), sample_mcq("en", id="bare"), sample_qa("en", id="open")]
    held_out = sample_mcq("en", id="test", role="benchmark")
    assert chosen(stage, *rows, held_out) == [("bare", "rationale", "")]


def test_points_are_a_score_that_scoring_again_keeps_and_select_drops_by() -> None:
    stage = asking("augment", operations=[{"operation": "score", "rows": 5}])
    kept, _ = called(stage, Scripted(writer("en", points=3)), sample_qa("en"))
    assert kept[0]["scores"]["llm_score"] == 3
    scored, _ = run(make("score"), *kept)
    assert scored[0]["scores"]["llm_score"] == 3
    assert run(make("select"), *scored)[1] == {}
    _, dropped = run(make("select", min_llm_score=5), *scored)
    assert [row["reason"] for row in dropped.values()] == ["llm_score"]
    _, dropped = run(make("select", min_llm_score=3), *scored)
    assert dropped == {}


def test_row_that_no_model_scored_passes_the_threshold_on_points() -> None:
    scored, _ = run(make("score"), sample_qa("en"))
    assert run(make("select", min_llm_score=9), *scored)[1] == {}


def test_points_out_of_range_are_none_and_said() -> None:
    stage = asking("augment", operations=[{"operation": "score", "rows": 5}])
    kept, _ = called(stage, Scripted(writer("en", points=11)), sample_qa("en"))
    assert [flag["name"] for flag in kept[0]["flags"]] == ["llm_score_missing"]


REHEARSAL = "local/rehearsal"


@pytest.mark.parametrize("is_allowed", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_points_of_a_local_model_count_only_where_the_recipe_allows_it(
    language: Language, is_allowed: bool
) -> None:
    model = {"model": REHEARSAL, "allow_models": [REHEARSAL] if is_allowed else []}
    stage = asking("augment", model, operations=[{"operation": "score", "rows": 5}])
    (row,), dropped = called(stage, Scripted(writer(language)), sample_qa(language))
    assert dropped == []
    if is_allowed:
        assert row["scores"]["llm_score"] == 8
        assert row["flags"] == []
    else:
        assert not (row["scores"] or {}).get("llm_score")
        assert row["steps"] == []
        found = [(flag["name"], flag["evidence"]) for flag in row["flags"]]
        assert found == [("llm_score_missing", f"local_model: {REHEARSAL}")]


PASSAGE = (
    "A hiatus hernia is present when part of the stomach slides through the diaphragm into the "
    "chest. Most people notice nothing at all. The usual complaint is heartburn after meals and "
    "on lying down, because the valve between gullet and stomach no longer closes well. Losing "
    "weight, small meals and raising the head of the bed by 15 cm often help; a proton pump "
    "inhibitor is given where they do not. Surgery is kept for the few whose complaints remain."
)


def rewriter(answer: str) -> Script:
    pair = {"question": "What helps against the heartburn of a hiatus hernia?", "answer": answer}
    return lambda _request: json.dumps(pair)


def test_rewrite_is_a_child_with_lineage() -> None:
    stage = asking("augment", operations=[{"operation": "rewrite", "rows": 5}])
    parent = sample_qa("en", answer=PASSAGE)
    answer = "Losing weight, small meals and raising the head of the bed by 15 cm often help."
    kept, dropped = called(stage, Scripted(rewriter(answer)), parent)
    assert dropped == []
    (child,) = added(kept)
    assert (child["answer"], child["origin"], child["task"]) == (answer, "generated", "qa")
    assert (child["parent_id"], child["root_id"]) == (parent["id"], parent["root_id"])


def test_rewrite_with_a_number_of_its_own_is_dropped() -> None:
    stage = asking("augment", operations=[{"operation": "rewrite", "rows": 5}])
    script = rewriter("Losing weight and raising the head of the bed by 25 cm often help a lot.")
    kept, dropped = called(stage, Scripted(script), sample_qa("en", answer=PASSAGE))
    assert added(kept) == []
    assert [row["reason"] for row in dropped] == ["rewrite_numbers"]


@pytest.mark.parametrize("outcome", [Outcome.REFUSAL, Outcome.CONTENT_FILTER, Outcome.EMPTY])
def test_answer_without_a_text_is_a_drop_with_its_own_reason(outcome: Outcome) -> None:
    stage = asking("augment", operations=[{"operation": "rewrite", "rows": 5}])
    _, dropped = called(stage, Scripted(lambda _: outcome), sample_qa("en", answer=PASSAGE))
    assert [row["reason"] for row in dropped] == [f"llm_{outcome}"]


def test_operations_take_rows_by_id_each_at_most_once() -> None:
    rows = [sample_qa("en", id=name, source=name) for name in ("b", "a", "c")]
    first = {"operation": "score", "rows": 1, "source": "b"}
    stage = asking("augment", operations=[first, {"operation": "score", "rows": 1}])
    assert chosen(stage, *rows) == [("b", "score", ""), ("a", "score", "")]
