"""The demo build does to each row of the starter corpus what the corpus's README promises."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.keys import text_digest
from schemas.item import LANGUAGES
from schemas.ledger import REASONS
from sources.starter import FOLDER

Row = dict[str, Any]

COPIES = {
    "exact_duplicate",
    "exact_duplicate_width_case",
    "exact_duplicate_yo",
    "near_duplicate_punctuation",
    "near_duplicate_wording",
    "near_duplicate_options_shuffled",
}
TWINS = {"number_changed_twin", "negation_twin"}


def corpus() -> dict[str, Row]:
    """Return every row of the corpus by its upstream id, with its file, line and language."""
    rows: dict[str, Row] = {}
    for path in sorted(FOLDER.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            row = json.loads(line)
            place = {"file": path.name, "line": number, "language": row.get("language", path.stem)}
            rows[row["id"]] = row | place
    return rows


def promises() -> dict[str, set[str]]:
    """Return, by kind of planted row, the drop reasons that the README names; none: kept."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = {}
    for line in text[text.index("## Planted rows") :].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].startswith("`") and cells[0] != "`planted`":
            reasons = set(re.findall(r"`(\w+)`", cells[2]))
            assert reasons <= REASONS.keys()
            assert bool(reasons) != ("**keep" in cells[2])
            found[cells[0].strip("`")] = reasons
    return found


ROWS = corpus()
PROMISES = promises()
PLANTED = sorted(name for name, row in ROWS.items() if "planted" in row)
SOUND = sorted(n for n, row in ROWS.items() if "planted" not in row and "-bench-" not in n)


@dataclass(frozen=True)
class Ends:
    """Where the rows of the corpus ended: published rows and ledger entries by upstream id."""

    published: dict[str, Row]
    dropped: dict[str, Row]
    made: list[Row]  # published rows that a model made of others

    def everything(self) -> list[Row]:
        """Return every published row."""
        return [*self.published.values(), *self.made]

    def partner(self, name: str) -> str | None:
        """Return the upstream id of the row that a drop names as kept or matched."""
        other = self.dropped[name]["kept_instead"]
        return next((one for one in ROWS if record_id(one) == other), None)


def record_id(name: str) -> str:
    return text_digest("starter", ROWS[name]["language"], name, "main")


def files(out: Path) -> list[Path]:
    return sorted((out / "release").glob("mmed_ift*/*/*.parquet"))


@pytest.fixture(scope="module")
def ends(demo_build: Path) -> Ends:
    by_id = {record_id(name): name for name in ROWS}
    by_place = {(row["file"], row["line"]): name for name, row in ROWS.items()}
    rows = [
        row | {"subset": path.parts[-3], "split": path.name.split("-")[0]}
        for path in files(demo_build)
        for row in pl.read_parquet(path).iter_rows(named=True)
    ]
    published = {by_id[row["id"]]: row for row in rows if row["parent_id"] is None}
    made = [row for row in rows if row["parent_id"] is not None]
    ledger = pl.read_parquet(demo_build / "ledger.parquet").iter_rows(named=True)
    # Translations carry their parent's file and row; what ingest refuses has an id of its own.
    own = [row for row in ledger if row["id"] in by_id or row["stage"] == "ingest"]
    return Ends(published, {by_place[row["file"], row["row"]]: row for row in own}, made)


def test_every_planted_kind_has_a_promise() -> None:
    assert {ROWS[name]["planted"] for name in PLANTED} == PROMISES.keys()


def test_every_row_is_published_or_in_the_ledger_and_never_both(ends: Ends) -> None:
    assert ends.published.keys() | ends.dropped.keys() == ROWS.keys()
    assert ends.published.keys() & ends.dropped.keys() == set()


@pytest.mark.parametrize("name", [n for n in PLANTED if ROWS[n]["planted"] in COPIES])
def test_one_row_of_a_copied_pair_is_kept(ends: Ends, name: str) -> None:
    pair = {name, ROWS[name]["planted_of"]}
    [gone] = pair & ends.dropped.keys()
    assert ends.dropped[gone]["reason"] in PROMISES[ROWS[name]["planted"]]
    assert {ends.partner(gone)} == pair - {gone}
    assert pair & ends.published.keys() == pair - {gone}


@pytest.mark.parametrize("name", [n for n in PLANTED if ROWS[n]["planted"] == "conflicting_key"])
def test_both_rows_of_a_conflict_leave(ends: Ends, name: str) -> None:
    original = ROWS[name]["planted_of"]
    assert {ends.dropped[one]["reason"] for one in (name, original)} == {"conflicting_key"}
    assert (ends.partner(name), ends.partner(original)) == (original, name)


