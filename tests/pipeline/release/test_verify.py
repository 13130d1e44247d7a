"""What `mmed verify` says of the demo release as built, and of copies altered by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.release.check_benchmarks import (
    Texts,
    by_identifier,
    by_text,
    keys_are_current,
    read_benchmarks,
)
from pipeline.release.check_card import counts, licenses
from pipeline.release.check_files import croissant, shards
from pipeline.release.check_questions import as_items, near_duplicates
from pipeline.release.check_tables import tables
from pipeline.release.contents import read_contents
from pipeline.release.findings import SHOWN, Findings
from pipeline.release.verify import verify
from schemas.item import LANGUAGES
from sources import registry
from tests.pipeline.contamination.scans import SCANS, Scan
from tests.pipeline.release.conftest import Rows, alter, parquet, read, renew_checksums
from tests.pipeline.stages.cases import CASES
from tests.pipeline.stages.rows import Row, frame, mcq, qa

EN, EN_TEST = parquet("mmed_ift_mc", "en"), parquet("mmed_ift_mc", "en", "test")
JA = parquet("mmed_ift_mc", "ja")
LOST = JA.replace("00000-of-00001", "00001-of-00002")
OPEN_EN, FR, ES, ZH, RU = (
    parquet("mmed_ift", "en"),
    parquet("mmed_ift_mc", "fr"),
    parquet("mmed_ift_mc", "es"),
    parquet("mmed_ift_mc", "zh"),
    parquet("mmed_ift_mc", "ru"),
)


def lines(findings: Findings, name: str) -> list[str]:
    """Return the findings of one check."""
    check = next(check for check in findings.checks if check.name == name)
    return [finding.line() for finding in check.findings]


def benchmark_item(language: str) -> dict[str, Any]:
    """Return a benchmark question of the starter corpus in one language."""
    folder = Path(registry.__file__).parent / "starter"
    items = map(json.loads, (folder / "benchmark.jsonl").read_text("utf-8").splitlines())
    found: dict[str, Any] = next(item for item in items if item["language"] == language)
    return found


def ask(row: dict[str, Any], question: str, options: list[str]) -> None:
    """Let a row ask another question, in every column that holds it."""
    row["question"] = question
    row["options"] = [
        {"letter": a, "text": b} for a, b in zip("ABCDE"[: len(options)], options, strict=True)
    ]
    lettered = [f"{one['letter']}. {one['text']}" for one in row["options"]]
    row["answer_letters"], row["answer"] = ["A"], options[0]
    row["messages"] = [
        {"role": "user", "content": "\n".join([question, *lettered])},
        {"role": "assistant", "content": lettered[0]},
    ]


def test_the_demo_release_passes_and_says_what_was_not_checked(demo_release: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(demo_release), "--json"])
    value = json.loads(result.stdout)
    assert result.exit_code == 0
    assert value["passed"] is True
    assert [check for check in value["checks"] if check["num_findings"]] == []
    assert value["rows"] == sum(
        pq.read_metadata(path).num_rows for path in demo_release.glob("mmed_ift*/*/*.parquet")
    )
    assert "containment against benchmark texts were not checked: give --raw" in value["remarks"][0]


@pytest.fixture(scope="module")
def altered_rows(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Plant each fault in a row of its own; renewed checksums tell nothing of it."""
    alter(release, EN, lambda rows: plant_in_english(rows, read(release, EN_TEST)[0]))
    alter(release, OPEN_EN, plant_in_open_rows)
    alter(release, FR, plant_in_french)
    alter(release, ES, lambda rows: [row.update(license="") for row in rows])
    alter(release, RU, plant_in_russian)
    bench = benchmark_item("zh")
    alter(release, ZH, lambda rows: ask(rows[0], bench["question"], bench["options"]))
    renew_checksums(release)
    return verify(release, tmp_path_factory.mktemp("raw"))


def plant_in_english(rows: Rows, test_row: dict[str, Any]) -> None:
    ask(rows[0], test_row["question"], [one["text"] for one in test_row["options"]])
    rows[1]["id"] = rows[2]["id"]
    rows[3]["root_id"] = test_row["root_id"]
    rows[4]["group_id"] = test_row["group_id"]
    rows[5]["answer_letters"] = ["F"]
    rows[6]["answer"] = "Something else"
    rows[7]["messages"].append({"role": "user", "content": "And then?"})
    rows[8]["messages"][-1]["content"] = "The answer is A."
    rows[9]["license"] = "LicenseRef-unknown"
    rows[10]["license"] = "CC-BY-NC-4.0"


