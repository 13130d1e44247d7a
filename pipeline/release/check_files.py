"""Checks of a release's files: checksums, columns, configurations, counts, metadata."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.release.contents import (
    BENCHMARK_TABLE,
    CARD,
    CROISSANT,
    LICENSES,
    NOT_OURS,
    PARQUET_PATHS,
    Contents,
    DataFile,
    cell_of,
)
from pipeline.release.findings import Finding
from pipeline.release.parquet import SHARD_BYTES, shard_name
from pipeline.release.write import CHECKSUMS
from schemas.release import BENCHMARKS, RELEASE

# Trainers give these columns a meaning of their own and would train on the wrong text.
RESERVED = frozenset(
    {"prompt", "completion", "chosen", "rejected", "text", "conversations", "tools", "images"}
    | {"instruction", "input", "output", "system", "chat_template_kwargs", "input_ids", "labels"}
    | {"attention_mask", "position_ids", "seq_lengths", "completion_mask", "assistant_masks"}
)

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_LOADER = Path(__file__).with_name("load_configs.py")


def checksums(contents: Contents) -> Iterator[Finding]:
    """Compare every file with its line in `checksums.txt`."""
    noted: dict[str, str] = {}
    for row, line in enumerate(_lines(contents.folder / CHECKSUMS)):
        match = _LINE.fullmatch(line)
        if match is None:
            yield Finding(CHECKSUMS, f"{line[:80]!r}", "`<sha256>  <path>`", row)
        else:
            noted[match[2]] = match[1]
    if not noted:
        yield Finding(CHECKSUMS, "no checksums", "one line per file")
    there = _files(contents.folder)
    for path in sorted(noted.keys() - there):
        yield Finding(path, "the file is missing", f"it, as {CHECKSUMS} lists it")
    for path in sorted(there - noted.keys()):
        yield Finding(path, "a further file", f"only files that {CHECKSUMS} lists")
    for path in sorted(noted.keys() & there):
        found = sha256((contents.folder / path).read_bytes()).hexdigest()
        if found != noted[path]:
            yield Finding(path, f"sha256 {found[:12]}…", f"{noted[path][:12]}…")


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else []


def _files(folder: Path) -> set[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    ours = {path.as_posix() for path in paths if path.parts[0] not in NOT_OURS}
    return ours - {CHECKSUMS}


def names(contents: Contents) -> Iterator[Finding]:
    """Find files that no release has, whether `checksums.txt` lists them or not."""
    known = (CARD, LICENSES, CROISSANT, BENCHMARK_TABLE)
    for path in sorted(_files(contents.folder).difference(known)):
        if cell_of(path) is None:
            expected = f"only {', '.join(known)}, {CHECKSUMS} and {PARQUET_PATHS}"
            yield Finding(path, "a file that no release has", expected)


def columns(contents: Contents) -> Iterator[Finding]:
    """Compare the Arrow schema of every Parquet file with the declared one."""
    for file in contents.files:
        yield from _schema_faults(file.path, file.schema, RELEASE)
    table = contents.folder / BENCHMARK_TABLE
    if not table.is_file():
        yield Finding(BENCHMARK_TABLE, "the file is missing", "it in every release")
        return
    try:
        yield from _schema_faults(BENCHMARK_TABLE, pq.read_schema(table), BENCHMARKS)
    except (pa.ArrowException, OSError) as error:
        yield Finding(BENCHMARK_TABLE, f"it cannot be read ({error})", "a whole Parquet file")


def _schema_faults(path: str, schema: pa.Schema, declared: pa.Schema) -> Iterator[Finding]:
    for name in schema.names:
        if name in RESERVED:
            yield Finding(path, f"a column named {name!r}", "no name that trainers reserve")
        elif name not in declared.names:
            yield Finding(path, f"a column named {name!r}", "only declared columns")
    for field in declared:
        if field.name not in schema.names:
            yield Finding(path, f"no column {field.name!r}", str(field.type))
        elif schema.field(field.name).type != field.type:
            found = schema.field(field.name).type
            yield Finding(path, f"column {field.name!r} is {found}", str(field.type))
    if sorted(schema.names) == sorted(declared.names) and schema.names != declared.names:
        yield Finding(path, "columns in another order", ", ".join(declared.names))


def shards(contents: Contents) -> Iterator[Finding]:
    """Check that the shards of each split are all there, and that each is small enough."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in contents.files:
        folder, name = file.path.rsplit("/", 1)
        found.setdefault((folder, file.split), []).append(name)
        size = (contents.folder / file.path).stat().st_size
        if size > SHARD_BYTES:
            yield Finding(file.path, f"{size:,} bytes", f"at most {SHARD_BYTES:,} in a file")
    for (folder, split), names in found.items():
        total = int(names[0][-len("00000.parquet") : -len(".parquet")])
        expected = [shard_name(split, number, total) for number in range(total)]
        for name in sorted(set(expected) - set(names)):
            yield Finding(f"{folder}/{name}", "the shard is missing", f"all {total} of {split}")
        for name in sorted(set(names) - set(expected)):
            yield Finding(f"{folder}/{name}", "a shard too many", f"{total} of {split}")