@pytest.mark.parametrize("name", [n for n in PLANTED if ROWS[n]["planted"] in TWINS])
def test_both_rows_of_a_twin_are_published_flagged_in_one_split(ends: Ends, name: str) -> None:
    rows = [ends.published[one] for one in (name, ROWS[name]["planted_of"])]
    assert all("near_duplicate" in row["flags"] for row in rows)
    assert len({row["group_id"] for row in rows}) == len({row["split"] for row in rows}) == 1
    assert rows[0]["answer"] != rows[1]["answer"]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in PLANTED
        if len(PROMISES[ROWS[name]["planted"]]) == 1 and "planted_of" not in ROWS[name]
    ],
)
def test_faulty_row_is_dropped_for_its_fault(ends: Ends, name: str) -> None:
    assert {ends.dropped[name]["reason"]} == PROMISES[ROWS[name]["planted"]]


@pytest.mark.parametrize("name", [n for n in PLANTED if ROWS[n]["planted"].startswith("bench")])
def test_benchmark_item_in_the_corpus_names_the_item_that_it_repeats(ends: Ends, name: str) -> None:
    row, partner = ROWS[name], ends.partner(name)
    assert partner is not None
    assert ROWS[partner]["file"] == "benchmark.jsonl"
    assert {ends.dropped[name]["reason"]} == PROMISES[row["planted"]]
    if row["planted"] == "benchmark_item":
        assert partner == row["planted_of"]
    else:
        assert ROWS[partner]["parallel"] == row["parallel"]


@pytest.mark.parametrize("name", [n for n in PLANTED if ROWS[n]["planted"] == "personal_data"])
def test_row_with_personal_data_is_published_masked(ends: Ends, name: str) -> None:
    row = ends.published[name]
    kinds = ("[EMAIL]", "[PHONE]", "[NATIONAL_ID]", "[RECORD_NUMBER]")
    assert all(kind in row["question"] for kind in kinds)
    assert row["answer"] == ROWS[name]["answer"]
    assert "personal_data" in row["flags"]
    assert not any(secret in json.dumps(row, default=str) for secret in secrets(name))


def secrets(name: str) -> list[str]:
    """Return the addresses and numbers of a planted row, as written and as bare digits."""
    question = ROWS[name]["question"]
    found = re.findall(r"[\w.]+@[\w.]+\w|\+?\(?\d[\d() -]{6,}\d[XZ]?", question)
    assert len(found) == 4
    return [*found, *(re.sub(r"\D", "", one) for one in found if "@" not in one)]