def plant_in_russian(rows: Rows) -> None:
    rows[3], rows[4] = rows[4], rows[3]


def plant_in_open_rows(rows: Rows) -> None:
    rows[0]["answer_letters"] = ["A"]
    rows[1]["answer"] = ""
    rows[2]["question"] = "What else is known?"


def plant_in_french(rows: Rows) -> None:
    rows[0]["language"] = "es"
    rows[1]["redistributable"] = "perhaps"
    rows[2]["egress"] = "everywhere"
    rows[3]["form"] = "riddle"
    rows[4]["license"] = "LicenseRef-invented"
    rows[5]["group_id"], rows[5]["flags"] = None, ["near_duplicate"]
    rows[6]["source"] = None
    rows[7]["options"][0]["text"] = "Autre chose"


@pytest.mark.parametrize(
    ("check", "place", "found"),
    [
        ("questions in one split", EN_TEST, f"its question stands in train too, {EN}, row 0"),
        ("identifiers", f"{EN}, row 2", "again, first in"),
        ("roots and groups in one split", EN_TEST, f"also in {EN}, row 3"),
        ("roots and groups in one split", EN_TEST, f"also in {EN}, row 4"),
        ("roots and groups in one split", f"{FR}, row 5", "without a group_id"),
        ("near-duplicates in one split", EN_TEST, f"1.00 like {EN}, row 0"),
        ("no benchmark item", f"{ZH}, row 0", "the question of an item of starter"),
        ("letters, options, answers", f"{EN}, row 5", "answer letter 'F'"),
        ("letters, options, answers", f"{EN}, row 6", "answer 'Something else'"),
        ("letters, options, answers", f"{OPEN_EN}, row 0", "answer letters A"),
        ("letters, options, answers", f"{OPEN_EN}, row 1", "no answer"),
        ("messages", f"{EN}, row 7", "['user', 'assistant', 'user']"),
        ("messages", f"{EN}, row 8", "'The answer is A.'"),
        ("messages", f"{OPEN_EN}, row 2", "expected 'What else is known?'"),
        ("messages", f"{FR}, row 7", "A. Autre chose"),
        ("no nulls", f"{FR}, row 6", "null in column 'source'"),
        ("licences, languages, values", f"{FR}, row 0", "language es"),
        ("licences, languages, values", f"{FR}, row 1", "redistributable perhaps"),
        ("licences, languages, values", f"{FR}, row 2", "egress everywhere"),
        ("licences, languages, values", f"{FR}, row 3", "form riddle"),
        ("licences within the recipe's choice", f"{EN}, row 9", "no stated licence"),
        ("licences within the recipe's choice", f"{EN}, row 10", "expected one that 'permissive'"),
        ("order of rows", f"{RU}, row 4", "expected it before"),
        ("tables on the card", "README.md", "0 rows of fr, mmed_ift_mc, riddle; expected 1"),
        ("tables on the card", "README.md", "0 rows of CC-BY-NC-4.0, yes; expected 1"),
    ],
)
def test_a_fault_of_a_row_is_named_with_file_and_row(
    altered_rows: Findings, check: str, place: str, found: str
) -> None:
    assert not altered_rows.passed
    assert [line for line in lines(altered_rows, check) if place in line and found in line]


def test_only_the_first_findings_are_listed_and_the_rest_counted(
    altered_rows: Findings, release: Path
) -> None:
    check = next(c for c in altered_rows.checks if c.name == "licences, languages, values")
    assert len(check.findings) == SHOWN
    assert check.num_findings > len(read(release, ES))
    assert f"… and {check.num_findings - SHOWN} more" in altered_rows.to_text()


def test_every_line_states_what_was_expected(altered_rows: Findings) -> None:
    for check in altered_rows.checks:
        assert all("; expected " in finding.line() for finding in check.findings)


def test_checksums_say_nothing_as_they_were_renewed(altered_rows: Findings) -> None:
    assert lines(altered_rows, "checksums") == []


def test_the_metadata_still_has_the_old_digest(altered_rows: Findings) -> None:
    assert any(EN in line for line in lines(altered_rows, "croissant.json"))


