"""Verdicts on differences in zh and ja; compiled.

As in plain_words.py: exactly those of `guard.judged`, or UNDECIDED. Which characters are words of
their own is not known here, so entries of `special.py` are looked up from each place on, the
longest first, as the guard's patterns do.
Every compiled function of this module is called by this module and by Python alone: numba's cache
would not see that a callee elsewhere has changed.
"""
# ruff: noqa: SIM110 - compiled by numba, where a plain loop over numbers is what is meant
# mypy: disable-error-code="arg-type, assignment, no-any-return, return-value"

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]
Counts: TypeAlias = NDArray[np.uint16]

# As in plain_words.py.
UNDECIDED, WORDING, LETTER_NAME, NUMBERS, NEGATION, SAME, SAME_LETTER, MISPRINT = range(8)
FUNCTION, CONTRAST, EQUIVALENT, UNIT, CUE, SURE_CUE = 1, 2, 4, 8, 16, 32
UNIT_STEM, WHOLE_AFFIX, LOOKALIKE = 64, 512, 1024
# Of a character: what begins with it, and what it is.
CUE_START, WORD_START, TELLING, NUMERAL = 2048, 4096, 8192, 16384
UNCLEAR, HAS_DIGIT, HAS_LONE_LETTER, HAS_NAME = 1 << 16, 1 << 17, 1 << 18, 1 << 19

MAX_ENTRY = 16  # characters of a cue, a function word or an equivalent
MAX_SIDE = 64  # characters; longer ones are left undecided
ROOM = 8 * (MAX_SIDE + 8)  # for a content: no equivalent is over eight times as long as another
# As in guard.py, compare.py and misprints.py, against which tests hold each verdict.
MAX_NAME, MIN_STEM, MIN_KANA, NEAR, MAX_ALPHABETIC = 3, 4, 3, 4, 0x2FFF
FIRST_HAN = 0x4E00
NO_NEIGHBOUR = -1
MOST_MISPRINTED, TIMES_MORE, TIMES_MORE_IF_OFTEN = 20, 12, 60
TIMES_MORE_LIKELY, TIMES_MORE_LIKELY_IF_TELLING = 30, 300
# Columns of a difference, as in align.py.
PAIR, PLACE, LEFT_START, LEFT_END, RIGHT_START, RIGHT_END, LEFT_BEFORE = range(7)
LEFT_FIRST = LEFT_BEFORE + 4
LETTER, DIGIT, IDEOGRAPH = 1, 2, 4  # as in pipeline/text/fold.py

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SPACE, _ZERO = 32, 48


@njit(cache=True, nogil=True)
def _longer(value: np.uint64, code: int) -> np.uint64:
    value = (value + np.uint64(code) + np.uint64(1)) * _FACTOR
    return value ^ (value >> np.uint64(29))


@njit(cache=True, nogil=True)
def _place(keys: Hashes, key: np.uint64) -> np.uint64:
    """Return where the table holds a hash, or where it would."""
    mask = np.uint64(len(keys) - 1)
    place = (key >> np.uint64(20)) & mask
    while keys[place] != 0 and keys[place] != key:
        place = (place + np.uint64(1)) & mask
    return place


@njit(cache=True, nogil=True)
def _value(keys: Hashes, values: Counts, key: np.uint64) -> int:
    """Return what the table says of a hash; 0 where nothing."""
    return np.int64(values[_place(keys, key)])


@njit(cache=True, nogil=True)
def _is_same(codes: Codes, one: int, one_end: int, other: int, other_end: int) -> bool:
    if one_end - one != other_end - other:
        return False
    for step in range(one_end - one):
        if codes[one + step] != codes[other + step]:
            return False
    return True


@njit(cache=True, nogil=True)
def _hardly_occurs(rare: int, common: int) -> bool:
    if rare <= 1:
        return common > 2
    return common >= rare * (TIMES_MORE if rare <= MOST_MISPRINTED else TIMES_MORE_IF_OFTEN)


@njit(cache=True, nogil=True)
def _is_rare(row: Places) -> bool:
    """Tell whether one side hardly occurs and the other does."""
    is_known = False
    is_left_rare = is_right_rare = True
    for step in range(2):
        left, right = row[LEFT_BEFORE + step], row[LEFT_BEFORE + 2 + step]
        if left != NO_NEIGHBOUR and right != NO_NEIGHBOUR:
            is_known = True
            is_left_rare &= _hardly_occurs(left, right)
            is_right_rare &= _hardly_occurs(right, left)
    return is_known and (is_left_rare or is_right_rare)


