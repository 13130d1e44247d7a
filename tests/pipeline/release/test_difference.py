"""`mmed diff`: what changed between two releases, by id."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.release.difference import Difference, compare
from schemas.item import LANGUAGES
from tests.pipeline.release.conftest import Rows, alter, parquet, read

JA, FR, FR_VALIDATION = (
    parquet("mmed_ift_mc", "ja"),
    parquet("mmed_ift", "fr"),
    parquet("mmed_ift", "fr", "validation"),
)


@pytest.fixture(scope="module")
def later(demo_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy with a row gone, one new, two changed, one moved."""
    release = shutil.copytree(demo_release, tmp_path_factory.mktemp("later") / "release")
    moved = read(release, FR)[0]
    alter(release, JA, change_japanese)
    alter(release, FR, lambda rows: rows.pop(0))
    alter(release, FR_VALIDATION, lambda rows: rows.append(moved))
    return release


def change_japanese(rows: Rows) -> None:
    rows.append({**rows.pop(), "id": "f" * 32})
    rows[0]["messages"][-1]["content"] = "B"
    rows[1].update(flags=["near_duplicate"], year=2020)
    rows[1]["messages"][-1]["content"] = "C"


def test_changes_are_told_per_configuration_with_ids(later: Path, demo_release: Path) -> None:
    before = read(demo_release, JA)
    change = compare(demo_release, later, 5).configs["mmed_ift_mc.ja"]
    assert (change.rows_before, change.rows_after) == (27, 27)
    assert change.added.first == ("f" * 32,)
    assert change.removed.first == (before[-1]["id"],)
    assert change.changed.first == (before[0]["id"], before[1]["id"])
    assert change.columns == {"messages": 2, "year": 1, "flags": 1}
    assert change.moved.rows == 0


def test_a_moved_row_is_neither_new_nor_gone(later: Path, demo_release: Path) -> None:
    change = compare(demo_release, later, 5).configs["mmed_ift.fr"]
    assert change.moves == {"train -> validation": 1}
    assert change.moved.first == (read(demo_release, FR)[0]["id"],)
    assert [change.added.rows, change.removed.rows, change.changed.rows] == [0, 0, 0]


def test_a_row_that_comes_from_another_configuration_is_moved() -> None:
    before = {"00ab": ("en", "train", "Why?"), "00cd": ("en", "train", "How?")}
    found = difference(before, before | {"00cd": ("zh", "train", "How?")})
    assert found.configs["mmed_ift.zh"].moves == {"mmed_ift.en train -> train": 1}
    assert "mmed_ift.en: 2 -> 1 rows" in found.to_text().splitlines()


def test_the_command_prints_text_and_json_and_ends_with_0(later: Path, demo_release: Path) -> None:
    arguments = ["diff", str(demo_release), str(later), "--ids", "1"]
    text = CliRunner().invoke(app, arguments)
    assert text.exit_code == 0
    first = read(demo_release, JA)[0]["id"]
    assert f"\n  2 changed (messages 2; year 1; flags 1): {first} …\n" in text.stdout
    assert "\nthe same: mmed_ift.en, " in text.stdout
    value = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert value["configs"]["mmed_ift_mc.ja"]["changed"] == {"rows": 2, "first": [first]}


def test_a_release_and_itself_are_the_same(demo_release: Path) -> None:
    text = compare(demo_release, demo_release, 5).to_text()
    assert [line.partition(":")[0] for line in text.splitlines()[:-1]] == ["the same"]


def test_releases_of_different_columns_are_compared_by_those_they_share(
    demo_release: Path, tmp_path: Path
) -> None:
    later = shutil.copytree(demo_release, tmp_path / "release")
    for path in later.glob("mmed_ift*/*/*.parquet"):
        table = pq.ParquetFile(path).read()
        pq.write_table(table.drop_columns(["topic"]).append_column("new", table["id"]), path)
    found = compare(demo_release, later, 5)
    assert (found.columns_added, found.columns_removed) == (("new",), ("topic",))
    assert not any(change.changed.rows for change in found.configs.values())


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: shutil.rmtree(path.parents[2]), "no such folder"),
        (lambda path: path.write_bytes(b"PAR1"), "cannot be read"),
        (lambda path: pl.DataFrame({"a": [1]}).write_parquet(path), "no column `id`"),
        (lambda path: shutil.copy(path, path.with_name("test-00000-of-00001.parquet")), "twice"),
    ],
)
def test_a_bad_folder_is_told_in_one_line(
    demo_release: Path, tmp_path: Path, damage: object, told: str
) -> None:
    later = shutil.copytree(demo_release, tmp_path / "release")
    damage(later / JA)  # type: ignore[operator]
    with pytest.raises(InputError, match=told) as caught:
        compare(demo_release, later, 5)
    assert "\n" not in str(caught.value)


Records = dict[str, tuple[str, str, str]]  # by id: language, split, question

RECORDS = st.dictionaries(
    st.text("0123456789abcdef", min_size=4, max_size=4),
    st.tuples(st.sampled_from(LANGUAGES), st.sampled_from(["train", "validation"]), st.text()),
    max_size=12,
)


def small_release(folder: Path, records: Records) -> Path:
    (folder / "mmed_ift").mkdir(parents=True)
    for language, split in {value[:2] for value in records.values()}:
        own = {name: v[2] for name, v in records.items() if v[:2] == (language, split)}
        path = folder / parquet("mmed_ift", language, split)
        path.parent.mkdir(exist_ok=True)
        table = pl.DataFrame({"id": list(own), "question": list(own.values())})
        pq.write_table(table.to_arrow(), path)
    return folder


def difference(before: Records, after: Records) -> Difference:
    with TemporaryDirectory() as folder:
        a = small_release(Path(folder, "a"), before)
        return compare(a, small_release(Path(folder, "b"), after), 99)


@settings(max_examples=30, deadline=None)
@given(before=RECORDS, after=RECORDS)
def test_every_record_is_told_once(before: Records, after: Records) -> None:
    found = difference(before, after).configs.values()
    stays = before.keys() & after.keys()
    told = {
        kind: sorted(name for change in found for name in getattr(change, kind).first)
        for kind in ("added", "removed", "changed", "moved")
    }
    assert told == {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(one for one in stays if before[one][2] != after[one][2]),
        "moved": sorted(one for one in stays if before[one][:2] != after[one][:2]),
    }
    assert sum(change.rows_after for change in found) == len(after)
    assert sum(change.rows_before for change in found) == len(before)
