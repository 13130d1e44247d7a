"""MedQuAD, health questions with answers from US government sites (English, XML in a tar archive).

Two thirds of the 47,441 pairs have no answer (taken out upstream for copyright). Of the others,
those are refused that teach nothing: lists of links or of phenotype percentages, answers that
upstream repeats under many questions, very short or very long ones, and all but three questions
about the same subject ("focus"). Upstream has no splits: 1 % of the keys are held out.
"""

from __future__ import annotations

import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from xml.etree import ElementTree

from schemas.item import BadRow, Item
from sources.reading import EXCERPT_CHARACTERS
from sources.source import File, Source

_REVISION = "577bd37b96c02d1833b2c9eed2de9f96964e96cb"

SOURCE = Source(
    name="medquad",
    title="MedQuAD",
    homepage="https://github.com/abachaa/MedQuAD",
    revision=_REVISION,
    languages=("en",),
    files={
        "all": (
            # No checksum: GitHub makes this archive anew, and its bytes may change.
            File(
                path="en/medquad/medquad_xml.tar.gz",
                url=f"https://github.com/abachaa/MedQuAD/archive/{_REVISION}.tar.gz",
            ),
        )
    },
    splits={"train": "train", "validation": "validation"},
    license="CC-BY-4.0",
    license_evidence=f"https://github.com/abachaa/MedQuAD/blob/{_REVISION}/LICENSE.txt",
    redistributable="yes",
    forms=("encyclopedia",),
    citation=(
        "Ben Abacha, Demner-Fushman (2019). A Question-Entailment Approach to Question Answering. "
        "BMC Bioinformatics 20:511."
    ),
    expected_rows={
        "train": {"en/qa": 7443},
        "validation": {"en/qa": 74},
        "refused": {
            "empty_answer": 31034,
            "over_focus_limit": 3645,
            "list_without_answer": 3329,
            "answer_length": 1361,
            "shared_paragraph": 551,
            "missing_field": 4,
        },
    },
)

_MAXIMUM_REPEATS = 3
_MINIMUM_WORDS = 15
_MAXIMUM_WORDS = 400
_QUESTIONS_PER_FOCUS = 3
_VALIDATION_ONE_IN = 100

_LINK_LIST = "These resources "  # "… address the diagnosis or management of X:", then titles
_PHENOTYPE_LIST = "Approximate number of patients (when available)"  # the table's heading

_US_INSTITUTION = re.compile(
    r"\b(?:"
    r"National (?:Institutes? (?:of|on)|Cancer Institute|Eye Institute|Library of Medicine"
    r"|Heart,? Lung|Human Genome|Kidney Foundation|Center for|Diabetes Education)"
    r"|NIH|NCI|NINDS|NIDDK|NHLBI|NIAMS|CDC|FDA|USDA|EPA|HHS"
    r"|Centers for (?:Disease Control|Medicare)|Food and Drug Administration"
    r"|Medicare|Medicaid|Surgeon General|Social Security|Veterans (?:Affairs|Administration)"
    r"|Department of (?:Health and Human Services|Agriculture|Veterans)"
    r"|American (?:[A-Z]\w+ ){0,3}(?:Academy|Association|College|Foundation|Red Cross|Society)"
    r"|U\.S\. (?:[A-Z]\w+ )*(?:Department|Preventive|Public Health|Task Force|Food|Environmental)"
    r")\b|\.gov\b"
)


@dataclass(frozen=True, slots=True)
class _Pair:
    file: str
    row: int
    key: str
    focus: str
    question: str
    answer: str


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item or refusal per pair, in upstream order."""
    rows = [row for path in files["all"] for row in _read_archive(path)]
    reasons = _refusals([row for row in rows if isinstance(row, _Pair)])
    for row in rows:
        if isinstance(row, BadRow):
            yield row
        elif row.key in reasons:
            excerpt = f"{row.question} {row.answer}"[:EXCERPT_CHARACTERS]
            yield BadRow(row.file, row.row, reasons[row.key], excerpt, "en")
        else:
            yield _item(row)


def _item(pair: _Pair) -> Item:
    return Item(
        file=pair.file,
        row=pair.row,
        key=pair.key,
        split="train" if _number(pair.key) % _VALIDATION_ONE_IN else "validation",
        task="qa",
        form="encyclopedia",
        language="en",
        question=pair.question,
        answer=pair.answer,
        topic=pair.focus,
        jurisdiction="US" if _US_INSTITUTION.search(pair.answer) else "",
    )


def _number(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest())


def _read_archive(path: Path) -> Iterator[_Pair | BadRow]:
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.name.endswith(".xml") else None
            if stream is not None:
                yield from _read_document(f"{path}!{member.name}", member.name, stream.read())


def _read_document(file: str, member: str, content: bytes) -> Iterator[_Pair | BadRow]:
    try:
        document = ElementTree.fromstring(content)  # noqa: S314 - expat bounds entity expansion
    except ElementTree.ParseError as error:
        yield BadRow(file, 1, "invalid_record", str(error), "en")
        return
    focus = _tidy(document.findtext("Focus"))
    # Neither `pid` nor `qid` is unique outside its file. The archive's top folder is no part of
    # the key: it is there in GitHub's archive and may be missing in a repacked one.
    document_key = "/".join(member.removesuffix(".xml").split("/")[-2:])
    for row, element in enumerate(document.iter("QAPair"), start=1):
        key = f"{document_key}/{element.get('pid')}"
        question, answer = _tidy(element.findtext("Question")), _tidy(element.findtext("Answer"))
        yield _Pair(file, row, key, focus, question, answer)


def _tidy(text: str | None) -> str:
    """Return an element's text without the indentation of the XML around it."""
    lines = "\n".join(line.strip() for line in (text or "").strip().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines)


def _refusals(pairs: list[_Pair]) -> dict[str, str]:
    """Return the reason of every refused pair by key."""
    repeats = Counter(pair.answer for pair in pairs)
    reasons = {pair.key: _reason(pair, repeats[pair.answer]) for pair in pairs}
    kept = [pair for pair in pairs if not reasons[pair.key]]
    reasons.update((pair.key, "over_focus_limit") for pair in _over_limit(kept))
    return {key: reason for key, reason in reasons.items() if reason}


def _reason(pair: _Pair, num_repeats: int) -> str:
    if not pair.question:
        return "empty_question"
    if not pair.answer:
        return "empty_answer"
    # Questions made from a template ("What is (are) X ?") name nothing without a focus.
    if not pair.focus and pair.question.endswith(" ?"):
        return "missing_field"
    if pair.answer.startswith(_LINK_LIST) or _PHENOTYPE_LIST in pair.answer:
        return "list_without_answer"
    if num_repeats > _MAXIMUM_REPEATS:
        return "shared_paragraph"
    num_words = len(pair.answer.split())
    return "" if _MINIMUM_WORDS <= num_words <= _MAXIMUM_WORDS else "answer_length"


def _over_limit(pairs: Iterable[_Pair]) -> Iterator[_Pair]:
    """Yield the pairs beyond the limit of their focus, taking pairs in the order of key hashes."""
    by_focus: defaultdict[str, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        by_focus[pair.focus.casefold() or pair.file].append(pair)
    for same_focus in by_focus.values():
        yield from sorted(same_focus, key=lambda pair: _number(pair.key))[_QUESTIONS_PER_FOCUS:]
