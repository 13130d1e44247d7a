"""What a user gets for bad input: an exit code, one line that says what to do, old results whole.

All through the real command, in a process of its own.
"""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import ledger
from pipeline.build import build
from pipeline.errors import InputError
from pipeline.recipe import load_recipe
from pipeline.release.write import is_intact
from sources import registry
from tests.pipeline.engine.commands import (
    CLINIC,
    MMED,
    WARD,
    fault,
    manifest,
    mmed,
    table,
    views,
    write_csv,
    write_recipe,
)

BENCHMARK = "medmcqa"
UPSTREAM = Path("raw") / registry.load(BENCHMARK).SOURCE.files["dev"][0].path


def run(folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return mmed("build", "recipe.yaml", "--out", "out", "--workers", 1, cwd=folder, **options)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a folder with a recipe of one table and its finished build, to be spoiled."""
    write_csv(tmp_path / "ward.csv", WARD)
    write_recipe(tmp_path, tables=[table("ward")])
    build(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "raw", tmp_path / "out", workers=1)
    return tmp_path


def refused(folder: Path) -> str:
    """Build anew, to be refused; return the line that says why. The old build must stay whole."""
    before = views(folder / "out"), manifest(folder / "out")
    said = fault(run(folder), 2)
    assert (views(folder / "out"), manifest(folder / "out")) == before
    return said


def test_missing_file_of_a_source_is_named_with_the_command_that_brings_it(built: Path) -> None:
    write_recipe(built, tables=[table("ward")], sources=[{"name": BENCHMARK}])
    said = refused(built)
    assert str(UPSTREAM) in said
    assert f"`mmed fetch {BENCHMARK}`" in said


def test_file_of_a_source_with_other_bytes_is_refused(built: Path) -> None:
    write_recipe(built, tables=[table("ward")], sources=[{"name": BENCHMARK}])
    (built / UPSTREAM).parent.mkdir(parents=True)
    (built / UPSTREAM).write_text('{"question": "Which vitamin prevents scurvy?"}\n')
    said = refused(built)
    assert str(UPSTREAM) in said
    assert "checksum" in said
    assert "Delete it and run `mmed fetch`" in said


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_damaged_compressed_file_is_refused(built: Path, damage: str) -> None:
    write_recipe(built, tables=[table("ward")], sources=[{"name": BENCHMARK}])
    path = (built / UPSTREAM).with_name(UPSTREAM.name + ".gz")
    path.parent.mkdir(parents=True)
    whole = gzip.compress(os.urandom(20_000), mtime=0)
    path.write_bytes(whole[:9000] + (b"" if damage == "cut" else b"\xff" * 2000 + whole[11000:]))
    said = refused(built)
    assert path.name in said
    assert "fetch" in said


def test_table_in_another_encoding_is_refused_with_the_line_for_the_recipe(built: Path) -> None:
    text = (built / "ward.csv").read_text("utf-8")
    (built / "ward.csv").write_bytes(text.encode("windows-1252"))
    said = refused(built)
    assert "ward.csv, line 2" in said
    assert "`encoding: windows-1252`" in said


def test_table_without_a_mapped_column_is_refused(built: Path) -> None:
    text = (built / "ward.csv").read_text("utf-8")
    (built / "ward.csv").write_text(text.replace("answer", "response", 1), encoding="utf-8")
    said = refused(built)
    assert "no column 'answer'" in said
    assert "'response'" in said


def test_table_that_is_not_there_is_refused(built: Path) -> None:
    (built / "ward.csv").unlink()
    assert "ward.csv: no such file. Correct `path` of the table 'ward'" in refused(built)


def dropped(out: Path) -> list[tuple[Any, ...]]:
    return pl.read_parquet(out / "ledger.parquet").select("reason", "file", "row").rows()


def test_json_line_that_was_cut_costs_its_row_alone(tmp_path: Path) -> None:
    lines = [
        f'{{"id": "{i}", "question": "{question}", "answer": "{answer}"}}'
        for i, question, answer in [*WARD, *CLINIC]
    ]
    lines[2] = lines[2][: len(lines[2]) // 2]
    (tmp_path / "ward.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_recipe(tmp_path, tables=[table("ward", "jsonl")])
    assert run(tmp_path).returncode == 0
    assert dropped(tmp_path / "out") == [("invalid_record", "ward.jsonl", 3)]
    assert manifest(tmp_path / "out")["stages"][-1]["rows_kept"] == 5


def test_csv_row_with_a_cell_too_many_costs_its_row_alone(tmp_path: Path) -> None:
    write_csv(tmp_path / "ward.csv", [*WARD, *CLINIC])
    lines = (tmp_path / "ward.csv").read_text("utf-8").splitlines()
    lines[4] += ",une cellule de trop"
    (tmp_path / "ward.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_recipe(tmp_path, tables=[table("ward")])
    assert run(tmp_path).returncode == 0
    assert dropped(tmp_path / "out") == [("invalid_record", "ward.csv", 5)]
    assert manifest(tmp_path / "out")["stages"][-1]["rows_kept"] == 5


def test_unknown_recipe_key_is_told_with_the_nearest_known_one(built: Path) -> None:
    write_recipe(built, tables=[table("ward")], licence="all")
    assert refused(built) == "recipe.yaml: licence: unknown key. Did you mean 'licenses'?"


def test_unknown_source_is_told_with_the_command_that_lists_them(built: Path) -> None:
    write_recipe(built, sources=[{"name": "startr"}])
    said = refused(built)
    assert "'startr'" in said
    assert "starter" in said
    assert "`mmed sources`" in said


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"sources": [{"name": "starter", "max_row": 3}]}, "Did you mean 'max_rows'?"),
        ({"sources": [{"name": "starter"}, {"name": "starter"}]}, "'starter' is listed twice"),
        ({"sources": [3]}, "sources.0: a source is its name, or a mapping"),
        ({"tables": [table("ward", fields={"questoin": "q"})]}, "Did you mean 'question'?"),
        ({"tables": [table("ward", langauge="fr")]}, "Did you mean 'language'?"),
        (
            {"tables": [table("ward")], "key_base": "one"},
            "key_base: unknown key. 'key_base' belongs to an entry of `tables`.",
        ),
        (
            {"tables": [table("ward")], "keybase": "one"},
            "Did you mean 'key_base', which belongs to an entry of `tables`?",
        ),
        (
            {"tables": [table("ward", fields={"question": "q", "sheet": "a"})]},
            "tables.0.fields.sheet: unknown key. 'sheet' belongs to an entry of `tables`.",
        ),
        (
            {"tables": [table("ward", answer="a")]},
            "'answer' belongs to `fields` of a table.",
        ),
        (
            {"tables": [table("ward")], "license": "all"},
            "'license' belongs to an entry of `tables`. Or did you mean 'licenses'?",
        ),
        (
            {"tables": [{k: v for k, v in table("ward").items() if k != "license"}]},
            "SPDX identifier such as CC-BY-4.0, or LicenseRef-internal.",
        ),
        ({"sources": [{"name": "starter"}], "licenses": "al"}, "licenses: "),
        ({"sources": [{"name": "starter"}], "release": {"name": "our set"}}, "release.name: "),
        ({"sources": [{"name": "starter"}], "stages": []}, "stages begin with `ingest`"),
        ({"sources": [{"name": "starter"}], "stages": [3]}, "stages.0: a stage is its name"),
        ({"sources": [{"name": "starter"}], "stages": ["ingset"]}, "'ingset' is not one of"),
        (
            {"sources": [{"name": "starter"}], "stages": [{"stage": "select", "min_questoin": 3}]},
            "Did you mean 'min_question_units'?",
        ),
        (
            {"stages": [{"stage": "mix", "caps": [{"sorce": "starter", "rows": 3}]}]},
            "stages.0.caps.0.sorce: unknown key. Did you mean 'source'?",
        ),
        ({"sources": [{"name": "starter"}], "stages": ["ingest", "split", "emit"]}, "`mask`"),
        ({}, "names no sources and no tables"),
    ],
)
def test_recipe_that_is_wrong_is_refused_in_one_line(
    tmp_path: Path, recipe: dict[str, Any], said: str
) -> None:
    path = write_recipe(tmp_path, **recipe)
    with pytest.raises(InputError) as refusal:
        load_recipe(path)
    told = str(refusal.value)
    assert told.startswith(f"{path}: ")
    assert said in told
    assert "\n" not in told


@pytest.mark.parametrize("text", ["- starter\n", "sources: [\n", "", "\xff\xfe"])
def test_recipe_that_is_no_mapping_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"recipe\.yaml: ") as refusal:
        load_recipe(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"tables:\n\t- name: ward\n", "use spaces, not tabs"),
        ("release: {name: jeu_français}\n".encode("windows-1252"), "save it as UTF-8"),
    ],
)
def test_recipe_saved_in_a_way_that_yaml_refuses_is_told_how_to_save_it(
    tmp_path: Path, text: bytes, said: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text)
    with pytest.raises(InputError, match=said):
        load_recipe(path)


def test_source_given_as_its_name_alone_is_read(tmp_path: Path) -> None:
    named = load_recipe(write_recipe(tmp_path, sources=["starter"]))
    assert named == load_recipe(write_recipe(tmp_path, sources=[{"name": "starter"}]))


def test_name_of_a_recipe_without_its_suffix_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"Did you mean real\.yaml\?"):
        load_recipe("real")
    monkeypatch.chdir(tmp_path)
    write_recipe(tmp_path, sources=["starter"])
    with pytest.raises(InputError, match=r"Did you mean recipe\.yaml\?"):
        load_recipe("recipe")


def test_recipes_of_training_are_not_offered_to_a_build() -> None:
    with pytest.raises(InputError, match=r"one of demo\.yaml, full\.yaml, real\.yaml\.$"):
        load_recipe("nosuch.yaml")


def test_absent_benchmark_stops_the_build_unless_the_recipe_allows_it(built: Path) -> None:
    write_recipe(built, tables=[table("ward")], benchmarks=[BENCHMARK])
    said = refused(built)
    assert f"{UPSTREAM}: " in said
    assert "`allow_missing`" in said

    write_recipe(built, tables=[table("ward")], benchmarks=[BENCHMARK], allow_missing=[BENCHMARK])
    assert run(built).returncode == 0
    assert manifest(built / "out")["benchmarks"] == {"checked": [], "missing": [BENCHMARK]}
    assert BENCHMARK in (built / "out" / "release" / "README.md").read_text("utf-8")
    verified = mmed("verify", "out/release", cwd=built)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert BENCHMARK in verified.stdout


@pytest.mark.parametrize("out", ["ward.csv/out", "/proc/mmed"])
def test_out_that_cannot_be_written_is_refused(built: Path, out: str) -> None:
    result = mmed("build", "recipe.yaml", "--out", out, cwd=built)
    said = fault(result, 2)
    assert said.startswith(f"{out}: cannot be written")
    assert "--out" in said


def test_file_where_a_build_keeps_its_work_is_refused(built: Path) -> None:
    (built / "other").mkdir()
    (built / "other" / "store").touch()
    result = mmed("build", "recipe.yaml", "--out", "other", cwd=built)
    assert fault(result, 2).startswith("other/store: a file")


def test_second_build_into_the_same_folder_is_refused(tmp_path: Path, demo_build: Path) -> None:
    command = [str(MMED), "build", "demo.yaml", "--out", "out"]
    first = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "out" / "store" / "files.json").exists():  # written under the lock
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    second = mmed("build", "demo.yaml", "--out", "out", cwd=tmp_path)
    first.send_signal(signal.SIGCONT)
    said = fault(second, 2)
    assert said.startswith("out: another command is writing here.")
    assert "--out" in said
    assert first.wait(60) == 0
    assert views(tmp_path / "out") == views(demo_build)


def test_interrupt_from_the_keyboard_ends_in_one_line(tmp_path: Path) -> None:
    command = [str(MMED), "build", "demo.yaml", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "out" / "store").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    result = subprocess.CompletedProcess(command, process.returncode, "", errors)
    assert fault(result, 130).startswith("interrupted; the same command goes on")


def no_longer_than(size: int) -> None:
    """Let this process write no file of more bytes, as a disk does that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [300, 12_500])
