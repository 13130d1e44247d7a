"""Writes `release/`: Parquet per configuration, language and split, card, licences, checksums.

The folder is made under a temporary name and swapped in when it is complete. It holds no time,
cost, host or path, so the same rows give the same bytes anywhere.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

import schemas
from pipeline.contamination.texts import item_digests
from pipeline.recipe import Recipe
from pipeline.release.card import card, licenses_text
from pipeline.release.counting import Cell, Counted, count, together
from pipeline.release.croissant import croissant
from pipeline.release.hits import benchmark_hits
from pipeline.release.key_probe import NAME, key_probe
from pipeline.release.parquet import write_parquet, write_shards
from pipeline.release.published import published_table
from pipeline.stages.stage import PIPELINE
from pipeline.store import (
    code_digest,
    digest,
    read_note,
    stopping_when_disk_is_full,
    write_atomically,
)
from pipeline.tasks import Shard
from schemas.item import LANGUAGES
from schemas.release import BENCHMARKS, SPLITS, SUBSETS
from sources.source import Source

CHECKSUMS = "checksums.txt"
# What the card tells of the recipe.
TOLD: Any = {
    **dict.fromkeys(("sources", "release", "stages", "licenses"), True),
    "llm": {"model", "temperature", "extra"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseInput:
    """What a release is made of."""

    recipe: Recipe
    sources: Mapping[str, Source]
    shards: Sequence[Shard]  # rows to publish
    protected: Sequence[Shard]  # rows before `split`, for the table of benchmarks
    checked: tuple[str, ...]
    missing: tuple[str, ...]
    counts: Mapping[str, Any]  # per stage instance: rows by source, language and reason
    unfinished: Mapping[str, int]  # per stage instance: jobs for a model that are left

    def fingerprint(self) -> str:
        """Return the digest of everything that decides the release's bytes."""
        tables = [[shard.table.digest for shard in part] for part in (self.shards, self.protected)]
        names = [list(self.checked), list(self.missing)]
        # What the card tells of a source and of the recipe's choices is not in any shard.
        told = [asdict(self.sources[name]) for name in sorted(self.sources)]
        chosen = self.recipe.model_dump(mode="json", include=TOLD)
        return digest([tables, names, told, chosen, _code(), self.counts, dict(self.unfinished)])


def _code() -> list[str]:
    """Return digests of whatever turns rows into a release, templates and prompts included."""
    own = Path(__file__).parent
    used = (PIPELINE / "keys.py", PIPELINE / "text", PIPELINE / "contamination")
    texts = [*own.glob("*.j2"), *own.glob("*.yaml"), *(PIPELINE / "llm" / "prompts").rglob("*.*")]
    digests = (sha256(path.read_bytes()).hexdigest() for path in sorted(texts))
    return [code_digest(own, *used, Path(schemas.__file__).parent), *digests]


def write_release(out: Path, given: ReleaseInput) -> dict[str, Any]:
    """Write the release unless the one in place is already this one; return its facts."""
    release, note = out / "release", out / "store" / "release.json"
    hits = benchmark_hits(out)
    fingerprint = digest([given.fingerprint(), hits.to_dicts()])
    noted = read_note(note)
    is_same = noted.get("fingerprint") == fingerprint and is_intact(release)
    if is_same and noted["digest"] == folder_digest(release):
        return {"release": noted["release"], "release_digest": noted["digest"]}
    temporary = out / ".release.new"
    shutil.rmtree(temporary, ignore_errors=True)
    with stopping_when_disk_is_full(out):
        counted = _write_folder(temporary, given, hits)
    _swap(temporary, release)
    facts = {"release": counted.rows(), "release_digest": folder_digest(release)}
    note_text = json.dumps({"fingerprint": fingerprint, "digest": facts["release_digest"], **facts})
    write_atomically(note, note_text.encode())
    return facts