def configurations(contents: Contents) -> Iterator[Finding]:
    """Load and stream every configuration of the card without network; compare rows and columns."""
    expected = _expected_configs(contents.files)
    named = _named_configs(contents.head)
    for name in sorted(expected.keys() - set(named)):
        yield Finding(CARD, f"no configuration {name!r} in the head", "one, as its files exist")
    for name, number in Counter(named).items():
        if number > 1:
            yield Finding(CARD, f"configuration {name!r} named {number} times", "once")
    for name, splits in _loaded(contents.folder, sorted(set(named))).items():
        if "error" in splits:
            yield Finding(CARD, f"{name!r} does not load: {splits['error']}", "it to load")
        else:
            yield from _config_faults(name, splits, expected.get(name, {}))


def _expected_configs(files: tuple[DataFile, ...]) -> dict[str, Counter[str]]:
    expected: dict[str, Counter[str]] = {}
    for file in files:
        for name in (file.subset, f"{file.subset}.{file.language}"):
            expected.setdefault(name, Counter())[file.split] += file.num_rows
    return expected


def _named_configs(head: Mapping[str, Any]) -> list[str]:
    configs = head.get("configs")
    entries = configs if isinstance(configs, list) else []
    return [str(e["config_name"]) for e in entries if isinstance(e, dict) and "config_name" in e]


def _loaded(folder: Path, names: list[str]) -> dict[str, Any]:
    if not names:
        return {}
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    light = {"USE_TORCH": "NO", "USE_TF": "NO", "USE_JAX": "NO"}  # streams would import them
    quiet = {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    with tempfile.TemporaryDirectory(prefix="mmed-verify-") as cache:
        # -P keeps the modules beside the script from standing in for installed ones.
        run = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-P", _LOADER, folder.resolve(), Path(cache, "datasets"), *names],
            env={**os.environ, **offline, **light, **quiet, "HF_HOME": cache},
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        return {name: {"error": last} for name in names}
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _config_faults(
    name: str, splits: Mapping[str, Any], expected: Mapping[str, int]
) -> Iterator[Finding]:
    for split in sorted(splits.keys() | expected.keys()):
        rows = splits[split]["rows"] if split in splits else 0
        if rows != expected.get(split, 0):
            found = f"{name!r} loads {rows:,} rows of {split}"
            yield Finding(CARD, found, f"{expected.get(split, 0):,}, as in its Parquet files")
    for split, part in splits.items():
        if part["streamed"] != part["rows"]:
            found = f"{name!r} streams {part['streamed']:,} rows of {split}"
            yield Finding(CARD, found, f"{part['rows']:,}, as it loads")
        payload = pa.py_buffer(base64.b64decode(part["schema"]))
        schema = pa.ipc.read_schema(payload)
        yield from _schema_faults(f"{CARD}, {name} {split}", schema, RELEASE)


def croissant(contents: Contents) -> Iterator[Finding]:
    """Check that the Croissant metadata is JSON and names every Parquet file with its digest."""
    try:
        document = json.loads((contents.folder / CROISSANT).read_bytes())
        entries = document["distribution"]
        named = {str(e["contentUrl"]): str(e["sha256"]) for e in entries if "contentUrl" in e}
    except FileNotFoundError:
        yield Finding(CROISSANT, "the file is missing", "it in every release")
        return
    except (ValueError, KeyError, TypeError) as error:
        yield Finding(CROISSANT, f"no Croissant metadata ({error!r})", "JSON with a distribution")
        return
    there = {file.path for file in contents.files}
    for path in sorted(chain(there - named.keys(), named.keys() - there)):
        found = "in the folder alone" if path in there else "in the metadata alone"
        yield Finding(CROISSANT, f"{path} is {found}", "the same files in both")
    for path in sorted(there & named.keys()):
        digest = sha256((contents.folder / path).read_bytes()).hexdigest()
        if digest != named[path]:
            yield Finding(CROISSANT, f"sha256 {named[path][:12]}… of {path}", f"{digest[:12]}…")
