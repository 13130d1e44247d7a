"""IgakuQA: the Japanese national medical licensing examinations 112-116, and an English column.

Each block is three files joined by `problem_id`: the problems, a machine translation of them, and
metadata with the specialty. Traps: in a series of problems on one case only the first tells the
case, so the parser gives it to the others as `context`; the 12 problems without choices are
answered digit by digit on a sheet ("①.②g/日"), so that upstream's "21" means 2.1; the English
column is unedited model output, in some hundred problems with an "I cannot translate" in it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Flag, Item
from sources.igakuqa.files import COMMIT, exam_files
from sources.reading import Kind, Place, each_row, lacks, letter_index, read_jsonl
from sources.source import Source

_OLDER_EXAMS = ("112", "113", "114", "115")

SOURCE = Source(
    name="igakuqa",
    title="IgakuQA (Japanese national medical licensing examinations 112-116)",
    homepage="https://github.com/jungokasai/IgakuQA",
    revision=COMMIT,
    languages=("ja", "en"),
    files={
        "ja/112-115": exam_files(*_OLDER_EXAMS, suffixes=("", "_metadata")),
        "ja/116": exam_files("116", suffixes=("", "_metadata")),
        "en/112-115": exam_files(*_OLDER_EXAMS, suffixes=("_translate",)),
        "en/116": exam_files("116", suffixes=("_translate",)),
    },
    splits={
        "ja/112-115": "train",
        "ja/116": "benchmark",
        "en/112-115": "reference",
        "en/116": "benchmark",  # a translation of a benchmark is one
    },
    license="LicenseRef-none-stated",
    license_evidence=f"https://github.com/jungokasai/IgakuQA/tree/{COMMIT} has no licence text",
    redistributable="unknown",
    forms=("exam",),
    citation=(
        "Kasai, Kasai, Sakaguchi, Yamada, Radev (2023). Evaluating GPT-4 and ChatGPT on Japanese "
        "Medical Licensing Examinations. arXiv:2303.18027."
    ),
    expected_rows={
        "ja/112-115": {"ja/mcq": 1591, "ja/qa": 9},
        "ja/116": {"ja/mcq": 397, "ja/qa": 3},
        "en/112-115": {"en/mcq": 1591, "en/qa": 9},
        "en/116": {"en/mcq": 397, "en/qa": 3},
    },
    parallel_family="igakuqa",
)

_ID = re.compile(r"(\d{3})([A-F])(\d+)")

# The exam's rule for several answers; it agrees with the length of the key in all 2,000 problems.
_SEVERAL = re.compile(r"[2-9２-９]\s*つ\s*選べ")

# Exams 112 and 113 print the range ("40、41の問い"); the later ones do not, but keep its length.
_CASE = re.compile(r"^次の文を読み、.{1,12}?問いに答えよ。")
_SERIES_LENGTH = {"B": 2, "C": 3, "E": 2, "F": 3}
_ASKED = re.compile(r"[^。\n]*(?:どれか|どこか|何か)(?:。[^。]*。?)?$")

_SHEET = re.compile(r"解答：(?P<sheet>.*)$")
_ENGLISH_SHEET = re.compile(r"\s*Answer:.*$", re.DOTALL)
_BOX = re.compile("[①-⑨]")

_METADATA: Mapping[str, Kind] = {"problem_id": str, "category": str}
_PROBLEM: Mapping[str, Kind] = {
    "problem_id": str,
    "problem_text": str,
    "choices": list[str],
    "text_only": bool,
    "answer": list[str],
}
_TRANSLATION: Mapping[str, Kind] = {
    "problem_id": str,
    "problem_text_en": str,
    "choices_en": list[str],
}

_GoodRows = list[tuple[Place, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Case:
    """What a problem continues: the problem that begins the series, and all told before it."""

    begins: str
    told: str


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield the Japanese problems, then their translations, one item a problem."""
    problems: dict[str, Item] = {}
    for split, given in files.items():
        topics = yield from _topics(split, _kind(given, "_metadata"))
        for path in _kind(given, ""):
            for item in (yield from _block(split, path, topics)):
                problems[item.key] = item
                yield item
    for split, given in files.items():
        yield from _translations(split, _kind(given, "_translate"), problems)


def _kind(paths: list[Path], suffix: str) -> list[Path]:
    return [path for path in paths if path.name.partition(".")[0][5:] == suffix]


def _topics(split: str, paths: list[Path]) -> Generator[BadRow, None, dict[str, str]]:
    rows = yield from _good_rows(split, paths, _METADATA, "ja")
    return {row["problem_id"]: row["category"] for _, row in rows}


