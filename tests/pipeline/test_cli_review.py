"""`mmed review apply`: what of an exported file is taken, what is told, how it ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.verdicts import read_verdicts, review_facts
from schemas.item import LANGUAGES
from tests.pipeline.judging import correct, verdict, write_verdicts
from tests.pipeline.report.builds import Made, samples
from tests.pipeline.stages.rows import Row, sample_mcq, sample_qa

BUILD = "cd" * 32  # of builds made by hand


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return Made(samples()).write(tmp_path / "out")


def exported(*verdicts: Row, **changes: Any) -> dict[str, Any]:
    """Return the content of a file as the page exports it."""
    given = [
        {**one, "corrections": {c["field"]: c["text"] for c in one["corrections"]}}
        for one in verdicts
    ]
    return {"format": "mmed-verdicts", "version": 1, "build": BUILD, "verdicts": given, **changes}


def apply(out: Path, content: object, *options: str) -> Result:
    path = out.parent / "verdicts.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return CliRunner().invoke(app, ["review", "apply", str(path), "--out", str(out), *options])


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def faults(result: Result) -> Sequence[str]:
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_verdicts_wait_for_the_next_build(out: Path, language: str) -> None:
    row = sample_qa(language)
    value = told(apply(out, exported(correct(row, answer="5 mg"), build="ef" * 32), "--json"))
    assert (value["new"], value["known"], value["is_other_build"]) == (1, 0, True)
    assert {state: count for state, count in value["verdicts"].items() if count} == {"waiting": 1}
    [kept] = read_verdicts(out / "review.parquet").to_dicts()
    assert kept["corrections"] == [{"field": "answer", "text": "5 mg"}]


def test_same_file_applied_twice_changes_nothing(out: Path) -> None:
    content = exported(verdict(sample_qa("en"), "accept"))
    apply(out, content)
    before = (out / "review.parquet").read_bytes()
    value = told(apply(out, content, "--json"))
    assert (value["new"], value["known"]) == (0, 1)
    assert (out / "review.parquet").read_bytes() == before


def test_verdict_that_stands_twice_in_a_file_is_taken_once(out: Path) -> None:
    one = verdict(sample_qa("en"), "accept")
    value = told(apply(out, exported(one, one), "--json"))
    assert (value["new"], value["known"]) == (1, 1)
    assert read_verdicts(out / "review.parquet").height == 1


def test_verdicts_of_the_recipes_files_that_the_build_obeyed_do_not_wait(out: Path) -> None:
    path = write_verdicts(out.parent / "team.parquet", verdict(sample_qa("ja"), "accept"))
    manifest = json.loads((out / "manifest.json").read_bytes())
    manifest["recipe"]["review"] = [str(path)]
    obeyed = {**manifest, "review": review_facts(out, manifest)}
    (out / "manifest.json").write_text(json.dumps(obeyed), encoding="utf-8")
    value = told(apply(out, exported(verdict(sample_qa("en"), "accept")), "--json"))
    assert (value["verdicts"]["applied"], value["verdicts"]["waiting"]) == (1, 1)


def test_verdicts_that_the_build_obeyed_do_not_wait_again_when_further_files_come(
    out: Path,
) -> None:
    apply(out, exported(verdict(sample_qa("ja"), "accept")))
    manifest = json.loads((out / "manifest.json").read_bytes())
    manifest["recipe"]["review"] = []
    obeyed = {**manifest, "review": review_facts(out, manifest)}
    (out / "manifest.json").write_text(json.dumps(obeyed), encoding="utf-8")
    apply(out, exported(verdict(sample_qa("en"), "accept")))
    value = told(apply(out, exported(verdict(sample_qa("fr"), "accept")), "--json"))
    assert (value["verdicts"]["applied"], value["verdicts"]["waiting"]) == (1, 2)


def test_build_whose_store_is_gone_is_told_and_not_every_record_called_gone(out: Path) -> None:
    shutil.rmtree(out / "store")
    result = apply(out, exported(verdict(sample_qa("en"), "accept")))
    assert isinstance(result.exception, InputError)
    assert "no longer in its store/" in str(result.exception)
    assert not (out / "review.parquet").exists()


def test_second_reviewers_verdicts_are_added(out: Path) -> None:
    row = sample_qa("en")
    apply(out, exported(verdict(row, "accept")))
    value = told(apply(out, exported(verdict(row, "reject", reviewer="ben")), "--json"))
    assert value["verdicts"]["waiting"] == 1
    assert value["verdicts"]["superseded"] == 1
    assert read_verdicts(out / "review.parquet")["reviewer"].to_list() == ["anna", "ben"]


def test_verdicts_that_do_not_fit_are_told_by_id(out: Path) -> None:
    changed = {**sample_qa("ja"), "answer": "…"}
    gone = sample_qa("ru", id="0" * 32)
    refused = correct(sample_mcq("fr"), answer="Autre chose")
    content = exported(verdict(changed, "reject"), verdict(gone, "reject"), refused)
    result = apply(out, content)
    assert result.exit_code == 0
    for one, state in ((changed, "changed"), (gone, "gone"), (sample_mcq("fr"), "refused")):
        assert f"  {state}: {one['id']} (verdict of anna)" in result.stdout.splitlines()


def test_build_that_obeys_no_verdicts_is_told(out: Path) -> None:
    result = apply(out, exported(verdict(sample_qa("en"), "reject")))
    assert "no stage `review`" in result.stdout


def test_half_a_character_in_a_comment_is_no_fault(out: Path) -> None:
    told(apply(out, exported(verdict(sample_qa("en"), "accept", comment="\ud83d ok")), "--json"))
    assert read_verdicts(out / "review.parquet")["comment"].to_list() == ["? ok"]


def test_every_fault_is_told_in_its_own_line_and_nothing_is_taken(out: Path) -> None:
    row = sample_qa("es")
    good = verdict(row, "accept")
    content = exported(
        good,
        {**good, "decision": "perhaps"},
        {**verdict(row, "reject"), "reason": ""},
        {**good, "id": "../../etc"},
        {**good, "comment": 3},
        {**good, "mood": "sunny"},
        correct(row, options="A"),
        correct(row, question=""),
        {**good, "judged_at": "yesterday"},
    )
    content["verdicts"].append("accept")
    content["verdicts"].append({"id": row["id"]})
    lines = faults(apply(out, content))
    expected = {
        2: "decision 'perhaps' is none of accept, reject, correct.",
        3: "reason '' is none of",
        4: "id '../../etc' is not 32 hexadecimal digits.",
        5: "comment 3 is no text.",
        6: "'mood' is no key of a verdict.",
        7: "field 'options' is none of question, context, answer, rationale.",
        8: "the corrected question is empty",
        9: "judged_at 'yesterday' is no time such as",
        10: "'accept' is no mapping.",
        11: "text_digest is missing.",
    }
    assert len(lines) == len(expected)
    for line, (number, said) in zip(lines, expected.items(), strict=True):
        assert f"verdicts.json: verdict {number}: " in line
        assert said in line
    assert not (out / "review.parquet").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON"),
        ([], "not verdicts exported from a report"),
        (exported(format="other"), "not verdicts exported from a report"),
        (exported(version=2), "version 2 of mmed-verdicts, expected 1"),
        (exported(build=None), "`build` is no text"),
        (exported(verdicts={}), "`verdicts` is no list"),
    ],
)
def test_file_that_is_no_export_is_refused(out: Path, content: object, said: str) -> None:
    result = apply(out, content)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_folder_without_a_build_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = apply(tmp_path / "empty", exported())
    assert "no finished build here" in str(result.exception)