@njit(cache=True, nogil=True)
def _is_unlikely(row: Places, times_more: int) -> bool:
    left = right = 1.0
    for step in range(2):
        if row[LEFT_BEFORE + step] != NO_NEIGHBOUR:
            left *= row[LEFT_BEFORE + step] + 0.5
        if row[LEFT_BEFORE + 2 + step] != NO_NEIGHBOUR:
            right *= row[LEFT_BEFORE + 2 + step] + 0.5
    return max(left, right) >= times_more * min(left, right)


@njit(cache=True, nogil=True)
def _may_be_repeated(codes: Codes, row: Places) -> bool:
    """Tell whether what one side adds could stand beside itself, a space between or none."""
    start, end, first, last = row[LEFT_START], row[LEFT_END], row[LEFT_FIRST], row[LEFT_FIRST + 1]
    if start == end:
        start, end = row[RIGHT_START], row[RIGHT_END]
        first, last = row[LEFT_FIRST + 2], row[LEFT_FIRST + 3]
    elif row[RIGHT_START] != row[RIGHT_END]:
        return False
    size = end - start
    for gap in range(2):
        before, after = start - gap - size, end + gap
        if before >= first and _is_same(codes, before, before + size, start, end):
            return True
        if after + size <= last and _is_same(codes, after, after + size, start, end):
            return True
    return False


@njit(cache=True, nogil=True)
def _is_repeated_character(codes: Codes, row: Places) -> bool:
    """Tell whether one side adds one character of zh or ja that stands beside itself."""
    for side in range(2):
        at, other = LEFT_START + 2 * side, LEFT_START + 2 - 2 * side
        first, last = row[LEFT_FIRST + 2 * side], row[LEFT_FIRST + 2 * side + 1]
        place = row[at]
        if row[at + 1] - place == 1 and row[other] == row[other + 1]:
            code = codes[place]
            if code <= MAX_ALPHABETIC:
                return False
            if (place > first and codes[place - 1] == code) or (
                place + 1 < last and codes[place + 1] == code
            ):
                return True
    return False


@njit(cache=True, nogil=True)
def _has_cue(
    codes: Codes, start: int, end: int, language: int, keys: Hashes, values: Counts
) -> bool:
    key = np.uint64(language + 1) << np.uint64(32)
    for place in range(start, min(end, start + MAX_ENTRY)):
        key = _longer(key, codes[place])
        if _value(keys, values, key) & CUE:
            return True
    return False


@njit(cache=True, nogil=True)
def _read_characters(
    codes: Codes, start: int, end: int, language: int, kinds: Bytes,
    keys: Hashes, values: Counts, groups: Hashes,
) -> tuple[int, np.uint64]:  # fmt: skip
    """Return what a side in zh or ja has, and a bit for each group of contrasts it has some of."""
    contrasts = np.uint64(0)
    if start == end:
        return np.int64(0), contrasts
    if end - start > MAX_SIDE:
        return np.int64(UNCLEAR), contrasts
    flags = np.int64(0)
    is_ascii, is_numeral = True, True
    seed = np.uint64(language + 1) << np.uint64(32)
    key, value = seed, np.int64(0)
    for place in range(start, end):
        code = codes[place]
        key = _longer(key, code)
        own = _longer(seed, code)
        value = _value(keys, values, own)
        if kinds[code] == DIGIT:
            flags |= HAS_DIGIT
        elif kinds[code] != LETTER and kinds[code] != IDEOGRAPH:
            return np.int64(UNCLEAR), contrasts
        is_ascii &= code < 128
        is_numeral &= (value & NUMERAL) != 0
        if place - start < MAX_ENTRY and _value(keys, values, key) & UNIT_STEM:
            return np.int64(UNCLEAR), contrasts
        if value & CUE_START and _has_cue(codes, place, end, language, keys, values):
            flags |= CUE
        if value & CONTRAST:
            flags |= CONTRAST
            contrasts |= groups[_place(keys, own)]
    if is_numeral:
        return np.int64(UNCLEAR), contrasts
    whole = _value(keys, values, key)
    flags |= whole & (CONTRAST | LOOKALIKE | UNIT | WHOLE_AFFIX)
    if whole & CONTRAST:
        contrasts |= groups[_place(keys, key)]
    if flags & CUE and not whole & SURE_CUE:
        return np.int64(UNCLEAR), contrasts
    if end - start == 1:
        flags |= value & TELLING
        if codes[start] <= MAX_ALPHABETIC:
            flags |= HAS_LONE_LETTER
    if end - start <= MAX_NAME and is_ascii and not whole & FUNCTION:
        flags |= HAS_NAME
    return flags, contrasts


