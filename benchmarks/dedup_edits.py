"""Changes that leave a record the same question: how it is written, its options' order, misprints.

Misprints and small rewordings come in equal measure to every part of a record, in proportion to its
length: a share of the words, or of the characters in zh and ja.
- en, fr, ru, es: inside a word of five letters or more a letter is dropped, doubled, swapped with
  the next, or hit beside its key; accents are forgotten; a function word is doubled or dropped.
- zh, ja: a character is doubled or taken for a look-alike or sound-alike, a particle between two
  content characters is dropped, a comma or full stop is another or none.
Left alone are digits and what touches them, numerals, negations, words with inner capitals (drug
codes, abbreviations), and every misspelling that is a word of the same texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from pipeline.text.units import CHARACTER_LANGUAGES, count_units

KEYBOARDS = {
    "en": "qwertyuiop asdfghjkl zxcvbnm",
    "es": "qwertyuiop asdfghjklñ zxcvbnm",
    "fr": "azertyuiop qsdfghjklm wxcvbn",
    "ru": "йцукенгшщзхъ фывапролджэ ячсмитьбю",
}
FUNCTION_WORDS = {
    "en": "the of that to is are this which",
    "fr": "le la les des de du que est une",
    "ru": "и в на что это как для",
    "es": "el la los las de del que una es",
}
NEGATIONS = {
    "en": r"not|no|never|without|except|neither|nor|cannot|\w*n['’]t|(?:un|in|im|non|false)\w+",
    "fr": r"ne|n|pas|non|sans|sauf|jamais|aucun\w*|ni|(?:in|im|non|faux|fauss)\w+",
    "ru": r"не|ни|нет|без|кроме|никогда|(?:не|без|бес|ложн|ошибочн)\w+",
    "es": r"no|sin|nunca|excepto|salvo|ni|ning[uú]n\w*|(?:in|im|no|fals)\w+",
    "zh": r"[不无無非未没沒否勿莫错錯误誤除][^\W_]?",
    "ja": r"ない|なく|なかっ|なけれ|ません|ずに|[ずぬ不無非未否誤除][^\W_]?",
}
# Each group sounds or looks alike, and no two of a group make a pair that medicine tells apart.
LOOK_ALIKES = {
    "zh": "的地得 在再 做作 已己以 像象 象相 即既 侯候 症证 期其 做坐 他她它 由有 和合 于与 为位 "
    "是事 时实 到道 病并 现线 者这 常长 用永 治至 化华 应因 原源 生身 及即 可克 加家 主住 "
    "体休 人入 日曰 土士 炎淡 胃谓 肝杆 肺沛 脾牌 疗撩 检捡 诊珍 栓拴 疡扬 患思 血皿",
    "ja": "はわ をお がか へえ とど てで つっ くぐ ただ しじ カ力 ロ口 ソン ツシ "
    "タ夕 検険 候侯 症証 微徴 複復 腹複 期基 治冶 体休 患思 血皿 以意 対体 使始 診真 者物 "
    "障症 側測 適的 増像 科料 過加 起気 多他 査差 後語 術述",
}
PARTICLES = {"zh": "的", "ja": "はがをのにで"}
STOPS = {"，": "、,", "、": "，,", "。": "．.", ",": "、", "；": "，"}
NUMERALS = "一二三四五六七八九十百千万亿億半両两零〇"
ITEM_NUMBERS = {
    "en": ("{}. ", "Q{}. ", "Question: ", "Question {}. "),
    "zh": ("{}．", "{}、", "题目：", "第{}题 "),
    "ja": ("{}．", "問{} ", "問題：", "問題{}　"),
    "fr": ("{}. ", "{}) ", "Question : ", "Question {}. "),
    "ru": ("{}. ", "{}) ", "Вопрос: ", "Вопрос {}. "),
    "es": ("{}. ", "{}) ", "Pregunta: ", "Pregunta {}. "),
}
_LONG_WORD = re.compile(r"(?<![\w\d])(?<!\d )[^\W\d_]{5,}(?![\w\d])")
_CONTENT = re.compile(r"[\u3400-\u9fff\u30a1-\u30fa]")
_CHARACTER = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff]")
_FULL_WIDTH = {ord(ascii_): ord(ascii_) + 0xFEE0 for ascii_ in map(chr, range(0x21, 0x7F))}
_HALF_WIDTH = dict(zip("，。？！；：（）", ",.?!;:()", strict=True))
_WIDE_STOP = re.compile("(?<![0-9０-９])[，。？！；：（）]|[，。？！；：（）](?![0-9０-９])")


@dataclass(frozen=True, slots=True)
class Record:
    """A question with its options, if any; then the answer is the keyed options, one a line."""

    language: str
    question: str
    options: tuple[str, ...]
    answer: str

    def pieces(self) -> list[str]:
        """Return the texts that can be changed; the answer of a choice follows its option."""
        return [self.question, *(self.options or (self.answer,))]

    def with_pieces(self, pieces: Sequence[str]) -> Record:
        """Return the record with these texts in place of its `pieces`."""
        question, *rest = pieces
        if not self.options:
            return replace(self, question=question, answer=rest[0])
        renamed = dict(zip(self.options, rest, strict=True))
        keyed = [renamed.get(line, line) for line in self.answer.split("\n")]
        return replace(self, question=question, options=tuple(rest), answer="\n".join(keyed))


@dataclass(frozen=True, slots=True)
class Pools:
    """What stands in the texts of one language."""

    words: frozenset[str]  # case-folded: a misprint must not be one of them
    terms: Sequence[str]  # what a trap may put in a term's place
    options: Sequence[str]


Edit = tuple[int, int, str]  # start, end, what stands there instead
Change = Callable[[Record, Random, Pools], Record | None]


def in_writing(record: Record, rng: Random, _pools: Pools) -> Record | None:
    """Write the same in capitals or full width, with other spaces, or with other punctuation."""
    ways: list[Callable[[str], str]] = [_spaced, _punctuated]
    ways.append(_full_width if record.language in CHARACTER_LANGUAGES else str.upper)
    return record.with_pieces(list(map(rng.choice(ways), record.pieces())))


def _full_width(text: str) -> str:
    return text.translate(_FULL_WIDTH)


def _spaced(text: str) -> str:
    text = re.sub(r"(?<=[^\W\d_])([,;:?!])(?=\s)", r" \1 ", text)
    return re.sub(r"(?<=[\u3400-\u9fff])(?=[A-Za-z])|(?<=[A-Za-z])(?=[\u3400-\u9fff])", " ", text)


def _punctuated(text: str) -> str:
    text = _WIDE_STOP.sub(lambda match: _HALF_WIDTH[match[0]], text)
    return re.sub(r"[.。]$", "", text.replace("'", "’"))


def options_shuffled(record: Record, rng: Random, _pools: Pools) -> Record | None:
    """Put the options in another order."""
    if len(set(record.options)) < 3:
        return None
    return replace(record, options=tuple(rng.sample(record.options, len(record.options))))


def prefixed(record: Record, rng: Random, _pools: Pools) -> Record | None:
    """Put an item number or the word for "question" before the question."""
    prefix = rng.choice(ITEM_NUMBERS[record.language]).format(rng.randint(2, 180))
    return replace(record, question=prefix + record.question)


def edited(share: float) -> Change:
    """Return a change that misprints this share of a record's words or characters."""

    def change(record: Record, rng: Random, pools: Pools) -> Record | None:
        pieces = record.pieces()
        wanted = share * sum(count_units(piece, record.language) for piece in pieces)
        if wanted < 0.5:  # one misprint would be far more than this share
            return None
        found: dict[str, list[tuple[int, Edit]]] = defaultdict(list)
        for number, piece in enumerate(pieces):
            for kind, edit in _edits(piece, record.language, rng, pools.words):
                found[kind].append((number, edit))
        chosen = _chosen(found, max(1, round(wanted)), rng)
        return record.with_pieces(_applied(pieces, chosen)) if chosen else None

    return change


