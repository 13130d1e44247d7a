"""What a release holds: files, columns, order, card, licences, metadata; the same every time."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.build import build
from pipeline.recipe import Release, load_recipe
from pipeline.release.croissant import croissant
from pipeline.release.messages import messages, wording
from pipeline.release.parquet import write_parquet, write_shards
from pipeline.release.verify import verify
from pipeline.release.write import checksums
from schemas.item import LANGUAGES
from schemas.release import RELEASE

ZSTD = b"\x28\xb5\x2f\xfd"  # begins a compressed page


def data_files(release: Path) -> list[Path]:
    return sorted(release.glob("mmed_ift*/*/*.parquet"))


def test_a_release_has_both_subsets_in_six_languages(demo_release: Path) -> None:
    cells = {path.parent.relative_to(demo_release).as_posix() for path in data_files(demo_release)}
    subsets = ("mmed_ift", "mmed_ift_mc")
    assert cells == {f"{subset}/{language}" for subset in subsets for language in LANGUAGES}


def test_every_file_has_the_declared_schema_and_rows(demo_release: Path) -> None:
    for path in data_files(demo_release):
        file = pq.ParquetFile(path)
        assert file.schema_arrow.equals(RELEASE), path
        assert file.metadata.num_rows > 0, path


def test_rows_are_ordered_by_source_and_id(demo_release: Path) -> None:
    for path in data_files(demo_release):
        keys = pq.read_table(path, columns=["source", "id"]).to_pylist()
        assert keys == sorted(keys, key=lambda row: (row["source"], row["id"]))


def test_pages_are_cut_by_content_and_indexed(demo_release: Path) -> None:
    for path in data_files(demo_release):
        columns = pq.read_metadata(path).row_group(0)
        every = [columns.column(number) for number in range(columns.num_columns)]
        assert all(one.has_offset_index and one.has_column_index for one in every), path


def large_table(num_rows: int) -> pa.Table:
    """Return rows whose texts no compression makes small, ordered by id."""
    names = sorted(sha256(str(number).encode()).hexdigest() for number in range(num_rows))
    texts = ["".join(sha256(f"{name}{n}".encode()).hexdigest() for n in range(9)) for name in names]
    return pa.table({"id": names, "text": texts})


def pages(table: pa.Table, path: Path) -> set[bytes]:
    """Return the compressed pages of a table, once written."""
    write_parquet(path, table)
    return set(path.read_bytes().split(ZSTD))


def test_a_row_more_leaves_most_pages_as_they_were(tmp_path: Path) -> None:
    table = large_table(9000)
    more = pa.concat_tables([table.slice(0, 1000), table.slice(4, 1), table.slice(1000)])
    before, after = pages(table, tmp_path / "a"), pages(more, tmp_path / "b")
    new = sum(map(len, after - before))
    assert 0 < new < 0.4 * sum(map(len, after))


@settings(max_examples=30, deadline=None)
@given(num_rows=st.integers(1, 60), shard_bytes=st.integers(1, 4000))
def test_shards_hold_every_row_in_order(num_rows: int, shard_bytes: int) -> None:
    table = large_table(num_rows)
    with TemporaryDirectory() as folder:
        paths = write_shards(Path(folder, "en"), "train", table, shard_bytes)
        assert [path.name for path in paths] == [
            f"train-{number:05}-of-{len(paths):05}.parquet" for number in range(len(paths))
        ]
        assert pa.concat_tables([pq.ParquetFile(path).read() for path in paths]) == table
        rows = [pq.read_metadata(path).num_rows for path in paths]
        # A row is never cut, so a shard of one may be larger.
        assert max(rows) == min(num_rows, max(1, shard_bytes * num_rows // table.nbytes))
        assert set(rows[:-1]) <= {max(rows)}


def test_a_release_in_several_shards_passes_and_loads(ward: Path, tmp_path: Path) -> None:
    release = shutil.copytree(ward, tmp_path / "release")
    for path in data_files(release):
        table = pq.ParquetFile(path).read()
        path.unlink()
        split = path.name.partition("-")[0]
        write_shards(path.parent, split, table, table.nbytes // table.num_rows)
    paths = [path.relative_to(release).as_posix() for path in data_files(release)]
    assert "mmed_ift/fr/train-00001-of-00002.parquet" in paths
    name = Release(name="ward-questions", version="0.1.0")
    (release / "croissant.json").write_text(croissant(release, name, ["CC0-1.0"]), "utf-8")
    (release / "checksums.txt").write_text(checksums(release), "utf-8")
    findings = verify(release, None)
    assert findings.passed, findings.to_text()
    mlcroissant = pytest.importorskip("mlcroissant")
    records = mlcroissant.Dataset(jsonld=release / "croissant.json").records("mmed_ift")
    assert len(list(records)) == 3


def test_the_benchmark_table_has_no_text(demo_release: Path) -> None:
    table = pq.ParquetFile(demo_release / "benchmarks.parquet").read()
    assert table.column_names == ["benchmark", "status", "root_id", "question_key"]
    assert all(len(value) == 32 for value in table["question_key"].to_pylist())


def test_the_head_of_the_card_names_every_configuration(demo_release: Path) -> None:
    head = yaml.safe_load((demo_release / "README.md").read_text("utf-8").split("---\n")[1])
    names = [config["config_name"] for config in head["configs"]]
    languages = sorted(LANGUAGES)
    assert names == [
        "mmed_ift",
        *(f"mmed_ift.{language}" for language in languages),
        "mmed_ift_mc",
        *(f"mmed_ift_mc.{language}" for language in languages),
    ]
    assert [config["config_name"] for config in head["configs"] if config.get("default")] == [
        "mmed_ift"
    ]


def test_the_card_has_no_broken_table(demo_release: Path) -> None:
    card = (demo_release / "README.md").read_text("utf-8")
    blocks = [block.splitlines() for block in card.split("\n\n") if block.startswith("| ")]
    assert len(blocks) >= 8
    for block in blocks:
        assert {line.count("|") for line in block} == {block[0].count("|")}, block[0]
    assert card.endswith("\n")
    assert not [line for line in card.splitlines() if line != line.rstrip()]


def test_licenses_lists_each_source_with_its_licence_and_citation(demo_release: Path) -> None:
    text = (demo_release / "LICENSES.md").read_text("utf-8")
    assert "| Starter corpus | starter | 347 | CC0-1.0 | yes |" in text
    assert "- Starter corpus: The starter corpus of MMed-IFT" in text


def test_nothing_in_a_release_tells_where_it_was_made(demo_release: Path, demo_build: Path) -> None:
    for path in filter(Path.is_file, demo_release.rglob("*")):
        # Parquet pages are compressed: its rows are looked into, not its bytes alone.
        told = path.read_bytes()
        if path.suffix == ".parquet":
            told += json.dumps(pl.read_parquet(path).to_dicts()).encode()
        assert str(demo_build.parent).encode() not in told, path


def test_building_again_leaves_the_release_untouched(tmp_path: Path) -> None:
    recipe = load_recipe("demo.yaml")
    first = build(recipe, tmp_path, tmp_path / "out", workers=1).manifest
    card = tmp_path / "out" / "release" / "README.md"
    inode = card.stat().st_ino
    again = build(recipe, tmp_path, tmp_path / "out", workers=1).manifest
    assert again["release_digest"] == first["release_digest"]
    assert card.stat().st_ino == inode


def test_a_damaged_release_is_made_again_with_the_same_bytes(tmp_path: Path) -> None:
    recipe = load_recipe("demo.yaml")
    first = build(recipe, tmp_path, tmp_path / "out", workers=1).manifest
    (tmp_path / "out" / "release" / "README.md").write_text("scribbled over", encoding="utf-8")
    again = build(recipe, tmp_path, tmp_path / "out", workers=1).manifest
    assert again["release_digest"] == first["release_digest"]
    assert "# mmed-ift-demo" in (tmp_path / "out" / "release" / "README.md").read_text("utf-8")


def test_two_folders_get_the_same_release(demo_build: Path, tmp_path: Path) -> None:
    build(load_recipe("demo.yaml"), tmp_path, tmp_path / "elsewhere", workers=1)
    lists = [out / "release" / "checksums.txt" for out in (demo_build, tmp_path / "elsewhere")]
    assert lists[0].read_bytes() == lists[1].read_bytes()


def test_croissant_names_every_file_with_its_digest(demo_release: Path) -> None:
    document = json.loads((demo_release / "croissant.json").read_text("utf-8"))
    noted = dict(
        line.split("  ")[::-1]
        for line in (demo_release / "checksums.txt").read_text("utf-8").splitlines()
    )
    files = {e["contentUrl"]: e["sha256"] for e in document["distribution"] if "contentUrl" in e}
    paths = [path.relative_to(demo_release).as_posix() for path in data_files(demo_release)]
    assert files == {path: noted[path] for path in paths}


def test_mlcroissant_loads_the_metadata_and_reads_every_record(demo_release: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(jsonld=demo_release / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    for subset in ("mmed_ift", "mmed_ift_mc"):
        files = demo_release.glob(f"{subset}/*/*.parquet")
        records = list(dataset.records(subset))
        assert len(records) == sum(pq.read_metadata(path).num_rows for path in files)
        roles = [turn[f"{subset}/messages/role"] for turn in records[0][f"{subset}/messages"]]
        assert roles == [b"user", b"assistant"]


ROW = {
    "id": "0" * 32,
    "task": "mcq",
    "form": "exam",
    "question": "Q?",
    "context": "",
    "history": [],
    "options": ["one", "two", "three"],
    "answer_indices": [0, 2],
    "several_allowed": True,
    "answer": "one\nthree",
    "rationale": "Because.",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_passage_and_its_question_stand_under_headings(language: str) -> None:
    user, _ = messages({**ROW, "language": language, "context": "A passage."}, "letter")
    own = wording()[language]
    assert f"{own['context']}\nA passage.\n\n{own['question']}\nQ?" in user["content"]


@pytest.mark.parametrize(
    ("style", "told"),
    [
        ("letter", "A, C"),
        ("letter_text", "A, C\nA. one\nC. three"),
        ("rationale", "A, C\nA. one\nC. three\n\nBecause."),
    ],
)
def test_the_letters_come_first_in_every_style(style: str, told: str) -> None:
    _, assistant = messages({**ROW, "language": "en"}, style)
    assert assistant["content"] == told


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_or_several_follows_the_rule_of_the_exam_not_the_key(language: str) -> None:
    row = {**ROW, "language": language, "answer_indices": [1]}
    for allowed, kind in ((True, "several"), (False, "one")):
        user, _ = messages({**row, "several_allowed": allowed}, "letter")
        assert user["content"].split("\n")[0] in wording()[language][kind]


def test_a_japanese_stem_that_says_how_many_keeps_the_word() -> None:
    row = {**ROW, "language": "ja", "question": "空気感染するのはどれか。2つ選べ。"}
    user, _ = messages(row, "letter")
    assert user["content"].split("\n")[0] in wording()["ja"]["follow_stem"]


def test_an_open_question_stands_alone() -> None:
    row = {**ROW, "language": "fr", "task": "qa", "form": "encyclopedia", "options": []}
    user, assistant = messages({**row, "answer": "Une réponse."}, "letter")
    assert (user["content"], assistant["content"]) == ("Q?", "Une réponse.")


def test_labels_with_commas_stay_apart_in_the_wrapper() -> None:
    row = {**ROW, "language": "ru", "task": "qa", "form": "classification", "options": []}
    user, _ = messages(row, "letter", ("кожа, сухая", "одышка"))
    assert "кожа, сухая; одышка" in user["content"]