def _good_rows(
    split: str, paths: list[Path], fields: Mapping[str, Kind], language: str
) -> Generator[BadRow, None, _GoodRows]:
    """Yield the rows of files that lack a field; return the others with their places."""
    good = []
    for place, row in each_row({split: paths}, read_jsonl):
        if isinstance(row, BadRow):
            yield replace(row, language=language)
        elif fault := lacks(row, fields):
            yield place.refuse(fault, row, language)
        elif not _ID.fullmatch(row["problem_id"]):
            yield place.refuse("invalid_record", row, language)
        else:
            good.append((place, row))
    return good


def _block(
    split: str, path: Path, topics: Mapping[str, str]
) -> Generator[BadRow, None, list[Item]]:
    rows = yield from _good_rows(split, [path], _PROBLEM, "ja")
    cases = _cases({row["problem_id"]: row["problem_text"] for _, row in rows})
    items = []
    for place, row in rows:
        key = row["problem_id"]
        if not row["problem_text"].strip():
            yield place.refuse("empty_question", row, "ja")
            continue
        item = _item(place, row, cases.get(key))
        items.append(replace(item, topic=topics.get(key, "")))
    return items


def _identify(problem_id: str) -> tuple[int, str, int]:
    """Return exam, block and number of a problem."""
    match = _ID.fullmatch(problem_id)
    assert match, problem_id
    return int(match[1]), match[2], int(match[3])


def _cases(texts: Mapping[str, str]) -> dict[str, _Case]:
    """Return the case of every problem that continues one, by its identifier."""
    cases = {}
    for begins, text in texts.items():
        if not _CASE.match(text):
            continue
        exam, block, number = _identify(begins)
        told = _told(_CASE.sub("", text))
        for later in range(number + 1, number + _SERIES_LENGTH.get(block, 1)):
            continued = f"{exam}{block}{later}"
            cases[continued] = _Case(begins, told)
            told = f"{told}\n{_told(texts.get(continued, ''))}".strip()
    return cases


def _told(text: str) -> str:
    """Return a problem's text without the question that it ends with."""
    return _ASKED.sub("", text).strip()


def _item(place: Place, row: Mapping[str, Any], case: _Case | None) -> Item:
    key, text = row["problem_id"], row["problem_text"]
    question, answer = (text, "") if row["choices"] else _fill_sheet(text, "".join(row["answer"]))
    indices = _indices(row["answer"]) if row["choices"] else ()
    return Item(
        file=place.file,
        row=place.row,
        key=key,
        split=place.split,
        task="mcq" if row["choices"] else "qa",
        form="exam",
        language="ja",
        question=question,
        parallel_key=key,
        context=case.told if case else "",
        options=tuple(row["choices"]),
        answer_indices=indices,
        several_allowed=_SEVERAL.search(text) is not None,
        answer=answer,
        year=_identify(key)[0] + 1906,  # the 112th examination was held in 2018
        flags=_flags(row, case),
    )


def _flags(row: Mapping[str, Any], case: _Case | None) -> tuple[Flag, ...]:
    flags = []
    if not row["text_only"]:
        flags.append(Flag("image_dependent", "text_only: false"))
    if case:
        flags.append(Flag("linked_case", f"continues {case.begins}"))
    if row["choices"] and not _indices(row["answer"]):
        flags.append(Flag("ambiguous_key", ", ".join(row["answer"])))
    return tuple(flags)


def _indices(answer: list[str]) -> tuple[int, ...]:
    """Return the keyed options; none where a key offers alternatives ("a or d")."""
    if any(" or " in letter for letter in answer):
        return ()
    return tuple(letter_index(letter) for letter in answer)


def _fill_sheet(text: str, written: str) -> tuple[str, str]:
    """Return the question without its answer sheet, and the sheet with the digits in its boxes."""
    match = _SHEET.search(text)
    digits = re.sub(r"\D", "", written)
    if not match or len(_BOX.findall(match["sheet"])) != len(digits):
        return text, written
    remaining = iter(digits)
    filled = _BOX.sub(lambda _: next(remaining), match["sheet"])
    return text[: match.start()], filled.replace(", ", ",")  # one sheet reads "1, ①②③ kcal"


def _translations(
    split: str, paths: list[Path], problems: Mapping[str, Item]
) -> Iterator[Item | BadRow]:
    for place, row in (yield from _good_rows(split, paths, _TRANSLATION, "en")):
        problem = problems.get(row["problem_id"])
        if problem is None:
            yield place.refuse("invalid_record", row, "en")
        elif not row["problem_text_en"].strip():
            yield place.refuse("empty_question", row, "en")
        else:
            item = _translated(problem, row)
            yield replace(item, file=place.file, row=place.row, split=place.split)


def _translated(problem: Item, row: Mapping[str, Any]) -> Item:
    """Return a problem with the text of its translation; the case before it has none."""
    text, number = row["problem_text_en"], re.match(r"[\d.,]+", problem.answer)
    return replace(
        problem,
        language="en",
        question=_ENGLISH_SHEET.sub("", text) if problem.task == "qa" else text,
        context="",
        options=tuple(row["choices_en"]),
        answer=number[0] if number else problem.answer,
        origin="translated",
    )
