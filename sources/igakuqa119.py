"""IgakuQA119: the 119th Japanese national medical licensing examination (2025), six blocks.

Questions were read from the printed booklet by machine, keys are in a file apart. Traps: options
keep their letters and now and then two run together, so an option is placed by its letter; two
questions hold their options in the stem; a few stems are in English; 119E28 asks for one answer
and has two keys, which are alternatives.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import LETTERS, BadRow, Flag, Item
from sources.reading import (
    Kind,
    Place,
    each_row,
    lacks,
    letter_index,
    read_json_array,
    read_text,
)
from sources.source import File, Source

_COMMIT = "2d942397cbaa1031ca139184bc4af16e1ffa202d"
_URL = f"https://raw.githubusercontent.com/docto-rin/IgakuQA119/{_COMMIT}"
_SHA256 = {
    "questions/119A_json.json": "a7d6c0a47376f6055eba929a4259444bceba8ea871e241fa9a4e8390f9db5fc8",
    "questions/119B_json.json": "61c7a16e253ed404b435a0ee2ce319eaa1b1381c01f8cd04e6b52aa4ceecf773",
    "questions/119C_json.json": "62c4feee93d9a91e6540d010a3f763c1cb93ca1dc54133896968853b68e07f0e",
    "questions/119D_json.json": "7824dcc62b9f080043532ad63412f7dfab9fb0426b077832b77e4410b84ac43f",
    "questions/119E_json.json": "ea90dfa835726168fdafc1290fe55b2d9c5ccd6538158a2da887ad457d22b01d",
    "questions/119F_json.json": "e38cba4a0fd0363005c6bc01746efd01f9d8bf0b6a71adcfb7c37634ee37eb57",
    "results/correct_answers.csv": (
        "d0868534c703a4836c4663c43139c616b2cf423bec25169aeab1fc565adb4238"
    ),
}

SOURCE = Source(
    name="igakuqa119",
    title="IgakuQA119 (119th Japanese national medical licensing examination)",
    homepage="https://github.com/docto-rin/IgakuQA119",
    revision=_COMMIT,
    languages=("ja",),
    files={
        "test": tuple(
            File(path=f"ja/igakuqa119/{Path(path).name}", sha256=sha256, url=f"{_URL}/{path}")
            for path, sha256 in _SHA256.items()
        )
    },
    splits={"test": "benchmark"},
    license="Apache-2.0",
    license_evidence=f"{_URL}/LICENSE",
    redistributable="yes",
    forms=("exam",),
    citation="docto-rin (2025). IgakuQA119. https://github.com/docto-rin/IgakuQA119.",
    expected_rows={"test": {"ja/mcq": 395, "ja/qa": 4}, "refused": {"empty_question": 1}},
)

_FIELDS: Mapping[str, Kind] = {
    "number": str,
    "question": str,
    "choices": list[str],
    "has_image": bool,
}
_SEVERAL = re.compile(r"[2-9２-９]\s*つ\s*選べ")
_OPTION = re.compile(r"([a-j])\.\s*")
# Two stems end with their options: "… aアトロピン bジアゼパム Cフロセミド …", one with a capital.
_PACKED = re.compile(r"\sa(\S+)\s+b(\S+)\s+[cC](\S+)\s+d(\S+)\s+e(\S+)\s*$")


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item or bad row per question."""
    keys: dict[str, str] = {}
    for path in (path for given in files.values() for path in given if _has_keys(path)):
        table = csv.DictReader(io.StringIO(read_text(path)))
        keys.update((row["問題番号"], row["解答"]) for row in table)
    for place, row in each_row(_blocks(files), read_json_array):
        if isinstance(row, BadRow):
            yield row
        elif fault := lacks(row, _FIELDS):
            yield place.refuse(fault, row, "ja")
        elif not row["question"].strip():
            yield place.refuse("empty_question", row, "ja")
        else:
            yield _item(place, row, keys.get(row["number"], ""))


def _blocks(files: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    return {
        split: [path for path in given if not _has_keys(path)] for split, given in files.items()
    }


def _has_keys(path: Path) -> bool:
    return path.name.startswith("correct_answers")


def _item(place: Place, row: Mapping[str, Any], key: str) -> Item:
    question, options = row["question"], _by_letter(row["choices"])
    packed = None if options else _PACKED.search(question)
    if packed:
        question, options = question[: packed.start()], packed.groups()
    several = _SEVERAL.search(question) is not None
    is_ambiguous = bool(options) and len(key) > 1 and not several
    return Item(
        file=place.file,
        row=place.row,
        key=row["number"],
        split=place.split,
        task="mcq" if options else "qa",
        form="exam",
        language="ja",
        question=question,
        options=options,
        answer_indices=tuple(map(letter_index, key)) if options and not is_ambiguous else (),
        several_allowed=several,
        answer="" if options else key,
        year=2025,
        flags=_flags(row["has_image"], key if is_ambiguous else ""),
    )


def _by_letter(choices: list[str]) -> tuple[str, ...]:
    """Return the options in the place of their letter; one that upstream lost stays empty."""
    options: list[str] = []
    for choice in choices:
        match = _OPTION.match(choice)
        while match and len(options) < LETTERS.index(match[1].upper()):
            options.append("")
        options.append(choice[match.end() :] if match else choice)
    return tuple(options)


def _flags(has_image: bool, alternative_keys: str) -> tuple[Flag, ...]:
    flags = []
    if has_image:
        flags.append(Flag("image_dependent", "has_image: true"))
    if alternative_keys:
        flags.append(Flag("ambiguous_key", alternative_keys))
    return tuple(flags)
