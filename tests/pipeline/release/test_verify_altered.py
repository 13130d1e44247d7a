"""What `mmed verify` says of a release altered in one place, with checksums made anew."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.build import build
from pipeline.recipe import load_recipe
from pipeline.release.check_benchmarks import as_told, read_benchmarks
from pipeline.release.check_card import counts
from pipeline.release.check_messages import messages
from pipeline.release.check_rows import identifiers
from pipeline.release.check_tables import sources, tables
from pipeline.release.contents import Contents, read_contents
from pipeline.release.findings import Finding
from pipeline.release.push import RefusedError, plan_push
from pipeline.release.verify import verify
from tests.pipeline.engine.commands import WARD, stages, table, write_csv, write_recipe
from tests.pipeline.release.conftest import Rows, alter, parquet, renew_checksums
from tests.pipeline.release.test_verify import lines

EN, OPEN_EN = parquet("mmed_ift_mc", "en"), parquet("mmed_ift", "en")
Turns = list[dict[str, str]]


@pytest.fixture
def copy(demo_release: Path, tmp_path: Path) -> Path:
    return shutil.copytree(demo_release, tmp_path / "release")


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def say(number: int, text: str) -> Callable[[Turns], None]:
    """Return a change that appends a text to a turn."""

    def change(turns: Turns) -> None:
        turns[number]["content"] += text

    return change


def ask_before(question: str, reply: str) -> Callable[[Turns], None]:
    """Return a change that puts two turns before the others."""

    def change(turns: Turns) -> None:
        turns[:0] = [turn("user", question), turn("assistant", reply)]

    return change


def answer(text: str) -> Callable[[Turns], None]:
    """Return a change that puts a text after the letter of a multiple-choice answer."""

    def change(turns: Turns) -> None:
        turns[-1]["content"] = f"{turns[-1]['content'][0]}. {text}"

    return change


@pytest.mark.parametrize(
    ("path", "change", "found"),
    [
        (EN, say(-2, "\n\nWhich nerve is hurt?\nA. Ulnar"), "Which nerve is hurt?"),
        (OPEN_EN, say(-2, " Which nerve is hurt?"), "Which nerve is hurt?"),
        (OPEN_EN, say(-1, " Buy our pills."), "Buy our pills."),
        (EN, say(-1, "\n\nBuy our pills."), "Buy our pills."),
        (EN, answer("something else"), "something else"),
        (EN, lambda turns: turns.insert(0, turn("system", "Be brief.")), "['system', 'user'"),
        (EN, lambda turns: turns.insert(0, turn("user", "Hello.")), "['user', 'user'"),
        (EN, lambda turns: turns.insert(0, turn("assistant", "Yes?")), "['assistant', 'user'"),
        (EN, list.clear, "roles []"),
        (EN, ask_before("", "Yes?"), "an empty message"),
    ],
)
def test_messages_that_the_columns_do_not_give_are_named_with_file_and_row(
    copy: Path, path: str, change: Callable[[Turns], None], found: str
) -> None:
    alter(copy, path, lambda rows: change(rows[3]["messages"]))
    (finding,) = messages(read_contents(copy))
    assert (finding.file, finding.row) == (path, 3)
    assert found in finding.found
    assert len(finding.line()) < 300


def test_an_id_that_is_no_digest_is_named_and_messages_are_not_made_of_it(copy: Path) -> None:
    alter(copy, EN, lambda rows: rows[-1].update(id="z"))
    contents = read_contents(copy)
    assert [finding.found for finding in identifiers(contents)] == ["id z"]
    assert list(messages(contents)) == []


def test_a_classification_names_every_label_of_its_source(tmp_path: Path) -> None:
    labels = ("Diabète", "Épistaxis", "Asthme")
    lines = [(key, question, label) for (key, question, _), label in zip(WARD, labels, strict=True)]
    write_csv(tmp_path / "ward.csv", lines)
    ward = table("ward", redistributable="yes", egress="any", form="classification")
    split = {"share": 0.02, "min_rows": 20, "max_share": 0.1}
    recipe = write_recipe(
        tmp_path, tables=[ward], release={"name": "labels"}, stages=stages(split=split)
    )
    build(load_recipe(recipe), tmp_path / "raw", tmp_path / "out", workers=1)
    release, path = tmp_path / "out" / "release", parquet("mmed_ift", "fr")
    assert list(messages(read_contents(release))) == []

    def drop_a_label(rows: Rows) -> None:
        asked = rows[0]["messages"][-2]
        asked["content"] = asked["content"].replace("Asthme; ", "")

    alter(release, path, drop_a_label)
    (finding,) = messages(read_contents(release))
    assert (finding.file, finding.row) == (path, 0)
    assert "Asthme; " in finding.expected


@pytest.mark.parametrize(
    "path", ["notes/private.jsonl", ".x/train-00000-of-00001.parquet", ".env", "mmed_ift/a.txt"]
)
def test_a_file_that_no_release_has_is_found_and_never_sent(
    ward: Path, tmp_path: Path, path: str
) -> None:
    release = shutil.copytree(ward, tmp_path / "release")
    stray = release / path
    stray.parent.mkdir(exist_ok=True)
    content = release / parquet("mmed_ift", "fr") if path.endswith(".parquet") else None
    stray.write_bytes(content.read_bytes() if content else b"{}\n")
    renew_checksums(release)
    found = lines(verify(release, None), "only files of a release")
    assert [line.split(":")[0] for line in found] == [path]
    with pytest.raises(RefusedError, match="only files of a release"):
        plan_push(release, "ward/x", None)


@pytest.mark.parametrize("path", [".git/config", ".cache/huggingface/a.parquet", ".gitattributes"])
def test_what_a_copy_adds_is_neither_found_nor_sent(ward: Path, tmp_path: Path, path: str) -> None:
    release = shutil.copytree(ward, tmp_path / "release")
    (release / path).parent.mkdir(parents=True, exist_ok=True)
    (release / path).write_bytes(b"x")
    findings = verify(release, None)
    assert findings.passed, findings.to_text()
    assert path not in plan_push(release, "ward/x", None).files
    renew_checksums(release)  # lists it
    with pytest.raises(RefusedError, match="checksums"):
        plan_push(release, "ward/x", None)


def told(findings: Iterable[Finding]) -> list[str]:
    return [f"{finding.found} / {finding.expected}" for finding in findings]


def test_every_source_of_a_row_stands_in_the_licences_with_its_rows(copy: Path) -> None:
    assert list(sources(read_contents(copy))) == []
    alter(copy, EN, lambda rows: rows[0].update(source="blog.posts"))
    alter(copy, EN, lambda rows: rows[1].update(source="starter.other"))
    assert told(sources(read_contents(copy))) == [
        "0 rows here of blog, CC0-1.0, yes / 1",
        "347 rows here of starter, CC0-1.0, yes / 346",
    ]
    (copy / "LICENSES.md").write_text("# None\n", encoding="utf-8")
    assert told(sources(read_contents(copy)))[0].startswith(
        "a table is missing / one with | source"
    )


def test_an_emptied_table_of_benchmarks_is_not_taken_for_clean(copy: Path) -> None:
    table = pq.ParquetFile(copy / "benchmarks.parquet").read()
    pq.write_table(table.slice(0, 0), copy / "benchmarks.parquet")
    renew_checksums(copy)
    (line,) = lines(verify(copy, None), "benchmarks on the card")
    assert line == "benchmarks.parquet: no row of starter, checked; expected one, as the card says."


def test_the_card_names_the_benchmarks_of_the_table_and_no_others(copy: Path) -> None:
    card, table = (copy / "README.md").read_text("utf-8"), read_benchmarks(copy)
    assert list(as_told(card, table)) == []
    more = table.head(2).with_columns(
        benchmark=pl.Series(["medqa.main", "mmedbench"]), status=pl.Series(["checked", "missing"])
    )
    assert told(as_told(card, pl.concat([table, more]))) == [
        "medqa is not named as checked / it, as in benchmarks.parquet",
        "mmedbench is not named as missing / it, as in benchmarks.parquet",
    ]
    unnamed = card.replace("question: starter.", "question: starter, medqa.").replace(
        "\n## Known", "\n**Not checked**, because the files were not at hand: igakuqa.\n\n## Known"
    )
    assert told(as_told(unnamed, table)) == [
        "no row of medqa, checked / one, as the card says",
        "no row of igakuqa, missing / one, as the card says",
    ]


def test_a_recipe_that_checks_no_benchmark_says_so_and_passes(tmp_path: Path) -> None:
    write_csv(tmp_path / "ward.csv", WARD)
    short = [one for one in stages() if one["stage"] != "decontaminate"]
    recipe = write_recipe(tmp_path, tables=[table("ward")], benchmarks=["starter"], stages=short)
    build(load_recipe(recipe), tmp_path / "raw", tmp_path / "out", workers=1)
    release = tmp_path / "out" / "release"
    assert list(as_told((release / "README.md").read_text("utf-8"), read_benchmarks(release))) == []


@pytest.mark.parametrize(
    ("before", "after", "check", "found"),
    [
        ("347 medical question", "999 medical question", counts, "rows ['999'] below the title"),
        ("{qa} in `mmed_ift` (", "999 in `mmed_ift` (", counts, "999 rows of mmed_ift"),
        ("\n- n<1K", "\n- 1K<n<10K", counts, "size_categories ['1K<n<10K'] in the head"),
        ("| near_duplicate | 22 |", "| near_duplicate | 2 |", tables, "2 rows of near_duplicate"),
        ("| personal_data | 6 |", "| personal | 6 |", tables, "0 rows of personal_data"),
        ("| all | 347 | 347 |", "| all | 347 | 34 |", tables, "34 permissive of all"),
        ("| all | 347 | 347 |", "| all | 34 | 347 |", tables, "34 rows of all"),
        ("| 386 | 347 |", "| 386 | 34 |", tables, "34 rows published of Starter corpus"),
        ("`translate/en-zh@1`", "`translate/en-zh@2`", tables, "0 rows of translate, `local/"),
        ("| flag | rows | meaning |", "| flag | count | meaning |", tables, "a table is missing"),
        ("| es | native | 52 |", "| es | native | many |", tables, "0 rows of es, native"),
        ("| es | native | 52 |", "| es | native | 50 |\n| es | native | 1 |", tables, "51 rows of"),
    ],
)
def test_a_number_on_the_card_that_the_rows_do_not_give_is_found(
    demo_release: Path,
    before: str,
    after: str,
    check: Callable[[Contents], Iterable[Finding]],
    found: str,
) -> None:
    contents = read_contents(demo_release)
    num_open = contents.rows.filter(pl.col("subset") == "mmed_ift").height
    card = contents.card.replace(before.format(qa=num_open), after, 1)
    assert card != contents.card
    head = yaml.safe_load(card.split("---\n")[1])
    assert list(check(contents)) == []
    assert [one for one in told(check(replace(contents, card=card, head=head))) if found in one]


def test_the_first_of_two_tables_alike_hides_nothing(demo_release: Path) -> None:
    contents = read_contents(demo_release)
    own = re.search(r"\| flag \| rows \|.*?\n\n", contents.card, re.DOTALL)
    assert own
    twice = contents.card.replace(own[0], own[0].replace("| 22 |", "| 0 |") + own[0])
    assert "12 rows of personal_data / 6" in told(tables(replace(contents, card=twice)))