@njit(cache=True, nogil=True)
def _replaced(
    codes: Codes, start: int, end: int, kind: int, language: int,
    keys: Hashes, values: Counts, replacements: Places, texts: Codes, out: Codes,
) -> int:  # fmt: skip
    """Write a text in which each entry of a kind, the longest first, is replaced; return its end.

    Function words are replaced by nothing, equivalents by the first of their group.
    """
    length = np.int64(0)
    seed = np.uint64(language + 1) << np.uint64(32)
    place = start
    while place < end:
        key = _longer(seed, codes[place])
        longest, entry = np.int64(0), key
        if _value(keys, values, key) & WORD_START:
            key = seed
            for step in range(min(MAX_ENTRY, end - place)):
                key = _longer(key, codes[place + step])
                if _value(keys, values, key) & kind:
                    longest, entry = step + 1, key
        if longest == 0:
            out[length] = codes[place]
            length += 1
            place += 1
            continue
        place += longest
        if kind == EQUIVALENT:
            length = _write_first(keys, replacements, texts, entry, out, length)
    return length


@njit(cache=True, nogil=True)
def _write_first(
    keys: Hashes, replacements: Places, texts: Codes, key: np.uint64, out: Codes, length: int
) -> int:
    """Write the first spelling of an equivalent."""
    text = replacements[_place(keys, key)]
    for step in range(texts[text]):
        out[length] = texts[text + 1 + step]
        length += 1
    return length


@njit(cache=True, nogil=True)
def _content(
    codes: Codes, start: int, end: int, language: int,
    keys: Hashes, values: Counts, replacements: Places, texts: Codes, out: Codes, scratch: Codes,
) -> int:  # fmt: skip
    """Write a text without function words and spaces, of equivalents the first; return its end."""
    kinds = np.array([EQUIVALENT, FUNCTION])
    length = _replaced(
        codes, start, end, kinds[0], language, keys, values, replacements, texts, scratch
    )
    length = _replaced(
        scratch, np.int64(0), length, kinds[1], language, keys, values, replacements, texts, out
    )
    size = np.int64(0)
    for place in range(length):
        out[size] = out[place]
        size += out[place] != _SPACE
    return size


@njit(cache=True, nogil=True)
def _canonical(
    text: Codes, language: int, keys: Hashes, values: Counts, replacements: Places,
    texts: Codes, out: Codes,
) -> int:  # fmt: skip
    """Write one spelling of a content, looked up as a whole or by characters; return its end."""
    seed = np.uint64(language + 1) << np.uint64(32)
    key = seed
    for code in text:
        key = _longer(key, code)
    length = np.int64(0)
    if _value(keys, values, key) & EQUIVALENT:
        return _write_first(keys, replacements, texts, key, out, length)
    for code in text:
        key = _longer(seed, code)
        if _value(keys, values, key) & EQUIVALENT:
            length = _write_first(keys, replacements, texts, key, out, length)
        else:
            out[length] = code
            length += 1
    return length


