"""Checking a source against its real files: counts and declared checksums."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from schemas.item import BadRow, Item
from sources.reading import open_binary
from sources.registry import load
from sources.source import File


def find(root: Path, file: File) -> Path:
    """Return where a file is below the raw folder, plain or compressed."""
    plain = root / file.path
    return plain if plain.exists() else plain.with_name(plain.name + ".gz")


def parse_real(name: str, root: Path) -> list[Item | BadRow]:
    """Parse every file of a source, checking each declared checksum first."""
    parser = load(name)
    paths: dict[str, list[Path]] = {}
    for split, files in parser.SOURCE.files.items():
        paths[split] = [find(root, file) for file in files]
        for file, path in zip(files, paths[split], strict=True):
            if file.sha256 is not None:
                with open_binary(path) as stream:
                    assert hashlib.sha256(stream.read()).hexdigest() == file.sha256, path
    return list(parser.parse(paths))


def counts(name: str, rows: list[Item | BadRow]) -> Mapping[str, Mapping[str, int]]:
    """Count rows the way `Source.expected_rows` states them."""
    items: dict[str, Counter[str]] = {split: Counter() for split in load(name).SOURCE.splits}
    for row in rows:
        if isinstance(row, Item):
            items[row.split][f"{row.language}/{row.task}"] += 1
        else:
            items.setdefault("refused", Counter())[row.reason] += 1
    return items