# How often a kind of slip is made, against the other kinds that a text has room for. Our choice.
_WEIGHTS = {"misprint": 6, "accent": 2, "word doubled": 1, "word dropped": 1}
_WEIGHTS |= {"doubled": 3, "look-alike": 4, "particle": 2, "stop": 1}


def _chosen(
    found: dict[str, list[tuple[int, Edit]]], wanted: int, rng: Random
) -> list[tuple[int, Edit]]:
    """Return that many edits which do not touch each other, none where there are too few."""
    for edits in found.values():
        rng.shuffle(edits)
    chosen: list[tuple[int, Edit]] = []
    while len(chosen) < wanted and any(found.values()):
        kinds = [kind for kind, edits in found.items() if edits]
        kind = rng.choices(kinds, [_WEIGHTS[kind] for kind in kinds])[0]
        number, edit = found[kind].pop()
        if all(number != other or _are_apart(edit, one) for other, one in chosen):
            chosen.append((number, edit))
    return chosen if len(chosen) == wanted else []


def _are_apart(left: Edit, right: Edit) -> bool:
    return left[1] < right[0] or right[1] < left[0]


def _applied(pieces: list[str], edits: list[tuple[int, Edit]]) -> list[str]:
    pieces = list(pieces)
    for number, (start, end, new) in sorted(edits, reverse=True):
        pieces[number] = pieces[number][:start] + new + pieces[number][end:]
    return pieces


