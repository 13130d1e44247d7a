"""`mmed push` against a server on loopback that answers as the Hub does."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from huggingface_hub import HfApi

from pipeline.errors import InputError, StoppedError
from pipeline.release.contents import read_contents
from pipeline.release.push import Planned, RefusedError, plan_push, refuse_rows, upload
from pipeline.release.write import checksums
from tests.pipeline.engine.commands import MMED, fault
from tests.pipeline.release.conftest import parquet
from tests.pipeline.release.hub import TOKEN, Hub, serving

REPOSITORY = "ward/mmed-ift"


@pytest.fixture
def hub() -> Iterator[tuple[Hub, HfApi]]:
    with serving() as (state, address):
        yield state, HfApi(endpoint=address, token=TOKEN)


@pytest.fixture(scope="module")
def planned(ward: Path) -> Planned:
    return plan_push(ward, REPOSITORY, None)


def files_of(release: Path) -> dict[str, bytes]:
    paths = (path for path in release.rglob("*") if path.is_file())
    return {path.relative_to(release).as_posix(): path.read_bytes() for path in paths}


def mmed_push(
    release: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [MMED, "push", str(release), REPOSITORY, *arguments],
        env=known | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_dry_run_shows_files_bytes_and_rows(planned: Planned, ward: Path) -> None:
    files = files_of(ward)
    assert planned.files == {path: len(content) for path, content in files.items()}
    assert planned.tag == "v0.1.0"
    assert planned.rows == {"mmed_ift.fr": {"train": 2, "validation": 1}}
    total = sum(map(len, files.values()))
    last = f"{len(files)} files, {total:,} bytes -> datasets/{REPOSITORY}, tag v0.1.0"
    assert planned.to_text().splitlines()[-1] == last


@pytest.mark.slow
def test_the_command_sends_where_it_is_told_and_never_shows_the_token(
    ward: Path, tmp_path: Path
) -> None:
    with serving() as (state, address):
        environment = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "HF_TOKEN": TOKEN}
        sent = mmed_push(ward, "--upload", "--revision", "v1", **environment)
        assert sent.returncode == 0, sent.stderr
        assert sent.stdout.splitlines()[-1] == f"{address}/datasets/{REPOSITORY}/tree/v1"
        assert TOKEN not in sent.stdout + sent.stderr
        assert state.repositories[REPOSITORY].tags == {"v1": 1}


def test_without_a_token_nothing_is_tried(ward: Path, tmp_path: Path) -> None:
    with serving() as (state, address):
        result = mmed_push(ward, "--upload", HF_ENDPOINT=address, HF_HOME=str(tmp_path))
        assert "Set HF_TOKEN" in fault(result, 2)
        assert state.paths == []


def test_a_new_repository_is_private_and_holds_the_release_as_it_was_verified(
    planned: Planned, ward: Path, hub: tuple[Hub, HfApi]
) -> None:
    state, api = hub
    address = upload(planned, api)
    assert address.endswith(f"/datasets/{REPOSITORY}/tree/v0.1.0")
    repository = state.repositories[REPOSITORY]
    assert repository.visibility == "private"
    kept = {path: content for path, content in repository.at("v0.1.0").items() if path[0] != "."}
    assert kept == files_of(ward)


def test_a_push_repeated_changes_nothing(planned: Planned, hub: tuple[Hub, HfApi]) -> None:
    state, api = hub
    assert upload(planned, api) == upload(planned, api)
    repository = state.repositories[REPOSITORY]
    assert len(repository.messages) == 1
    assert repository.tags == {"v0.1.0": 1}


@pytest.mark.parametrize("broken", ["/preupload/", "/commit/", "/tag/"])
def test_a_push_that_was_cut_off_is_completed_without_doubling(
    broken: str, planned: Planned, hub: tuple[Hub, HfApi]
) -> None:
    state, api = hub
    state.broken = broken
    with pytest.raises(StoppedError, match="upload stopped") as caught:
        upload(planned, api)
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    state.broken = ""
    upload(planned, api)
    repository = state.repositories[REPOSITORY]
    assert len(repository.messages) == 1
    assert repository.tags == {"v0.1.0": 1}


def test_a_later_release_replaces_files_and_keeps_the_earlier_tag(
    planned: Planned, ward: Path, tmp_path: Path, hub: tuple[Hub, HfApi]
) -> None:
    state, api = hub
    upload(planned, api)
    later = shutil.copytree(ward, tmp_path / "release")
    gone = parquet("mmed_ift", "fr", "validation")
    (later / gone).unlink()
    (later / "checksums.txt").write_text(checksums(later), encoding="utf-8")
    files = {path: size for path, size in planned.files.items() if path != gone}
    upload(replace(planned, release=str(later), tag="v0.2.0", files=files), api)
    repository = state.repositories[REPOSITORY]
    assert gone not in repository.at("v0.2.0")
    assert gone in repository.at("v0.1.0")
    with pytest.raises(InputError, match="names another release"):
        upload(replace(planned, release=str(later), files=files), api)
    assert len(repository.messages) == 2


def test_a_token_that_is_not_known_stops_in_one_line(
    planned: Planned, hub: tuple[Hub, HfApi]
) -> None:
    stranger = HfApi(endpoint=hub[1].endpoint, token="hf_other")
    with pytest.raises(StoppedError, match="401") as caught:
        upload(planned, stranger)
    assert "hf_other" not in str(caught.value)


def test_a_hub_that_is_not_there_stops_in_one_line(planned: Planned) -> None:
    with pytest.raises(StoppedError, match="upload stopped"):
        upload(planned, HfApi(endpoint="http://127.0.0.1:9", token=TOKEN))


class LargeFilesFail(HfApi):
    """A client whose transfer of large files fails, which the server on loopback does not offer."""

    def create_commit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Error while uploading 'a.parquet' to the Hub.")


def test_a_large_file_that_does_not_arrive_stops_in_one_line(
    planned: Planned, hub: tuple[Hub, HfApi]
) -> None:
    with pytest.raises(StoppedError, match="upload stopped"):
        upload(planned, LargeFilesFail(endpoint=hub[1].endpoint, token=TOKEN))


def test_a_name_that_is_none_is_told_in_one_line(planned: Planned, hub: tuple[Hub, HfApi]) -> None:
    with pytest.raises(InputError, match="no name of a repository"):
        upload(replace(planned, repository="a/b/c d"), hub[1])


def test_a_folder_that_does_not_verify_is_refused(ward: Path, tmp_path: Path) -> None:
    shutil.copy(ward / "checksums.txt", tmp_path)
    with pytest.raises(RefusedError, match=r"does not verify \(every file can be read, ") as caught:
        plan_push(tmp_path, REPOSITORY, None)
    assert f"mmed verify {tmp_path}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"redistributable": "no"}, r"starter \(52 rows\)\. Leave"),
        ({"redistributable": "unknown"}, r"starter \(52 rows\)\. Leave"),
        ({"egress": "local"}, r"starter \(52 rows\)\. Leave"),
        # An edit by hand cannot make a source redistributable.
        ({"source": "igakuqa.main"}, r"igakuqa \(52 rows\)\. Leave"),
    ],
)
def test_rows_that_must_not_be_passed_on_are_refused_by_source(
    demo_release: Path, change: dict[str, str], told: str
) -> None:
    rows = read_contents(demo_release).rows
    refuse_rows(rows)
    ((name, value),) = change.items()
    is_changed = pl.col("language") == "ja"
    altered = rows.with_columns(pl.when(is_changed).then(pl.lit(value)).otherwise(name).alias(name))
    with pytest.raises(RefusedError, match=told):
        refuse_rows(altered)