def test_sound_rows_are_published_save_where_a_planted_copy_took_their_place(ends: Ends) -> None:
    of = {ROWS[name]["planted_of"]: name for name in PLANTED if "planted_of" in ROWS[name]}
    missing = sorted(set(SOUND) - ends.published.keys())
    reasons = {name: ends.dropped[name]["reason"] for name in missing}
    for name, reason in reasons.items():
        assert reason in PROMISES[ROWS[of[name]]["planted"]], name
        assert ends.partner(name) == of[name]
    counts = Counter(reasons.values())
    assert counts["conflicting_key"] == sum(
        ROWS[name]["planted"] == "conflicting_key" for name in PLANTED
    )
    # Which row of a pair stays follows from the lengths of the two and from their ids, so these
    # numbers change only with them.
    assert (len(SOUND), len(missing)) == (307, 10)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_published_as_it_was_written(ends: Ends, language: str) -> None:
    mine = [name for name in SOUND if ROWS[name]["language"] == language]
    kept = [name for name in mine if name in ends.published]
    assert len(kept) >= 0.85 * len(mine)
    for name in kept:
        row, written = ends.published[name], ROWS[name]
        assert (row["question"], row["language"]) == (written["question"], language)
        assert [option["text"] for option in row["options"]] == written.get("options", [])
        assert row["answer_letters"] == ["ABCDE"[index] for index in written.get("key", [])]
        assert row["subset"] == ("mmed_ift_mc" if written["kind"] == "mcq" else "mmed_ift")
        assert written["rationale"] in row["rationale"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_split(ends: Ends, language: str) -> None:
    rows = [row for row in ends.everything() if row["language"] == language]
    found = Counter((row["subset"], row["split"]) for row in rows)
    assert found["mmed_ift", "train"] >= 20
    assert found["mmed_ift_mc", "train"] >= 20
    assert found["mmed_ift", "validation"] >= 1
    assert found["mmed_ift_mc", "validation"] >= 1
    assert found["mmed_ift_mc", "test"] >= 1
    assert ("mmed_ift", "test") not in found


def test_parallel_items_share_a_root_and_a_split(ends: Ends) -> None:
    names: dict[str, list[str]] = {}
    for name in SOUND:
        if "parallel" in ROWS[name]:
            names.setdefault(ROWS[name]["parallel"], []).append(name)
    for parallel in names.values():
        rows = [ends.published[name] for name in parallel]
        assert {row["language"] for row in rows} == set(LANGUAGES)
        assert len({row["root_id"] for row in rows}) == len({row["split"] for row in rows}) == 1


def test_benchmark_items_are_never_published(ends: Ends) -> None:
    bench = [name for name, row in ROWS.items() if row["file"] == "benchmark.jsonl"]
    assert {ends.dropped[name]["reason"] for name in bench} == {"role_benchmark"}


@pytest.fixture(scope="module")
def shown(demo_build: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return a copy of the build with its report, and what `mmed build demo.yaml` printed."""
    out = shutil.copytree(demo_build, tmp_path_factory.mktemp("shown") / "out")
    result = CliRunner().invoke(app, ["build", "demo.yaml", "--out", str(out), "--workers", "1"])
    assert result.exit_code == 0, result.output
    return out, result


def test_no_view_of_the_build_shows_personal_data(shown: tuple[Path, Result]) -> None:
    out, result = shown
    tables = [*files(out), out / "ledger.parquet", out / "release" / "benchmarks.parquet"]
    texts = [str(pl.read_parquet(path).to_dicts()) for path in tables]
    plain = [out / "report" / "index.html", *(out / "release").glob("*.*")]
    texts += [p.read_text(encoding="utf-8") for p in plain if p.suffix != ".parquet"]
    everything = html.unescape("\n".join([*texts, result.output]))
    assert "[EMAIL]" in everything
    for name in PLANTED:
        if ROWS[name]["planted"] == "personal_data":
            assert [secret for secret in secrets(name) if secret in everything] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_command_line_shows_rows_per_language_and_subset(
    shown: tuple[Path, Result], ends: Ends, language: str
) -> None:
    table = [line.split() for line in shown[1].stdout.split("\n\n")[0].splitlines()]
    assert table[0] == ["language", "subset", "train", "validation", "test"]
    for subset in ("mmed_ift", "mmed_ift_mc"):
        rows = [r for r in ends.everything() if (r["language"], r["subset"]) == (language, subset)]
        sizes = Counter(row["split"] for row in rows)
        counted = [str(sizes[split]) for split in ("train", "validation", "test")]
        assert [language, subset, *counted] in table


def test_command_line_shows_one_caught_fault_beside_what_gave_it_away(
    shown: tuple[Path, Result],
) -> None:
    fault = shown[1].stdout.split("\n\n")[1]
    told, *lines = fault.splitlines()
    assert told == (
        f"One fault caught: conflicting_key. {REASONS['conflicting_key']} Both rows were dropped:"
    )
    answers = set()
    for line in lines:
        match = re.fullmatch(r"  dropped +(\w+\.jsonl), row (\d+): (.+) -> (.+)", line)
        assert match is not None
        place = (match[1], int(match[2]))
        [row] = [row for row in ROWS.values() if (row["file"], row["line"]) == place]
        assert row["question"].startswith(match[3][:40])
        assert row["options"][row["key"][0]] == match[4]
        answers.add(match[4])
    assert len(answers) == len(lines) == 2


def test_command_line_shows_one_record_the_report_and_three_next_commands(
    shown: tuple[Path, Result], ends: Ends
) -> None:
    out, result = shown
    match = re.search(r"One record \((\w{32}), (\w\w), starter\):\n  user: ", result.stdout)
    assert match is not None
    [row] = [row for row in ends.published.values() if row["id"] == match[1]]
    assert row["messages"][-1]["content"][:40] in result.stdout
    report = re.search(r"^Report: (.+)$", result.stdout, re.MULTILINE)
    assert report is not None
    assert Path(report[1]) == out / "report" / "index.html"
    assert Path(report[1]).is_file()
    commands = result.stdout[result.stdout.index("Next:") :].splitlines()[1:]
    assert [command.split()[1] for command in commands] == ["verify", "explain", "build"]


def test_next_commands_work_as_they_are_printed(shown: tuple[Path, Result]) -> None:
    commands = shown[1].stdout[shown[1].stdout.index("Next:") :].splitlines()[1:]
    for command in commands[:2]:
        done = CliRunner().invoke(app, command.split()[1:])
        assert done.exit_code == 0, done.output