def _edits(
    text: str, language: str, rng: Random, words: Collection[str]
) -> Iterator[tuple[str, Edit]]:
    """Yield every slip that this text could have, by its kind."""
    flags = 0 if language in CHARACTER_LANGUAGES else re.IGNORECASE
    pattern = NEGATIONS[language] if not flags else rf"\b(?:{NEGATIONS[language]})\b"
    negations = [match.span() for match in re.finditer(pattern, text, flags)]
    slips = _character_slips(text, language, rng) if not flags else _word_slips(text, language, rng)
    for kind, (start, end, new) in slips:
        is_negation = any(start < stop and begin < end for begin, stop in negations)
        if not is_negation and not (kind in ("misprint", "accent") and new.casefold() in words):
            yield kind, (start, end, new)


def _word_slips(text: str, language: str, rng: Random) -> Iterator[tuple[str, Edit]]:
    for match in _LONG_WORD.finditer(text):
        word = match[0]
        if word[1:] != word[1:].lower():
            continue
        yield "misprint", (*match.span(), _misprinted(word, language, rng))
        bare = _without_accent(word)
        if bare != word:
            yield "accent", (*match.span(), bare)
    names = FUNCTION_WORDS[language].replace(" ", "|")
    for match in re.finditer(rf"(?<=[^\W\d_] )({names}) (?=[^\W\d_])", text):
        yield "word doubled", (*match.span(), match[0] * 2)
        yield "word dropped", (*match.span(), "")


def _misprinted(word: str, language: str, rng: Random) -> str:
    """Return a word with one slip, never of its first or last letter."""
    place = rng.randrange(1, len(word) - 2)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    rows = KEYBOARDS[language].split()
    beside = [row[max(0, row.find(letter) - 1) :][:3] for row in rows if letter in row]
    neighbours = [one for one in "".join(beside) if one != letter] or [letter * 2]
    slips = ("", letter * 2, rng.choice(neighbours))
    swapped = before + after[0] + letter + after[1:]
    return rng.choice([before + slip + after for slip in slips] + [swapped])


def _without_accent(word: str) -> str:
    """Return the word without its accents; й and ñ are letters of their own."""
    kept = [one if one in "йЙñÑ" else unicodedata.normalize("NFD", one)[0] for one in word]
    return "".join(kept)


def _character_slips(text: str, language: str, rng: Random) -> Iterator[tuple[str, Edit]]:
    groups = LOOK_ALIKES[language].split()
    padded = f" {text} "
    for place, character in enumerate(text):
        before, after = padded[place], padded[place + 2]
        span = (place, place + 1)
        if any(map(_is_number_or_code, (before, after))):
            continue
        if character in STOPS:
            yield "stop", (*span, rng.choice([*STOPS[character], ""]))
        if character in NUMERALS or not _CHARACTER.match(character):
            continue
        yield "doubled", (*span, character * 2)
        alike = [one for group in groups if character in group for one in group]
        others = [one for one in alike if one != character]
        if others:
            yield "look-alike", (*span, rng.choice(others))
        if character in PARTICLES[language] and _CONTENT.match(before) and _CONTENT.match(after):
            yield "particle", (*span, "")


def _is_number_or_code(character: str) -> bool:
    is_latin = character.isascii() and character.isalnum()
    return is_latin or character.isdigit() or character in NUMERALS


DUPLICATES: dict[str, Change] = {
    "writing": in_writing,
    "shuffled": options_shuffled,
    "prefix": prefixed,
    "edit1": edited(0.01),
    "edit3": edited(0.03),
    "edit6": edited(0.06),
}
