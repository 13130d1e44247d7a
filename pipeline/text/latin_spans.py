"""Spans of en, fr or es in a text of another language, told by grammar rather than by vocabulary.

The text is cut into pieces (sentences, lines, what stands in brackets or quotes). Neighbouring
pieces that have words of the other language and none of the record's own make a span, if they read
like a sentence or like lines of everyday words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pipeline.text.latin import LATIN_LANGUAGES, fasttext_probabilities
from pipeline.text.lexicon import lexicon
from pipeline.text.scripts import LATIN, in_small_letters

MIN_WORDS = 5
# Telling words of the other language in a span, and different ones among them.
MIN_TELLING = 3
MIN_DIFFERENT = 2
MIN_TELLING_SHARE = 0.15
# The verb of a sentence may be in no list; a disease or society with "of" and "with" is shorter.
MIN_WORDS_WITHOUT_VERB = 8
MIN_DIFFERENT_WITHOUT_VERB = 3
MAX_CAPITALISED_SHARE = 0.4
# A title stands beside its authors, journal and year; what is longer is no title.
NEAR_CHARACTERS = 80
MAX_TITLE_CHARACTERS = 200
# An English sentence may name La Paz; a Spanish one has more Spanish words than that.
MIN_LEAD = 4
MIN_FASTTEXT_SHARE = 0.9
MIN_FASTTEXT = 0.3
MAX_FASTTEXT_CHARACTERS = 500

# A sentence ends, or somebody is quoted: what stands in quotes or brackets is judged by itself.
_PIECES = re.compile(r"(?<=[.!?;:])\s+|[。！？；\n()（）«»“”\"\[\]「」『』]+")
_SCRIPTS = {"zh": "\u3400-\u9fff", "ja": "\u3040-\u30ff\u3400-\u9fff", "ru": "\u0400-\u052f"}
_LETTERS = {"fr": frozenset("àâæçèêëîïôœùû"), "es": frozenset("áíñóú")}
_REFERENCE = re.compile(
    r"\bet al\b|\bdoi\b|https?:|www\.|\bISBN\b|\b(?:vol|pp)\.|;\s*\d+|\(\d{4}\)|\bJournal\b"
    r"|[,.]\s*(?:19|20)\d\d\s*(?:[)\]。.;]|$)",
    re.MULTILINE,
)
_OPENING = frozenset('(（«“"[「『')


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairWords:
    """What tells another language from the record's own: words, and between es and fr letters."""

    own: frozenset[str]
    other: frozenset[str]
    verbs: frozenset[str]
    own_letters: frozenset[str]
    other_letters: frozenset[str]

    def num_own(self, said: tuple[str, ...]) -> int:
        """Return how many of some words are of the record's own language alone."""
        return len(_among(said, self.own, self.own_letters))

    def telling(self, said: tuple[str, ...]) -> list[str]:
        """Return those of some words that are of the other language alone."""
        return _among(said, self.other, self.other_letters)


def _among(said: tuple[str, ...], words: frozenset[str], letters: frozenset[str]) -> list[str]:
    if not letters:
        return [word for word in said if word in words]
    return [word for word in said if word in words or not letters.isdisjoint(word)]


@cache
def telling_words_of_pair(language: str, other: str) -> PairWords:
    """Return what tells `other` from `language`, both codes."""
    lists = lexicon("telling_words")
    own = _telling(language) if language in LATIN_LANGUAGES else frozenset[str]()
    telling = _telling(other)
    verbs = frozenset(lists[other]["verbs"]) - own
    # English borrows names with either's letters (Behçet, Muñoz); es and fr do so hardly ever.
    letters = _LETTERS if language in _LETTERS and other in _LETTERS else {}
    own_letters, other_letters = (letters.get(one, frozenset()) for one in (language, other))
    return PairWords(own - telling, telling - own, verbs, own_letters, other_letters)


def _telling(language: str) -> frozenset[str]:
    return frozenset(
        word for words in lexicon("telling_words")[language].values() for word in words
    )


def latin_spans(text: str, language: str) -> Iterator[tuple[str, int, int]]:
    """Yield language, start and end of every span of en, fr or es in a text of `language`."""
    pieces = list(_pieces(text, language))
    for other in LATIN_LANGUAGES:
        if other == language:
            continue
        words = telling_words_of_pair(language, other)
        if sum(len(words.telling(piece.words)) for piece in pieces if piece) < MIN_TELLING:
            continue
        for run in _runs(pieces, words):
            if _is_language(text, run, words, language, other):
                yield other, run[0].start, run[-1].end