@pytest.fixture(scope="module")
def altered_files(demo_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Remove a file, add one, damage one, rename a column, edit the card."""
    release = shutil.copytree(demo_release, tmp_path_factory.mktemp("files") / "release")
    (release / ES).unlink()
    shutil.copy(release / FR, release / "stray.parquet")
    (release / ZH).write_bytes((release / ZH).read_bytes()[:2000])
    table = pq.ParquetFile(release / OPEN_EN).read()
    names = ["prompt" if name == "question" else name for name in table.column_names]
    pq.write_table(table.rename_columns(names), release / OPEN_EN)
    card = (release / "README.md").read_text("utf-8")
    card = card.replace("| fr | mmed_ift_mc | 27 |", "| fr | mmed_ift_mc | 2,700 |")
    card = card.replace("| language | origin | rows |", "| language | from | rows |")
    card = card.replace("\n  licenses: permissive\n", "\n  licenses: mine\n")
    (release / JA).rename(release / JA.replace("of-00001", "of-00002"))
    alter(release, JA.replace("of-00001", "of-00002"), lambda rows: rows.pop())
    (release / "README.md").write_text(card, encoding="utf-8")
    return verify(release, None)


@pytest.mark.parametrize(
    ("check", "found"),
    [
        ("checksums", f"{ES}: the file is missing"),
        ("checksums", "stray.parquet: a further file"),
        ("checksums", "README.md: sha256"),
        ("every file can be read", "stray.parquet: a Parquet file at an unknown place"),
        ("every file can be read", f"{ZH}: it cannot be read"),
        ("every file can be read", f"{OPEN_EN}: columns of other types"),
        ("columns and their types", f"{OPEN_EN}: a column named 'prompt'"),
        ("columns and their types", f"{OPEN_EN}: no column 'question'; expected string"),
        ("configurations load and stream offline", "'mmed_ift_mc.zh' does not load"),
        ("counts on the card", "2,700 rows of mmed_ift_mc fr train in the table"),
        ("configurations load and stream offline", "'mmed_ift_mc.ja' does not load: NonMatching"),
        ("shards", f"{LOST}: the shard is missing"),
        ("tables on the card", "one with | language | origin | rows |"),
        ("licences within the recipe's choice", "no choice of licences in the head"),
    ],
)
def test_a_fault_of_a_file_is_named(altered_files: Findings, check: str, found: str) -> None:
    assert [line for line in lines(altered_files, check) if found in line], altered_files.to_text()


def test_verify_exits_with_1_when_a_check_says_no(tmp_path: Path) -> None:
    (tmp_path / "checksums.txt").write_text("", encoding="utf-8")
    result = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert result.exit_code == 1
    assert "FAIL  checksums" in result.stdout


def test_benchmark_texts_are_checked_with_raw(altered_rows: Findings) -> None:
    assert any(f"{ZH}, row 0" in line for line in lines(altered_rows, "no benchmark text"))
    assert "checked against 12 texts of starter" in altered_rows.to_text()
    assert "medqa" in altered_rows.remarks[-1]


def texts_of(*items: Row) -> Texts:
    """Return benchmark items as the check reads them from upstream files."""
    return Texts(frame(*items), ())


def judged(row: Row, *items: Row) -> list[str]:
    """Return what the check by text finds in a row."""
    placed = frame(row).with_columns(file=pl.lit("f"), row=pl.lit(0))
    return [finding.found for finding in by_text(placed, texts_of(*items))]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda scan: scan.question.upper(), "the question of an item of exam"),
        (lambda scan: f"{scan.question} (2019)", "100% of the question of an item of exam"),
        (lambda scan: scan.scanned_question, "% of the question of an item of exam"),
        (lambda scan: scan.question[: len(scan.question) // 2], ""),
    ],
)
def test_a_benchmark_question_is_found_again(
    language: str, change: Callable[[Scan], str], found: str
) -> None:
    scan = SCANS[language]
    item = mcq(scan.question, scan.options, (0,), language, role="benchmark", source="exam")
    told = judged(mcq(change(scan), scan.options, (0,), language, id="t"), item)
    assert [found in one for one in told] == ([True] if found else [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stem_with_other_options_is_no_benchmark_question(language: str) -> None:
    item = mcq("§ 12?", ("β", "γ"), (0,), language, id="b", role="benchmark", source="exam")
    assert judged(mcq("12", ("δ", "ε"), (0,), language), item) == []
    assert judged(mcq("12", ("δ", "γ"), (0,), language), item) != []


@pytest.mark.parametrize("language", LANGUAGES)
def test_near_duplicates_of_two_splits_are_found(language: str) -> None:
    scan, case = SCANS[language], CASES[language]
    rows = [
        mcq(scan.question, scan.options, (0,), language, id="a"),
        mcq(f"{scan.question} ?", scan.options[::-1], (1,), language, id="b"),
        qa(case.question, case.answer, language, id="c"),
        qa(case.other_number, case.answer, language, id="d"),
    ]
    table = frame(*rows).with_columns(file=pl.lit("f"), row=pl.int_range(pl.len()))
    apart = table.with_columns(split=pl.Series(["train", "test", "validation", "train"]))
    found = {finding.row: finding.found for finding in near_duplicates(apart)}
    assert found.keys() == {1, 3}
    assert "like f, row 0" in found[1]
    assert "like f, row 2" in found[3]
    together = table.with_columns(split=pl.Series(["test", "test", "train", "train"]))
    assert list(near_duplicates(together)) == []


def test_question_keys_of_another_version_are_not_taken_for_clean(
    demo_release: Path, tmp_path: Path
) -> None:
    table = pq.ParquetFile(demo_release / "benchmarks.parquet").read()
    old = table.replace_schema_metadata({"key_probe": "0" * 32})
    pq.write_table(old, tmp_path / "benchmarks.parquet")
    assert keys_are_current(demo_release)
    assert not keys_are_current(tmp_path)
    items = as_items(read_contents(demo_release).rows)
    (finding,) = by_identifier(items, read_benchmarks(tmp_path), has_comparable_keys=False)
    assert "that this version does not make" in finding.line()


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_folder_that_is_no_release_is_an_input_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"no such folder|not a release"):
        verify(tmp_path / name, None)


def test_the_output_folder_of_a_build_is_not_taken_for_its_release(demo_build: Path) -> None:
    with pytest.raises(InputError, match="Did you mean"):
        verify(demo_build, None)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["00000-of-00003", "00002-of-00003"], ["00001-of-00003.parquet: the shard is missing"]),
        (["00000-of-00001", "00001-of-00002"], ["00001-of-00002.parquet: a shard too many"]),
        (["00000-of-00000"], ["00000-of-00000.parquet: a shard too many"]),
        (["00001-of-00002", "00000-of-00002"], []),
    ],
)
def test_shards_are_held_against_their_number(
    ward: Path, tmp_path: Path, names: list[str], told: list[str]
) -> None:
    release = shutil.copytree(ward, tmp_path / "release")
    first = release / parquet("mmed_ift", "fr")
    content = first.read_bytes()
    first.unlink()
    for name in names:
        (first.parent / f"train-{name}.parquet").write_bytes(content)
    found = [finding.line() for finding in shards(read_contents(release))]
    assert len(found) == len(told)
    assert all(part in line for part, line in zip(told, found, strict=True))


@pytest.mark.parametrize("table", ["| a |\n", "| a | rows |\n|---|\n", "||\n||\n| x | rows |\n"])
def test_a_card_with_a_broken_table_is_read(ward: Path, table: str) -> None:
    contents = read_contents(ward)
    altered = replace(contents, card=f"{contents.card}\n{table}")
    assert list(tables(altered)) == []


def test_values_of_odd_types_in_head_and_metadata_are_findings(ward: Path, tmp_path: Path) -> None:
    release = shutil.copytree(ward, tmp_path / "release")
    metadata = json.loads((release / "croissant.json").read_bytes())
    metadata["distribution"][0]["sha256"] = 5
    metadata["distribution"].append({"contentUrl": 7, "sha256": None})
    (release / "croissant.json").write_text(json.dumps(metadata), encoding="utf-8")
    contents = read_contents(release)
    head = {**contents.head, "language": ["fr", 5]}
    head["mmed_ift"] = {"licenses": "permissive", "without_license": [5]}
    unlicensed = contents.rows.with_columns(license=pl.lit("LicenseRef-none"))
    altered = replace(contents, head=head, rows=unlicensed)
    assert len(list(croissant(altered))) == 2
    assert ["['fr', 5]" in finding.found for finding in counts(altered)] == [True]
    assert {finding.expected for finding in licenses(altered)} == {"one, or the source among 5"}
