"""HEAD-QA: Spanish healthcare specialisation exams 2013-2017, with an upstream English translation.

Traps: every number is a string (`qid`, `ra`, `year`); `ra` is 1-based; five options until 2014,
four afterwards; 165 questions need their picture. One exam of six is general chemistry: its items
carry the topic `chemistry` (1,142 of 6,765 per language, 17 %), so that a recipe can leave them
out. The biology and pharmacology exams hold chemistry questions too, which nothing upstream marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from schemas.item import BadRow, Flag, Item, Language
from sources.reading import Kind, Place, each_row, lacks, read_json
from sources.source import File, Source

_REVISION = "9a8c0b3be470a1d3a271dac15e9b0ef400e70d75"
_MIRROR = f"https://raw.githubusercontent.com/claudiaqw/head-qa-afi/{_REVISION}/data"


def _file(language: str, name: str, sha256: str) -> tuple[File, ...]:
    folder = "HEAD" if language == "es" else "HEAD_EN"
    file = f"{name}_{folder}.json"
    return (
        File(path=f"{language}/head_qa/{file}", sha256=sha256, url=f"{_MIRROR}/{folder}/{file}"),
    )


SOURCE = Source(
    name="head_qa",
    title="HEAD-QA",
    homepage="https://aghie.github.io/head-qa/",
    revision=_REVISION,
    languages=("es", "en"),
    files={
        "es/train": _file(
            "es", "train", "edf4d2570454d9db7e8d33d4e66e620818996714e589b6cf78f261e9b8b78652"
        ),
        "es/dev": _file(
            "es", "dev", "6b9a6f5d4f301f1a13eeb1bc2f22cfc2f567a280d577409e0ca3e2d67e2fc365"
        ),
        "es/test": _file(
            "es", "test", "5d6e0779bf7456b9c686d5830947bd17cdad9476ee8c7d555ce2a31f38ca51ea"
        ),
        "en/train": _file(
            "en", "train", "0b9f0e708d6d0dc7a85db19dcb72ece76f61253229eb7bad218ec34f7a215fd1"
        ),
        "en/dev": _file(
            "en", "dev", "4c1b0588d1e1c4c769accdb6cfa6b4fe85cb032baffa9bc6520a454e7cc9f7f8"
        ),
        "en/test": _file(
            "en", "test", "41f9f178b5d363ecd665f56ecca42deff7834c66f491617cc2687bbcfccd03b7"
        ),
    },
    splits={
        "es/train": "train",
        "es/dev": "validation",
        "es/test": "benchmark",
        "en/train": "train",
        "en/dev": "validation",
        "en/test": "benchmark",
    },
    license="MIT",
    license_evidence=(
        "LICENSE of github.com/aghie/head-qa at ab35f7d3a70fbb4408537a35c3d8e59db149e47b; "
        "the mirror that the files come from has no licence file"
    ),
    redistributable="yes",
    forms=("exam",),
    parallel_family="head_qa",
    citation=(
        "David Vilares and Carlos Gómez-Rodríguez. HEAD-QA: A Healthcare Dataset for Complex "
        "Reasoning. ACL 2019. https://aclanthology.org/P19-1092"
    ),
    expected_rows={
        "es/train": {"es/mcq": 2657},
        "es/dev": {"es/mcq": 1366},
        "es/test": {"es/mcq": 2742},
        "en/train": {"en/mcq": 2657},
        "en/dev": {"en/mcq": 1366},
        "en/test": {"en/mcq": 2742},
    },
)


_EXAM: Mapping[str, Kind] = {"name": str, "category": str, "year": str}
_QUESTION: Mapping[str, Kind] = {
    "qid": str,
    "qtext": str,
    "ra": str,
    "answers": list,
    "image": str,
}
_ANSWER: Mapping[str, Kind] = {"atext": str}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one multiple-choice item per question, exam by exam."""
    for place, (exam, question) in each_row(files, _questions):
        language = cast(Language, place.split.partition("/")[0])
        fault = lacks(exam, _EXAM) or _fault(question)
        if fault:
            yield place.refuse(fault, question, language)
        else:
            yield _item(place, language, exam, question)


def _questions(path: Path) -> Iterator[tuple[int, tuple[Any, Any]]]:
    """Yield every question beside its exam, numbered through the file."""
    exams = read_json(path)["exams"].values()
    yield from enumerate(((exam, question) for exam in exams for question in exam["data"]), start=1)


def _fault(question: Any) -> str:  # noqa: ANN401 - JSON has no narrower type
    """Return why a question gives no item, or nothing."""
    fault = lacks(question, _QUESTION)
    if fault or any(lacks(answer, _ANSWER) for answer in question["answers"]):
        return fault or "missing_field"
    return "" if question["ra"].isdecimal() or not question["ra"] else "invalid_record"


def _item(place: Place, language: Language, exam: dict[str, Any], question: dict[str, Any]) -> Item:
    key, image = f"{exam['name']}/{question['qid']}", question["image"]
    return Item(
        file=place.file,
        row=place.row,
        key=key,
        split=place.split,
        task="mcq",
        form="exam",
        language=language,
        question=question["qtext"].strip(),
        parallel_key=key,
        options=tuple(answer["atext"].strip() for answer in question["answers"]),
        answer_indices=_key(question["ra"]),
        origin="native" if language == "es" else "translated",
        topic=exam["category"],
        year=int(exam["year"]),
        flags=(Flag("image_dependent", image),) if image else (),
    )


def _key(right: str) -> tuple[int, ...]:
    """Return the 0-based keyed option: `ra` names an `aid`, both counted from 1."""
    return (int(right) - 1,) if right else ()
