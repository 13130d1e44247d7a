"""The store: what is put is got, whole or not at all; and the digests of upstream files."""

from __future__ import annotations

import gzip
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.fetch import checksum
from pipeline.plan import FileDigests
from pipeline.store import Store, digest, parquet_bytes, remove_leftovers

FINGERPRINT = "0" * 64
SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "options": pl.List(pl.String()),
        "answer_indices": pl.List(pl.Int8()),
        "value": pl.Float64(),
        "flags": pl.List(pl.Struct({"name": pl.String(), "value": pl.Float64()})),
    }
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.none() | st.floats(allow_nan=False, width=32)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.none() | TEXTS,
            "options": st.lists(TEXTS, max_size=3),
            "answer_indices": st.lists(st.integers(-128, 127), max_size=3),
            "value": NUMBERS,
            "flags": st.lists(st.fixed_dictionaries({"name": TEXTS, "value": NUMBERS}), max_size=2),
        }
    ),
    max_size=6,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_tables_come_back_as_they_were_put(store: Store, rows: list[dict[str, Any]]) -> None:
    table = pl.DataFrame(rows, schema=SCHEMA)
    name = digest(rows)
    put = store.put(name, {"kept": table, "dropped": table.clear()}, {"counts": [len(rows)]})
    got = store.get(name)
    assert got == put
    assert got is not None
    assert got.facts == {"counts": [len(rows)]}
    assert {kind: one.rows for kind, one in got.tables.items()} == {"kept": len(rows), "dropped": 0}
    assert pl.read_parquet(got.tables["kept"].path).equals(table)
    assert pl.read_parquet(got.tables["kept"].path).schema == SCHEMA


@settings(max_examples=30)
@given(rows=ROWS)
def test_same_rows_are_the_same_bytes_however_they_lie_in_memory(
    rows: list[dict[str, Any]],
) -> None:
    table = pl.DataFrame(rows, schema=SCHEMA)
    in_pieces = pl.concat([pl.DataFrame([row], schema=SCHEMA) for row in rows] or [table])
    assert parquet_bytes(in_pieces) == parquet_bytes(table)


def table(text: str = "w1") -> pl.DataFrame:
    return pl.DataFrame({"id": [text]})


def test_what_was_never_put_is_not_there(store: Store) -> None:
    assert store.get(FINGERPRINT) is None


@pytest.mark.parametrize("file", ["kept.parquet", "entry.json"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "deleted"])
def test_damaged_entry_is_not_there_and_can_be_put_again(
    store: Store, file: str, damage: str
) -> None:
    store.put(FINGERPRINT, {"kept": table()}, {})
    path = store.folder / FINGERPRINT / file
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    if damage == "deleted":
        path.unlink()
    assert store.get(FINGERPRINT) is None
    entry = store.put(FINGERPRINT, {"kept": table()}, {})
    assert entry == store.get(FINGERPRINT)
    assert path.read_bytes() == whole


def test_entry_that_another_process_finished_meanwhile_is_as_good(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def late(temporary: Path, final: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        Store(store.folder).put(f"{FINGERPRINT}.other", {"kept": table()}, {})
        (store.folder / f"{FINGERPRINT}.other").rename(final)
        return rename(temporary, final)

    monkeypatch.setattr(Path, "rename", late)
    entry = store.put(FINGERPRINT, {"kept": table()}, {})
    assert entry == store.get(FINGERPRINT)
    assert [path.name for path in store.folder.iterdir()] == [FINGERPRINT]


def test_leftovers_of_killed_processes_are_removed_and_entries_stay(store: Store) -> None:
    store.put(FINGERPRINT, {"kept": table()}, {})
    (store.folder / f".{FINGERPRINT}.4711").mkdir()
    (store.folder / f".{FINGERPRINT}.4711" / "kept.parquet").write_bytes(b"PAR1")
    (store.folder / ".files.json.4711").write_text("{")
    remove_leftovers(store.folder)
    assert [path.name for path in store.folder.iterdir()] == [FINGERPRINT]
    assert store.get(FINGERPRINT) is not None


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are read for their digest, as they are read."""
    names: list[str] = []

    def noting(path: Path) -> str:
        names.append(path.name)
        return checksum(path)

    monkeypatch.setattr("pipeline.plan.checksum", noting)
    return names


def test_digest_is_of_the_plain_bytes_and_remembered(tmp_path: Path, read: list[str]) -> None:
    notes, plain, packed = tmp_path / "files.json", tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(b"id,question\n")
    packed.write_bytes(gzip.compress(b"id,question\n"))
    first = FileDigests(notes)
    found = first.of(plain), first.of(packed)
    first.save()
    second = FileDigests(notes)
    assert (
        found
        == (second.of(plain), second.of(packed))
        == 2 * (sha256(b"id,question\n").hexdigest(),)
    )
    assert read == ["a.csv", "a.csv.gz"]


def test_changed_file_is_read_again(tmp_path: Path, read: list[str]) -> None:
    notes, file = tmp_path / "files.json", tmp_path / "a.csv"
    file.write_bytes(b"id,question\n")
    before = FileDigests(notes)
    old = before.of(file)
    before.save()
    time_before = file.stat()
    file.write_bytes(b"id,answer  \n")
    os.utime(file, ns=(time_before.st_atime_ns, time_before.st_mtime_ns + 1))
    assert FileDigests(notes).of(file) != old
    assert read == ["a.csv", "a.csv"]


def test_file_put_in_the_place_of_another_with_its_time_is_read_again(tmp_path: Path) -> None:
    notes, file = tmp_path / "files.json", tmp_path / "a.csv"
    file.write_bytes(b"id,question\n")
    before = FileDigests(notes)
    old, times = before.of(file), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    before.save()
    other = tmp_path / "b.csv"
    other.write_bytes(b"id,answer  \n")
    os.utime(other, ns=times)
    other.replace(file)
    assert FileDigests(notes).of(file) != old


@pytest.mark.parametrize("text", ["", "{", "\x00\x00"])
def test_damaged_notes_only_cost_the_reading(tmp_path: Path, text: str, read: list[str]) -> None:
    notes, file = tmp_path / "files.json", tmp_path / "a.csv"
    notes.write_text(text)
    file.write_bytes(b"id,question\n")
    digests = FileDigests(notes)
    found = digests.of(file)
    digests.save()
    assert FileDigests(notes).of(file) == found == sha256(b"id,question\n").hexdigest()
    assert read == ["a.csv"]
