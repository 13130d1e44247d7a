"""CasiMedicos: cases of the Spanish MIR exam with a doctor's explanation, in es, en and fr.

Upstream is a token file for argument mining, one `word label [quality]` a line, a blank line after
each sentence; words keep their punctuation, so joining them with single blanks is the author's
text. The three languages have the same cases in the same order; en and fr are translations.
Traps: a question may occur again with another doctor's explanation, in another split too, and
four times with another key; the key's heading is "BONNE RÉPONSE" or "RÉPONSE CORRECTE" in fr;
"5- nan" stands for "no fifth option"; options and explanations run over several sentences.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from schemas.item import LETTERS, BadRow, Item, Language
from sources.explanation import explanation_item
from sources.reading import EXCERPT_CHARACTERS, ContentKeys, read_text
from sources.source import File, Source

_REVISION = "bead23e4bd1235440c4ff5b37ae7f2f81ea7c738"
_ARCHIVE = (
    "https://raw.githubusercontent.com/ixa-ehu/antidote-casimedicos/"
    f"{_REVISION}/casimedicos-arg.tar.gz"
)
_SHA256 = {
    "es/train": "0ff0bdb6558804353a51e3f4f65126e899e232e30af3fed11a24ff2141469795",
    "es/dev": "9971be150923ce9683c6f44ff17461e1192a9d1ca6ad6b3a361bf5cbd9c1d90e",
    "es/test": "6482f506db5e7d1a35997f4d43d96897d28d7b48d85ed6ef020959438d9d3fc6",
    "en/train": "a52ecf1a150ebc8d6a9c5e61f72de86cbb54de418b5e6e863716c21a54742c4c",
    "en/dev": "6e7b9f54427f82a42b9d9d10174bf1844176927d5e2f5a804e80956a17209e29",
    "en/test": "a9c714ae3175e1d8dd2b6bc8fe7c43340620b687a23c3e921c987959d4057c67",
    "fr/train": "00b1caaf7bf0f1620852c57d807e07e3714f45be9af2e10f97221f5396dbcd77",
    "fr/dev": "62d610da24cb168b1120806fa4cc337566c124fb9f641c09e98595c4cb52b6d1",
    "fr/test": "b796767033f5d4ceadc9744960862040d2bbca1211cd3d3508a7426680d71e48",
}


def _file(split: str) -> File:
    language, _, name = split.partition("/")
    return File(
        path=f"{language}/casimedicos_arg/{name}.tsv",
        sha256=_SHA256[split],
        url=_ARCHIVE,
        member=f"casimedicos-arg/{language.upper()}/{name}.tsv",
    )


SOURCE = Source(
    name="casimedicos",
    title="CasiMedicos-Arg",
    homepage="https://github.com/ixa-ehu/antidote-casimedicos",
    revision=_REVISION,
    languages=("es", "en", "fr"),
    files={split: (_file(split),) for split in _SHA256},
    splits={
        "es/train": "train",
        "es/dev": "validation",
        "es/test": "benchmark",
        "en/train": "train",
        "en/dev": "validation",
        "en/test": "benchmark",
        "fr/train": "train",
        "fr/dev": "validation",
        "fr/test": "benchmark",
    },
    license="CC-BY-4.0",
    license_evidence=(
        "README.md of github.com/ixa-ehu/antidote-casimedicos says CC BY 4.0, its LICENSE file is "
        "CC0 1.0; the stricter one is declared"
    ),
    redistributable="yes",
    forms=("exam", "explanation"),
    parallel_family="casimedicos",
    citation=(
        "Ekaterina Sviridova, Anar Yeginbergen, Ainara Estarrona, Elena Cabrio, Serena Villata and "
        "Rodrigo Agerri. CasiMedicos-Arg: A Medical Question Answering Dataset Annotated with "
        "Explanatory Argumentative Structures. EMNLP 2024. https://arxiv.org/abs/2410.05235"
    ),
    # qa: the open twins, as many as `sources/explanation` finds safe.
    expected_rows={
        "es/train": {"es/mcq": 381, "es/qa": 63},
        "es/dev": {"es/mcq": 55, "es/qa": 11},
        "es/test": {"es/mcq": 117, "es/qa": 26},
        "en/train": {"en/mcq": 381, "en/qa": 34},
        "en/dev": {"en/mcq": 55, "en/qa": 5},
        "en/test": {"en/mcq": 117, "en/qa": 16},
        "fr/train": {"fr/mcq": 381, "fr/qa": 56},
        "fr/dev": {"fr/mcq": 55, "fr/qa": 4},
        "fr/test": {"fr/mcq": 117, "fr/qa": 19},
    },
)

_TOPIC_HEADING = re.compile(r"QUESTION TYPE ?: ?(?P<topic>.*)")
_CASE_HEADING = re.compile(r"CLINICAL CASE ?:")
_KEY_HEADING = re.compile(r"(?:CORRECT ANSWER|BONNE RÉPONSE|RÉPONSE CORRECTE) ?: ?(?P<number>\d+)")
_OPTION = re.compile(r"(?P<number>\d) ?-")


@dataclass(slots=True)
class _Case:
    """The sentences between two topic headings."""

    row: int
    topic: str
    sentences: list[str] = field(default_factory=list)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield per case one multiple-choice item and, where it stands alone, its open twin."""
    roots = _roots(files)
    for split, paths in files.items():
        for path in paths:
            yield from _parse_file(split, path, roots)