def _swap(temporary: Path, release: Path) -> None:
    old = release.with_name(".release.old")
    shutil.rmtree(old, ignore_errors=True)
    if release.exists():
        release.rename(old)
    temporary.rename(release)
    shutil.rmtree(old, ignore_errors=True)


def _write_folder(folder: Path, given: ReleaseInput, hits: pl.DataFrame) -> Counted:
    folder.mkdir(parents=True)
    parts: list[Counted] = []
    for (subset, language, split), table in _tables(given):
        write_shards(folder / subset / language, split, table)
        parts.append(count((subset, language, split), table))
    counted = together(parts)
    write_parquet(folder / "benchmarks.parquet", _benchmarks(given))
    licenses = counted.totals["license"].unique().sort().to_list()
    texts = {
        "README.md": card(given, counted, hits),
        "LICENSES.md": licenses_text(given, counted.totals),
        "croissant.json": croissant(folder, given.recipe.release, licenses),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / CHECKSUMS).write_text(checksums(folder), encoding="utf-8")
    return counted


def _tables(given: ReleaseInput) -> Iterator[tuple[Cell, pa.Table]]:
    """Yield every table of the release that has rows, in the order of its path."""
    paths = [shard.table.path for shard in given.shards if shard.table.rows]
    if not paths:
        return
    every = pl.scan_parquet(paths)
    labels = _labels(every)
    for task, subset in sorted(SUBSETS.items(), key=lambda pair: pair[1]):
        for language in sorted(LANGUAGES):
            own = (pl.col("task") == task) & (pl.col("language") == language)
            rows = every.filter(own).collect()
            for split in SPLITS:
                part = rows.filter(pl.col("split") == split)
                if part.height:
                    style = given.recipe.release.mc_style
                    yield (subset, language, split), published_table(part, style, labels)


def _labels(rows: pl.LazyFrame) -> dict[str, tuple[str, ...]]:
    """Return the answers of each classification source, named in its questions' wrapper."""
    open_labels = rows.filter((pl.col("form") == "classification") & (pl.col("task") == "qa"))
    found = open_labels.group_by("source").agg(pl.col("answer").unique().sort()).collect()
    return {source: tuple(answers) for source, answers in found.iter_rows()}


def _benchmarks(given: ReleaseInput) -> pa.Table:
    paths = [shard.table.path for shard in given.protected if shard.table.rows]
    is_benchmark = pl.col("role") == "benchmark"
    columns = ["source", "root_id", "question", "options", "language"]
    found = pl.scan_parquet(paths).filter(is_benchmark).select(columns).collect() if paths else None
    rows = [] if found is None else _checked(found)
    rows += [
        {"benchmark": name, "status": "missing", "root_id": None, "question_key": None}
        for name in given.missing
    ]
    ordered = sorted(rows, key=lambda row: tuple(str(value) for value in row.values()))
    return pa.Table.from_pylist(ordered, schema=BENCHMARKS.with_metadata({NAME: key_probe()}))


def _checked(items: pl.DataFrame) -> list[dict[str, str | None]]:
    """Return a row per digest of each item; one of few letters has a digest per option."""
    places = items.select("source", "root_id").iter_rows()
    return [
        {"benchmark": source, "status": "checked", "root_id": root, "question_key": digest}
        for (source, root), digests in zip(places, item_digests(items), strict=True)
        for digest in digests
    ]


def checksums(folder: Path) -> str:
    """Return one line `<sha256>  <path>` per file of a folder, as `sha256sum` prints them."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != CHECKSUMS)
    lines = (
        f"{sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n" for p in files
    )
    return "".join(lines)


def is_intact(folder: Path) -> bool:
    """Tell whether every file of a release is there with the bytes that it was written with."""
    noted = folder / CHECKSUMS
    return noted.is_file() and noted.read_text(encoding="utf-8") == checksums(folder)


def folder_digest(folder: Path) -> str:
    """Return the digest of a build: that of its checksums."""
    return sha256((folder / CHECKSUMS).read_bytes()).hexdigest()