def _pieces(text: str, language: str) -> Iterator[_Piece | None]:
    """Yield the pieces of a text; None where letters of its own script stand between two."""
    start = 0
    for end, after in [*((m.start(), m.end()) for m in _PIECES.finditer(text)), (len(text),) * 2]:
        yield from _latin_parts(text, start, end, _SCRIPTS.get(language))
        start = after


def _latin_parts(text: str, start: int, end: int, script: str | None) -> Iterator[_Piece | None]:
    if script is None:
        yield _Piece(start, end, _words_of(text[start:end]))
        return
    for match in re.finditer(f"([{script}]+)|[^{script}]+", text[start:end]):
        if match[1]:
            yield None
        elif words := _words_of(match[0]):
            yield _Piece(start + match.start(), start + match.end(), words)


def _words_of(text: str) -> tuple[str, ...]:
    """Return the words in lower case; WHO is no pronoun, so words in capitals are left as such."""
    words = LATIN.findall(in_small_letters(text))
    return tuple(word if word.isupper() else word.lower() for word in words)


def _runs(pieces: list[_Piece | None], words: PairWords) -> Iterator[list[_Piece]]:
    """Yield neighbouring pieces without the record's own words, from a telling one to another."""
    run: list[_Piece] = []
    waiting: list[_Piece] = []
    for piece in [*pieces, None]:
        num_telling = len(words.telling(piece.words)) if piece else 0
        if piece is None or _is_own(piece, words, num_telling):
            if run:
                yield run
            run, waiting = [], []
        elif num_telling:
            run += [*waiting, piece]
            waiting = []
        elif run:
            waiting.append(piece)


def _is_own(piece: _Piece, words: PairWords, num_telling: int) -> bool:
    num_own = words.num_own(piece.words)
    return num_own > 0 and num_telling < MIN_LEAD * num_own


def _is_language(text: str, run: list[_Piece], words: PairWords, language: str, other: str) -> bool:
    span = text[run[0].start : run[-1].end]
    return (
        _has_grammar(text, run, words)
        and not _is_reference(text, run)
        and _fasttext_agrees(span, language, other)
    )


def _has_grammar(text: str, run: list[_Piece], words: PairWords) -> bool:
    span = text[run[0].start : run[-1].end]
    said = tuple(word for piece in run for word in piece.words)
    telling = words.telling(said)
    num_different = len(set(telling))
    if len(said) < MIN_WORDS or num_different < MIN_DIFFERENT:
        return False
    if len(telling) < max(MIN_TELLING, MIN_TELLING_SHARE * len(said)):
        return False
    if "\n" in span or not words.verbs.isdisjoint(telling):
        return True
    is_long = len(said) >= MIN_WORDS_WITHOUT_VERB and num_different >= MIN_DIFFERENT_WITHOUT_VERB
    is_gloss = text[max(0, run[0].start - 1) : run[0].start] in _OPENING
    return is_long and not is_gloss and not _is_name(span)


def _is_name(span: str) -> bool:
    """Tell whether a span is a name, as "European Society of Cardiology" is."""
    words: list[str] = LATIN.findall(span)
    return sum(word[0].isupper() for word in words) > MAX_CAPITALISED_SHARE * len(words)


def _is_reference(text: str, run: list[_Piece]) -> bool:
    start, end = run[0].start, run[-1].end
    if end - start > MAX_TITLE_CHARACTERS:
        return False
    before = text[max(0, start - NEAR_CHARACTERS) : start].rpartition("\n")[2]
    after = text[end : end + NEAR_CHARACTERS].partition("\n")[0]
    return bool(_REFERENCE.search(before + text[start:end] + after))


def _fasttext_agrees(span: str, language: str, other: str) -> bool:
    probabilities = fasttext_probabilities(span[:MAX_FASTTEXT_CHARACTERS])
    share = probabilities.get(other, 0.0)
    against = probabilities.get(language, 0.0) if language in LATIN_LANGUAGES else 0.0
    return share > MIN_FASTTEXT and share >= MIN_FASTTEXT_SHARE * (share + against)
