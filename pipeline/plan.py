"""What a build reads: each source of a recipe with its files, their digests and its roles.

A benchmark that the recipe does not list as a source is read all the same, for its benchmark and
validation splits alone: they clean the training rows and are never published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError
from pipeline.fetch import checksum, locate
from pipeline.recipe import Recipe, SourceEntry
from pipeline.store import read_note, write_atomically
from schemas.item import Role
from sources import registry
from sources.source import File, Source
from sources.table import TableSettings, source_of

PROTECTED: tuple[Role, ...] = ("benchmark", "validation")


@dataclass(frozen=True, slots=True)
class InputFile:
    """An upstream file as found: where it is, how it is shown, and the digest of its bytes."""

    path: Path
    shown: str
    sha256: str


@dataclass(frozen=True, slots=True)
class SourceInput:
    """A source ready to be read; `files` holds only the splits that this build reads."""

    source: Source
    entry: SourceEntry
    table: TableSettings | None
    roles: Mapping[str, Role]
    files: Mapping[str, tuple[InputFile, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs of a build in a fixed order, and what the recipe allowed to be missing."""

    inputs: tuple[SourceInput, ...]
    missing: Mapping[str, str]  # source -> first missing file

    def benchmarks(self) -> tuple[list[str], list[str]]:
        """Return the names of the benchmarks that are checked, and of those that are missing."""
        checked = sorted(i.source.name for i in self.inputs if "benchmark" in i.roles.values())
        return checked, sorted(name for name in self.missing if is_benchmark(name))


def is_benchmark(name: str) -> bool:
    """Tell whether a registered source has a benchmark split."""
    return "benchmark" in registry.load(name).SOURCE.splits.values()


def make_plan(recipe: Recipe, raw: Path, digests: FileDigests, is_dry: bool = False) -> Plan:
    """Find and check every file that the recipe needs; an `InputError` names the first at fault.

    A dry plan notes what is missing instead, and writes nothing.
    """
    inputs, missing = [], {}
    for source, entry, table, roles in wanted(recipe):
        root = table.path.parent if table else source_root(source, raw)
        absent = next((f for f in _files(source, roles) if locate(root, f) is None), None)
        if absent is None:
            inputs.append(_source_input(source, entry, table, roles, root, digests))
        elif source.name in recipe.allow_missing or is_dry:
            missing[source.name] = absent.path
        else:
            raise InputError(_missing_message(source, root, absent, table))
    if not is_dry:
        digests.save()
    return Plan(tuple(inputs), missing)


def _missing_message(source: Source, root: Path, file: File, table: TableSettings | None) -> str:
    if table:
        return f"{root / file.path}: no such file. Correct `path` of the table {source.name!r}."
    return (
        f"{root / file.path}: the file of source {source.name!r} is missing. Run "
        f"`mmed fetch {source.name}`, put it there, or list the source under `allow_missing`."
    )


def wanted(
    recipe: Recipe,
) -> Iterator[tuple[Source, SourceEntry, TableSettings | None, dict[str, Role]]]:
    """Yield every source that a recipe reads, with the roles of the splits that it reads."""
    for entry in recipe.sources:
        source = _registered(entry.name)
        unknown = sorted(entry.splits.keys() - source.splits.keys())
        if unknown:
            raise InputError(
                f"sources: {entry.name} has no split {unknown[0]!r}; "
                f"it has {', '.join(source.splits)}."
            )
        yield source, entry, None, {**source.splits, **entry.splits}
    for table in recipe.tables:
        source = source_of(table)
        # A user who writes down her table's licence, or that it has none, has named it.
        entry = SourceEntry(name=table.name, allow_unknown_license=True)
        yield source, entry, table, dict(source.splits)
    listed = {entry.name for entry in recipe.sources}
    names = registry.names() if recipe.benchmarks == "all" else recipe.benchmarks
    for name in sorted(set(names) - listed):
        source = _registered(name)
        roles: dict[str, Role] = {s: r for s, r in source.splits.items() if r in PROTECTED}
        if "benchmark" in roles.values() and not (source.packaged and recipe.benchmarks == "all"):
            yield source, SourceEntry(name=name), None, roles


def _registered(name: str) -> Source:
    try:
        return registry.load(name).SOURCE
    except ValueError as error:
        raise InputError(str(error)) from error


def source_root(source: Source, raw: Path) -> Path:
    """Return the folder that a source's file paths are relative to."""
    if source.packaged:
        return Path(registry.__file__).parent / source.name
    return raw


def _files(source: Source, roles: Mapping[str, Role]) -> list[File]:
    return [file for split in _file_splits(source, roles) for file in source.files[split]]


def _file_splits(source: Source, roles: Mapping[str, Role]) -> list[str]:
    # A file that holds several splits has a name of its own among the files, and is always read.
    return [split for split in source.files if split in roles or split not in source.splits]


def _source_input(
    source: Source,
    entry: SourceEntry,
    table: TableSettings | None,
    roles: Mapping[str, Role],
    root: Path,
    digests: FileDigests,
) -> SourceInput:
    files = {
        split: tuple(_checked(file, root, digests) for file in source.files[split])
        for split in _file_splits(source, roles)
    }
    return SourceInput(source, entry, table, roles, files)


def _checked(file: File, root: Path, digests: FileDigests) -> InputFile:
    path = locate(root, file)
    assert path is not None
    try:
        found = digests.of(path)
    except (OSError, EOFError) as error:
        raise InputError(
            f"{path}: cannot be read to its end ({error}). Delete it and fetch it again."
        ) from error
    if file.sha256 is not None and found != file.sha256:
        raise InputError(
            f"{path}: checksum {found[:12]}… instead of {file.sha256[:12]}…; the file is damaged "
            "or of another revision. Delete it and run `mmed fetch` again."
        )
    return InputFile(path, file.path, found)


class FileDigests:
    """Digests of upstream files, remembered by path, size, time of change and inode."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._known: dict[str, str] = read_note(notes)
        self._used: dict[str, str] = {}

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a file's plain bytes."""
        state = path.stat()
        key = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}|{state.st_ino}"
        self._used[key] = self._known.get(key) or checksum(path)
        return self._used[key]

    def save(self) -> None:
        """Remember what was used; a note is only a short cut and can be deleted."""
        if self._used != self._known:
            write_atomically(self._notes, json.dumps(self._used, indent=0).encode())