@njit(cache=True, nogil=True)
def _judge_characters(
    codes: Codes, row: Places, language: int, kinds: Bytes,
    keys: Hashes, values: Counts, groups: Hashes, replacements: Places, texts: Codes, out: Codes,
) -> int:  # fmt: skip
    found, sizes = np.zeros(2, np.int64), np.zeros((2, 2), np.int64)
    shared = ~np.uint64(0)
    for side in range(2):
        start, end = row[LEFT_START + 2 * side], row[LEFT_END + 2 * side]
        found[side], contrasts = _read_characters(
            codes, start, end, language, kinds, keys, values, groups
        )
        shared &= contrasts
        if found[side] & UNCLEAR:
            return UNDECIDED
    both, either = found[0] & found[1], found[0] | found[1]
    if shared or both & (UNIT | CUE):
        return UNDECIDED
    for side in range(2):
        start, end = row[LEFT_START + 2 * side], row[LEFT_END + 2 * side]
        sizes[0, side] = _content(
            codes, start, end, language, keys, values, replacements, texts, out[0, side], out[3, 0]
        )
        content = out[0, side, : sizes[0, side]]
        sizes[1, side] = _canonical(
            content, language, keys, values, replacements, texts, out[1, side]
        )
    for step in range(2):
        if _is_same(out[step].ravel(), 0, sizes[step, 0], ROOM, ROOM + sizes[step, 1]):
            return UNDECIDED if either & (HAS_LONE_LETTER | HAS_DIGIT) else SAME
    if _is_repeated_character(codes, row):
        return MISPRINT
    left, left_end, right, right_end = (
        row[LEFT_START], row[LEFT_END], row[RIGHT_START], row[RIGHT_END],
    )  # fmt: skip
    length, other_length = left_end - left, right_end - right
    if either & HAS_DIGIT:
        is_zero = both & HAS_DIGIT and (codes[left] == _ZERO or codes[right] == _ZERO)
        verdict = UNDECIDED if is_zero else NUMBERS
    elif either & CUE:
        verdict = NEGATION
    elif length == 1 and other_length == 1:
        if either & HAS_LONE_LETTER or both & LOOKALIKE:
            return UNDECIDED
        if either & TELLING:
            return MISPRINT if _is_unlikely(row, TIMES_MORE_LIKELY_IF_TELLING) else UNDECIDED
        is_proven = _is_rare(row) or _is_unlikely(row, TIMES_MORE_LIKELY)
        return MISPRINT if is_proven else UNDECIDED
    else:
        verdict = _judge_strings(codes, row, either)
        # A contrast on one side alone; it may be what an equivalent was replaced by.
        if sizes[0, 0] == 0 or sizes[0, 1] == 0:
            seed = np.uint64(language + 1) << np.uint64(32)
            for side in range(2):
                for place in range(sizes[0, side]):
                    if _value(keys, values, _longer(seed, out[0, side, place])) & CONTRAST:
                        return UNDECIDED
    if verdict == UNDECIDED or _may_be_repeated(codes, row):
        return UNDECIDED
    for side in range(2):
        start = max(row[LEFT_START + 2 * side] - NEAR, row[LEFT_FIRST + 2 * side])
        end = min(row[LEFT_END + 2 * side] + NEAR, row[LEFT_FIRST + 2 * side + 1])
        sizes[0, side] = _content(
            codes, start, end, language, keys, values, replacements, texts, out[0, side], out[3, 0]
        )
    says_the_same = _is_same(out[0].ravel(), 0, sizes[0, 0], ROOM, ROOM + sizes[0, 1])
    return UNDECIDED if says_the_same else verdict


@njit(cache=True, nogil=True)
def _judge_strings(codes: Codes, row: Places, either: int) -> int:
    """Judge two strings of characters without numbers and negations that are not the same."""
    left, left_end, right, right_end = (
        row[LEFT_START], row[LEFT_END], row[RIGHT_START], row[RIGHT_END],
    )  # fmt: skip
    shorter = min(left_end - left, right_end - right)
    longer = max(left_end - left, right_end - right)
    if shorter > 0:
        if shorter >= MIN_STEM and codes[left_end - 1] == codes[right_end - 1]:
            return UNDECIDED  # as where one stem has two prefixes
        # As a misprint of a longer word, which begins alike; a Han character has no accent.
        is_begun_alike = codes[left] == codes[right] or max(codes[left], codes[right]) < FIRST_HAN
        if shorter >= MIN_KANA and longer - shorter <= 1 and is_begun_alike:
            return UNDECIDED
    if either & (UNIT | WHOLE_AFFIX):
        return UNDECIDED
    return LETTER_NAME if either & HAS_NAME else WORDING


@njit(cache=True, nogil=True)
def judge_characters(
    codes: Codes, spans: Places, languages: Bytes, with_characters: Bytes, kinds: Bytes,
    keys: Hashes, values: Counts, groups: Hashes, replacements: Places, texts: Codes, found: Bytes,
) -> None:  # fmt: skip
    """Write the verdicts on differences of zh and ja to `found`, as `judge_words` does."""
    out = np.empty((4, 2, ROOM), np.uint32)
    pair, is_over = np.int64(-1), False
    for span in range(len(spans)):
        row = spans[span]
        is_over = is_over and row[PAIR] == pair
        pair = row[PAIR]
        language = languages[pair]
        if is_over or row[LEFT_START] < 0 or not with_characters[language]:
            continue
        found[span] = _judge_characters(
            codes, row, language, kinds, keys, values, groups, replacements, texts, out
        )
        is_over = WORDING <= found[span] <= NEGATION