def _parse_file(split: str, path: Path, roots: Mapping[str, str]) -> Iterator[Item | BadRow]:
    keys = ContentKeys()
    for place, case in _places(split, path):
        key = keys.key(case.topic, *case.sentences)
        parsed = _item(split, path, case, key, roots.get(place, place))
        if isinstance(parsed, BadRow):
            yield parsed
            continue
        # The twin is made from the author's own numbers, which `explanation_item` can resolve.
        twin = explanation_item(parsed)
        yield replace(parsed, rationale=name_by_letter(parsed))
        if twin is not None:
            yield twin


def _roots(files: Mapping[str, list[Path]]) -> dict[str, str]:
    """Map the place of each case to the first place with its Spanish question or options.

    One exam question may stand in train and test with two explanations, and its translations
    differ between the two; only the Spanish text shows that all of them have one root.
    """
    first: dict[str, str] = {}
    roots: dict[str, str] = {}
    for split in sorted(name for name in files if name.startswith("es/")):
        for path in files[split]:
            for place, case in _places(split, path):
                question, options = _question_and_options(case.sentences)
                texts = [_letters(question), _letters(*options)]
                roots[place] = next((first[text] for text in texts if text in first), place)
                for text in texts:
                    first.setdefault(text, roots[place])
    return roots


def _letters(*texts: str) -> str:
    return "|".join(re.sub(r"\W+", "", text.casefold()) for text in texts)


def _places(split: str, path: Path) -> Iterator[tuple[str, _Case]]:
    """Yield each case with its place ("train-7"), which is the same in every language."""
    name = split.partition("/")[2]
    for number, case in enumerate(_cases(path), start=1):
        yield f"{name}-{number}", case


def _cases(path: Path) -> Iterator[_Case]:
    case: _Case | None = None
    for row, sentence in _sentences(path):
        heading = _TOPIC_HEADING.fullmatch(sentence)
        if heading:
            if case:
                yield case
            case = _Case(row, heading["topic"])
        elif case:
            case.sentences.append(sentence)
    if case:
        yield case


