"""Writes a release as JSON lines and configuration files, as one trainer or harness reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import InputError
from pipeline.export.configs import Name, configs
from pipeline.export.shapes import LEFT_OUT, SHAPES
from pipeline.release.contents import read_contents
from pipeline.store import stopping_when_disk_is_full
from schemas.release import SUBSETS

_COLUMNS = ("id", "language", "messages", "options", "answer_letters")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows per data file, configuration files, rows left out and why."""

    style: str
    folder: str
    rows: dict[str, int]
    configs: tuple[str, ...]
    left_out: int
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return it for a person."""
        lines = [f"{rows:>11,} rows  {path}" for path, rows in self.rows.items()]
        lines += [f"                  {path}" for path in self.configs]
        if self.reason:
            lines.append(f"{self.left_out:,} rows left out: {self.reason}.")
        return "\n".join([*lines, self.folder])


def export(release: Path, style: str, out: Path) -> Exported:
    """Write a release's rows for `style`, a key of SHAPES, into a new folder.

    An `InputError` says that the style is none, the folder is there, or the release is unreadable.
    """
    if style not in SHAPES:
        raise InputError(f"--format {style}: expected one of {', '.join(SHAPES)}.")
    if out.exists():
        raise InputError(f"{out}: is there already. Give another --out, or remove it.")
    contents = read_contents(release)
    if contents.faults:
        raise InputError(f"{release}: {contents.faults[0].line()}")
    temporary = out.with_name(f".{out.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    with stopping_when_disk_is_full(out.parent):
        temporary.mkdir()
        exported = _write(temporary, out, style, contents.rows)
    temporary.replace(out)
    return exported


def _write(folder: Path, out: Path, style: str, rows: pl.DataFrame) -> Exported:
    counts: dict[str, int] = {}
    files: dict[Name, str] = {}
    left_out = 0
    for name, part in _parts(style, rows):
        shaped = [SHAPES[style](row) for row in part.select(_COLUMNS).iter_rows(named=True)]
        records = [record for record in shaped if record]
        left_out += len(shaped) - len(records)
        if records:
            path = f"{'.'.join(filter(None, name))}.jsonl"
            lines = (json.dumps(record, ensure_ascii=False) for record in records)
            (folder / path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            files[name], counts[path] = path, len(records)
    texts = configs(style, files)
    for path, text in texts.items():
        (folder / path).write_text(text, encoding="utf-8")
    return Exported(style, str(out), counts, tuple(texts), left_out, LEFT_OUT.get(style, ""))


def _parts(style: str, rows: pl.DataFrame) -> Iterator[tuple[Name, pl.DataFrame]]:
    """Yield the rows of each data file: those of a subset's split, for lm-eval of one language."""
    if style != "lm-eval":
        for (subset, split), part in rows.group_by(["subset", "split"], maintain_order=True):
            yield (str(subset), "", str(split)), part
        return
    held_out = rows.filter((pl.col("subset") == SUBSETS["mcq"]) & (pl.col("split") != "train"))
    by = ["subset", "language", "split"]
    for (subset, language, split), part in held_out.group_by(by, maintain_order=True):
        yield (str(subset), str(language), str(split)), part