def test_file_that_cannot_be_written_to_its_end_stops_the_build(built: Path, size: int) -> None:
    write_csv(built / "ward.csv", [*WARD, *CLINIC])
    said = fault(run(built, preexec_fn=lambda: no_longer_than(size)), 3)
    assert "run the same command again" in said
    assert_whole(built / "out")

    assert run(built).returncode == 0
    assert views(built / "out") == unbroken(built)


def unbroken(folder: Path) -> dict[str, bytes]:
    """Return the views of the same recipe, built somewhere else without trouble."""
    recipe = load_recipe(folder / "recipe.yaml")
    build(recipe, folder / "raw", folder / "elsewhere", workers=1)
    return views(folder / "elsewhere")


def assert_whole(out: Path) -> None:
    """Demand that each view of a build can be read, be it the earlier one or already the new."""
    assert is_intact(out / "release")
    assert pl.read_parquet(out / "ledger.parquet").schema == ledger.empty().schema
    assert manifest(out)["release"]


ROOM = 120_000  # bytes that a full disk is given more of before each attempt


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small disk of its own; skip where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def give_room(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@pytest.mark.slow
def test_full_disk_stops_the_build_and_the_same_command_goes_on_with_room(disk: Path) -> None:
    write_csv(disk / "ward.csv", WARD)
    write_recipe(disk, tables=[table("ward")])
    assert run(disk).returncode == 0
    write_csv(disk / "ward.csv", [*WARD, *CLINIC])

    state = os.statvfs(disk)
    size = (state.f_blocks - state.f_bfree) * state.f_frsize
    give_room(disk, size)
    num_stopped = 0
    while (result := run(disk)).returncode:
        assert "no space left" in fault(result, 3)
        assert_whole(disk / "out")
        size += ROOM
        give_room(disk, size)
        num_stopped += 1
    assert num_stopped > 2

    give_room(disk, 8_000_000)
    assert views(disk / "out") == unbroken(disk)