def _sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line of the first word, sentence); labels end at the first blank of a line."""
    words: list[str] = []
    row = 0
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        word = line.partition(" ")[0]
        if word:
            row = row if words else number
            words.append(word)
        elif words:
            yield row, " ".join(words)
            words = []
    if words:
        yield row, " ".join(words)


def _item(split: str, path: Path, case: _Case, key: str, root: str) -> Item | BadRow:
    language = cast(Language, split.partition("/")[0])
    found = next(_key_headings(case.sentences), None)
    if found is None:
        excerpt = " ".join(case.sentences)[:EXCERPT_CHARACTERS]
        return BadRow(str(path), case.row, "invalid_record", excerpt, language)
    place, number = found
    question, options = _question_and_options(case.sentences)
    return Item(
        file=str(path),
        row=case.row,
        key=key,
        split=split,
        task="mcq",
        form="exam",
        language=language,
        question=question,
        parallel_key=root,
        options=options,
        answer_indices=(number - 1,),
        rationale=_rationale(case.sentences[place + 1 :]),
        origin="native" if language == "es" else "translated",
        topic=case.topic,
    )


def _key_headings(sentences: list[str]) -> Iterator[tuple[int, int]]:
    """Yield (index of the sentence, keyed option's number as upstream counts)."""
    for index, sentence in enumerate(sentences):
        heading = _KEY_HEADING.fullmatch(sentence)
        if heading:
            yield index, int(heading["number"])


def _question_and_options(sentences: list[str]) -> tuple[str, tuple[str, ...]]:
    """Split what precedes the key at the last sentence that begins as option 1."""
    before = list(itertools.takewhile(lambda text: not _KEY_HEADING.fullmatch(text), sentences))
    numbers = [_option_number(sentence) for sentence in before]
    start = max((i for i, number in enumerate(numbers) if number == 1), default=len(before))
    options: list[str] = []
    for sentence, number in zip(before[start:], numbers[start:], strict=True):
        if number == len(options) + 1:
            options.append(sentence.partition("-")[2].strip())
        else:
            options[-1] += f" {sentence}"
    if options and options[-1] == "nan":
        options.pop()
    stem = (sentence for sentence in before[:start] if not _CASE_HEADING.fullmatch(sentence))
    return " ".join(stem), tuple(options)


def _option_number(sentence: str) -> int:
    option = _OPTION.match(sentence)
    return int(option["number"]) if option else 0


def _rationale(sentences: list[str]) -> str:
    """Join the explanation, less a first sentence that only repeats the key's number."""
    if sentences and re.fullmatch(r"\d\.", sentences[0]):
        sentences = sentences[1:]
    return " ".join(sentences)


# "opción 4", "la respuesta correcta es la 2", "options 1, 2 and 5": what names an option for
# certain. "la 2" names one in Spanish; "the 4 nuclei" or "les 2 formes" count things.
_JOIN = r"(?:, ?| y | o | e | ni | and | or | nor | et | ou | & )(?:la |el |the |le )?"
_NUMBERS = rf"(?P<numbers>[1-5](?:{_JOIN}[1-5])*)(?![\w%°º]|[.,/-]\d)"
_PREFIXES: Mapping[str, str] = {
    "es": (
        r"(?:opci[oó]n(?:es)?|respuestas?|preguntas?|números?|la)"
        r"(?:[ :,]+(?:in)?(?:correctas?|falsas?|verdaderas?|más|adecuada|es|sería|será|era|debe"
        r"|ser|la|las|el|número|nº|opción|respuesta))*[ :]+"
    ),
    "en": (
        r"(?:options?|answers?|choices?|statements?|numbers?)"
        r"(?:[ :,]+(?:in)?(?:correct|one|is|was|are|would|be|should|number|the|answer|option|to"
        r"|this|question))*[ :]+"
    ),
    "fr": (
        r"(?:options?|réponses?|propositions?|affirmations?|points?|numéros?)"
        r"(?:[ :,]+(?:in)?(?:correctes?|fausses?|exacte|est|sont|serait|sera|donc|la|le|les|plus"
        r"|numéro|option|réponse|l'option))*[ :]+"
    ),
}
_REFERENCES = {
    language: re.compile(rf"\b{prefix}{_NUMBERS}", re.IGNORECASE)
    for language, prefix in _PREFIXES.items()
}
_BARE_NUMBER = re.compile(r"(?<![\w.,/+<>≥≤=-])[1-5](?![\w%/°º+-]|[.,]\d)")


def name_by_letter(item: Item) -> str:
    """Return the explanation with option letters for the exam's option numbers.

    All or nothing: where a number remains that may or may not name an option, the explanation
    stays as written, since numbers and letters side by side mislead more than numbers alone.
    """
    lettered = _REFERENCES[item.language].sub(_to_letters, item.rationale)
    return item.rationale if _BARE_NUMBER.search(lettered) else lettered


def _to_letters(reference: re.Match[str]) -> str:
    start = reference.start("numbers") - reference.start()
    numbers = re.sub(r"\d", lambda digit: LETTERS[int(digit[0]) - 1], reference["numbers"])
    return reference[0][:start] + numbers
