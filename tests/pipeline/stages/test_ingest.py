"""Ingest: identifiers that last, roles, licences, and the rules of form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.frames import ITEM_COLUMNS, StageResult
from pipeline.ledger import check_balance
from pipeline.plan import InputFile, SourceInput
from pipeline.recipe import Recipe, SourceEntry
from pipeline.stages.ingest import Ingest, IngestSettings
from schemas.item import LANGUAGES, BadRow, Flag, Item, Turn
from sources import registry
from sources.source import File, Source
from tests.pipeline.stages.rows import SAMPLES, Row

PLACE = "/somewhere/raw/ward/train.jsonl"
SPLITS = {"train": "train", "dev": "validation", "test": "benchmark", "terms": "reference"}


def item(language: Any = "en", **changes: Any) -> Item:
    """Return a sound multiple-choice item, or what these changes make of it."""
    sample = SAMPLES[language]
    values: dict[str, Any] = {
        "file": PLACE,
        "row": 7,
        "key": "ward-7",
        "split": "train",
        "task": "mcq",
        "form": "exam",
        "language": language,
        "question": sample.question,
        "options": sample.options,
        "answer_indices": (0,),
    }
    return Item(**(values | changes))


class Reading:
    """What ingest made of a source: kept and dropped rows in the parser's order."""

    def __init__(self, read: pl.DataFrame, result: StageResult) -> None:
        check_balance("ingest", read, result)
        assert result.kept.schema == ITEM_COLUMNS
        self.num_read = read.height
        self.kept: list[Row] = result.kept.to_dicts()
        self.dropped: list[Row] = result.dropped.to_dicts()

    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.dropped]


Read = Callable[..., Reading]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a function that ingests items as if a registered source had yielded them."""

    def ingest(*rows: Item | BadRow, licenses: str = "all", **changes: Any) -> Reading:
        entry = SourceEntry(name="ward", **changes.pop("entry", {}))
        source = _source(**changes)

        class Module:
            SOURCE = source
            parse = staticmethod(lambda files: iter(rows))  # noqa: ARG005

        monkeypatch.setattr(registry, "load", lambda name: Module)  # noqa: ARG005
        files = {"train": (InputFile(Path(PLACE), "ward/train.jsonl", "0" * 64),)}
        given = SourceInput(source, entry, None, dict(source.splits), files)
        recipe = Recipe.model_validate(
            {"sources": [{"name": "ward"}], "benchmarks": [], "licenses": licenses}
        )
        return Reading(*Ingest(IngestSettings(), recipe).read(given))

    return ingest


def _source(**changes: Any) -> Source:
    values: dict[str, Any] = {
        "name": "ward",
        "title": "Ward questions",
        "homepage": "",
        "revision": "1",
        "languages": LANGUAGES,
        "files": {"train": (File(path="ward/train.jsonl"),)},
        "splits": SPLITS,
        "license": "CC-BY-4.0",
        "license_evidence": "",
        "redistributable": "yes",
        "forms": ("exam",),
        "citation": "",
        "expected_rows": {},
        "parallel_family": "ward",
    }
    return Source(**(values | changes))


@pytest.mark.parametrize("language", LANGUAGES)
def test_sound_item_becomes_a_record_that_knows_where_it_came_from(
    read: Read, language: str
) -> None:
    turns = (Turn("user", "Hello"), Turn("assistant", "Hello"))
    [row] = read(item(language, history=turns, year=2019, topic="renal")).kept
    sample = SAMPLES[language]
    assert (row["question"], tuple(row["options"])) == (sample.question, sample.options)
    assert row["history"][1] == {"role": "assistant", "content": "Hello"}
    assert (row["language"], row["role"], row["year"]) == (language, "train", 2019)
    assert row["source_row"] == {"file": "ward/train.jsonl", "row": 7}
    assert (row["license"], row["redistributable"]) == ("CC-BY-4.0", "yes")
    assert row["split"] is row["group_id"] is row["parent_id"] is None


def test_answer_of_multiple_choice_is_the_keyed_options_one_a_line(read: Read) -> None:
    [row] = read(item(answer_indices=(0, 2), several_allowed=True)).kept
    assert row["answer"] == "Hyponatraemia\nRespiratory acidosis"
    assert row["answer_indices"] == [0, 2]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"question": " \n"}, "empty_question"),
        ({"question": "\u200b\u2060"}, "empty_question"),
        ({"task": "qa", "options": (), "answer": " "}, "empty_answer"),
        ({"answer_indices": ()}, "no_key"),
        ({"answer_indices": (4,)}, "key_out_of_range"),
        ({"answer_indices": (-1,)}, "key_out_of_range"),
        ({"options": ("β", "", "γ")}, "missing_option"),
        ({"options": ("β", "\u200b", "γ")}, "missing_option"),
        ({"options": ("β",)}, "missing_option"),
        ({"options": ("5 mg", "５ｍｇ", "50 mg")}, "duplicate_options"),
        ({"flags": (Flag("image_dependent"),)}, "image_dependent"),
        ({"flags": (Flag("ambiguous_key", "A or B"),)}, "ambiguous_key"),
        ({"flags": (Flag("truncated_answer"),)}, "truncated_answer"),
        ({"flags": (Flag("linked_case"),)}, "linked_case"),
    ],
)
def test_row_that_cannot_be_taught_from_is_dropped_with_its_reason(
    read: Read, language: str, changes: dict[str, Any], reason: str
) -> None:
    result = read(item(language, **changes))
    assert (result.reasons(), result.kept) == ([reason], [])


@pytest.mark.parametrize("split", ["dev", "test", "terms"])
@pytest.mark.parametrize("flags", [(), (Flag("image_dependent"),), (Flag("ambiguous_key"),)])
def test_rows_that_protect_others_stay_whatever_is_wrong_with_them(
    read: Read, split: str, flags: tuple[Flag, ...]
) -> None:
    result = read(item(split=split, answer_indices=(), flags=flags))
    assert [row["role"] for row in result.kept] == [SPLITS[split]]
    assert read(item(split=split), license="LicenseRef-unknown").kept != []


def test_linked_question_whose_case_is_there_is_kept(read: Read) -> None:
    linked = item(flags=(Flag("linked_case"),), context="A woman of 40 has had a cough for weeks.")
    assert len(read(linked).kept) == 1


def test_evidence_names_what_is_wrong(read: Read) -> None:
    rows = (
        item(key="a", answer_indices=(9,)),
        item(key="b", options=("β", "", "γ")),
        item(key="c", flags=(Flag("ambiguous_key", "A or B"),)),
    )
    evidence = [row["evidence"] for row in read(*rows).dropped]
    assert evidence == ["[9] of 4 options", "β | | γ", "A or B"]


def test_split_outside_the_build_is_not_read(read: Read) -> None:
    assert read(item(split="elsewhere")).num_read == 0


def test_id_outlives_a_corrected_text_another_split_and_another_place(read: Read) -> None:
    first = read(item()).kept[0]["id"]
    later = item(question="Which electrolyte falls?", row=900, split="test", year=2020)
    assert read(later).kept[0]["id"] == first
    assert len(first) == 32


def test_ids_differ_by_language_part_subset_and_key(read: Read) -> None:
    rows = (
        item(),
        item("fr"),
        item(part="explanation", task="qa", options=(), answer="Loss of sodium in the tubule."),
        item(subset="nurses"),
        item(key="ward-8"),
    )
    kept = read(*rows).kept
    assert len({row["id"] for row in kept}) == 5
    assert [row["source"] for row in kept][3] == "ward.nurses"


def test_parallel_items_share_a_root_in_every_language(read: Read) -> None:
    rows = [item(code, key=f"{code}-1", parallel_key="p01") for code in LANGUAGES]
    kept = read(*rows, item(key="alone")).kept
    assert len({row["root_id"] for row in kept[:6]}) == 1
    assert kept[6]["root_id"] == kept[6]["id"] != kept[0]["root_id"]


def test_open_twin_has_the_root_of_its_question_and_counts_as_added(read: Read) -> None:
    twin = item(part="explanation", task="qa", options=(), answer="Loss of sodium in the tubule.")
    result = read(item(), twin)
    main, open_twin = result.kept
    assert open_twin["root_id"] == main["root_id"] == main["id"] != open_twin["id"]
    assert (result.num_read, len(result.kept)) == (1, 2)


def test_second_row_with_a_key_is_refused_and_the_first_one_kept(read: Read) -> None:
    result = read(item(), item(question="Another question with the same key?"), item())
    assert [row["question"] for row in result.kept] == [SAMPLES["en"].question]
    assert result.reasons() == ["repeated_key", "repeated_key"]
    assert len({row["id"] for row in [*result.kept, *result.dropped]}) == 3


@pytest.mark.parametrize(
    ("license_id", "licenses", "entry", "reasons"),
    [
        ("CC-BY-4.0", "permissive", {}, []),
        ("CC-BY-NC-4.0", "research", {}, []),
        ("CC-BY-NC-4.0", "permissive", {}, ["license_excluded"]),
        ("LicenseRef-terms", "research", {}, ["license_excluded"]),
        ("LicenseRef-terms", "all", {}, []),
        ("LicenseRef-unknown", "all", {}, ["license_unknown"]),
        ("LicenseRef-unknown", "all", {"allow_unknown_license": True}, []),
        ("CC-BY-4.0", "all", {"include": ["reading"]}, ["form_excluded"]),
        ("CC-BY-4.0", "all", {"include": ["exam"]}, []),
        (
            "LicenseRef-unknown",
            "all",
            {"allow_unknown_license": True, "include": ["reading"]},
            ["form_excluded"],
        ),
    ],
)
def test_recipe_decides_which_licences_and_forms_enter(
    read: Read, license_id: str, licenses: str, entry: dict[str, Any], reasons: list[str]
) -> None:
    assert read(item(), licenses=licenses, license=license_id, entry=entry).reasons() == reasons


def test_licence_of_an_item_goes_before_that_of_its_source(read: Read) -> None:
    result = read(
        item(key="a", license="CC-BY-NC-4.0"), item(key="b"), licenses="permissive", entry={}
    )
    assert result.reasons() == ["license_excluded"]
    assert [row["license"] for row in result.kept] == ["CC-BY-4.0"]


def test_bad_row_enters_the_ledger_with_its_place_and_without_personal_data(read: Read) -> None:
    bad = BadRow(PLACE, 3, "invalid_record", '{"q": "write to jane@example.org"', "en")
    [row] = read(bad, item()).dropped
    assert row["source_row"] == {"file": "ward/train.jsonl", "row": 3}
    assert (row["reason"], row["language"]) == ("invalid_record", "en")
    assert row["evidence"] == '{"q": "write to [EMAIL]"'


def test_bad_rows_of_one_place_have_ids_of_their_own(read: Read) -> None:
    bad = BadRow(PLACE, 3, "invalid_record")
    assert len({row["id"] for row in read(bad, bad).dropped}) == 2


def test_evidence_is_cut_after_masking_so_that_no_half_of_an_address_is_left(read: Read) -> None:
    question = "My cough will not go away. " * 10 + "Please write to jane.sample@example.org today."
    [row] = read(item(question=question, answer_indices=())).dropped
    assert len(row["evidence"]) <= 300
    assert "jane" not in row["evidence"]
    assert "[EMAIL]" in row["evidence"]


def test_row_limit_of_a_source_takes_train_rows_by_id_and_no_benchmark_row(read: Read) -> None:
    train = [item(key=f"t{number}") for number in range(6)]
    rows = [*train, *(item(key=f"b{number}", split="test") for number in range(3))]
    result = read(*rows, entry={"max_rows": 2})
    again = read(*reversed(rows), entry={"max_rows": 2})
    kept = {row["id"] for row in result.kept}
    assert kept == {row["id"] for row in again.kept}
    assert [row["role"] for row in result.kept].count("benchmark") == 3
    assert result.reasons() == ["over_source_rows"] * 4
    assert max(kept & {r["id"] for r in result.kept if r["role"] == "train"}) < min(
        row["id"] for row in result.dropped
    )


def test_kept_rows_are_cut_into_shards_in_order(read: Read) -> None:
    kept = read(*(item(key=f"t{number}") for number in range(5))).kept
    recipe = Recipe.model_validate({"sources": [{"name": "ward"}], "benchmarks": []})
    stage = Ingest(IngestSettings(shard_rows=2), recipe)
    shards = stage.shards(pl.DataFrame(kept, schema=ITEM_COLUMNS))
    assert [shard.height for shard in shards] == [2, 2, 1]
    assert pl.concat(shards)["id"].to_list() == [row["id"] for row in kept]
