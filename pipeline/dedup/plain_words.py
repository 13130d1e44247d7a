"""Verdicts on differences of words; compiled.

Most differences of similar texts are two ordinary words, two numbers, a "not" or a misprint. They
are judged here exactly as `guard.judged` would, at a hundredth of its time. A difference with words
of `special.py` that could matter, or in any doubt, stays UNDECIDED and is left to the guard.
Every compiled function of this module is called by this module and by Python alone: numba's cache
would not see that a callee elsewhere has changed.
"""
# ruff: noqa: SIM102, SIM110 - compiled by numba, where a plain loop over numbers is what is meant
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

# MISPRINT: proven, without a single letter; SAME_LETTER: the same, with a single letter.
UNDECIDED, WORDING, LETTER_NAME, NUMBERS, NEGATION, SAME, SAME_LETTER, MISPRINT = range(8)
# What the table says of a word. CUE: of negation, or a word of one; SURE_CUE: by itself; _STEM:
# words that begin so are such; AFFIX: a prefix; WHOLE_AFFIX: a prefix or a suffix.
FUNCTION, CONTRAST, EQUIVALENT, UNIT, CUE, SURE_CUE = 1, 2, 4, 8, 16, 32
UNIT_STEM, CUE_STEM, AFFIX, WHOLE_AFFIX, LOOKALIKE = 64, 128, 256, 512, 1024
# Further, of one side of a difference; UNCLEAR is not to be judged here.
UNCLEAR, HAS_DIGIT, HAS_LONE_LETTER, HAS_NAME = 1 << 16, 1 << 17, 1 << 18, 1 << 19

UNACCENTED = 0x3100  # letters below are looked up without their accents
MAX_TOKENS = 32  # of one side; more are left undecided
MAX_PREFIX = 31  # letters; one bit each
# As in guard.py and misprints.py, against which tests hold each verdict.
MAX_NAME, MIN_STEM, MIN_WORD, MIN_SLIP = 3, 4, 4, 5
NO_NEIGHBOUR = -1
MOST_MISPRINTED, TIMES_MORE, TIMES_MORE_IF_OFTEN = 20, 12, 60
# Columns of a difference, as in align.py.
PAIR, PLACE, LEFT_START, LEFT_END, RIGHT_START, RIGHT_END, LEFT_BEFORE = range(7)
LEFT_FIRST = LEFT_BEFORE + 4
LETTER, DIGIT = 1, 2  # as in pipeline/text/fold.py
START, END, VALUE, PREFIXES = range(4)  # columns of the tokens of a side

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SPACE, _COMMA, _POINT, _ZERO = 32, 44, 46, 48


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
def put(keys: Hashes, values: Counts, language: int, codes: Codes, value: int) -> int:
    """Put a word of a language into the table; return its place."""
    key = np.uint64(language + 1) << np.uint64(32)
    for code in codes:
        key = _longer(key, code)
    place = _place(keys, key)
    keys[place] = key
    values[place] |= value
    return np.int64(place)


@njit(cache=True, nogil=True)
def _is_same(codes: Codes, one: int, one_end: int, other: int, other_end: int) -> bool:
    if one_end - one != other_end - other:
        return False
    for step in range(one_end - one):
        if codes[one + step] != codes[other + step]:
            return False
    return True


@njit(cache=True, nogil=True)
def _is_one_edit(
    codes: Codes, one: int, one_end: int, other: int, other_end: int, plain: Codes, is_plain: bool
) -> bool:
    """Tell whether at most one letter differs, or two are swapped; without accents if asked."""
    if one_end - one > other_end - other:
        one, one_end, other, other_end = other, other_end, one, one_end
    if other_end - other > one_end - one + 1:
        return False
    while one < one_end:
        first, second = np.int64(codes[one]), np.int64(codes[other])
        if first != second and not (
            is_plain and _unaccented(first, plain) == _unaccented(second, plain)
        ):
            break
        one, other = one + 1, other + 1
    if one_end - one < other_end - other:
        return _is_tail(codes, one, one_end, other + 1, plain, is_plain)
    if one_end - one <= 1 or _is_tail(codes, one + 1, one_end, other + 1, plain, is_plain):
        return True
    is_swapped = _is_tail(codes, one, one + 1, other + 1, plain, is_plain) and _is_tail(
        codes, one + 1, one + 2, other, plain, is_plain
    )
    return is_swapped and _is_tail(codes, one + 2, one_end, other + 2, plain, is_plain)


@njit(cache=True, nogil=True)
def _is_tail(
    codes: Codes, one: int, one_end: int, other: int, plain: Codes, is_plain: bool
) -> bool:
    for step in range(one_end - one):
        first, second = np.int64(codes[one + step]), np.int64(codes[other + step])
        if first != second and not (
            is_plain and _unaccented(first, plain) == _unaccented(second, plain)
        ):
            return False
    return True


@njit(cache=True, nogil=True)
def _unaccented(code: int, plain: Codes) -> int:
    return np.int64(plain[code]) if code < UNACCENTED else np.int64(code)


@njit(cache=True, nogil=True)
def _slip(
    codes: Codes, one: int, one_end: int, other: int, other_end: int, plain: Codes
) -> tuple[bool, bool]:
    """Tell whether two words are one letter apart, and whether by accents that were left out."""
    length, other_length = one_end - one, other_end - other
    if length == other_length and length >= MIN_WORD:
        if _is_tail(codes, one, one_end, other, plain, True):
            is_left_plain = is_right_plain = True
            for step in range(length):
                first, second = np.int64(codes[one + step]), np.int64(codes[other + step])
                is_left_plain &= _unaccented(first, plain) == first
                is_right_plain &= _unaccented(second, plain) == second
            if is_left_plain or is_right_plain:
                return True, True
    if min(length, other_length) < MIN_WORD or max(length, other_length) < MIN_SLIP:
        return False, False
    if codes[one] != codes[other]:
        return False, False
    is_slip = _is_one_edit(codes, one, one_end, other, other_end, plain, False)
    return is_slip or _is_one_edit(codes, one, one_end, other, other_end, plain, True), False


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
def _read_words(
    codes: Codes, start: int, end: int, language: int, kinds: Bytes, plain: Codes,
    keys: Hashes, values: Counts, groups: Hashes, tokens: Places,
) -> tuple[int, int, np.uint64]:  # fmt: skip
    """Write the words and numbers of a side to `tokens`; return how many, and what it has.

    The third value has a bit for each group of contrasts that one of the words is in.
    """
    count = flags = np.int64(0)
    contrasts = np.uint64(0)
    whole = np.uint64(language + 1) << np.uint64(32)  # of the side without its spaces
    place = start
    while place < end:
        if codes[place] == _SPACE:
            place += 1
            continue
        if count == MAX_TOKENS:
            return count, flags | UNCLEAR, contrasts
        key, value, prefixes = np.uint64(language + 1) << np.uint64(32), np.int64(0), np.int64(1)
        first, is_ascii = place, True
        if kinds[codes[place]] == DIGIT:
            flags |= HAS_DIGIT
            while place < end and (
                kinds[codes[place]] == DIGIT or codes[place] == _POINT or codes[place] == _COMMA
            ):
                key, whole = _longer(key, codes[place]), _longer(whole, codes[place])
                place += 1
            value = _value(keys, values, key)
        else:
            while place < end and codes[place] < UNACCENTED and plain[codes[place]] != 0:
                if kinds[codes[place]] != LETTER:
                    return count, flags | UNCLEAR, contrasts
                is_ascii &= codes[place] < 128
                key, whole = _longer(key, codes[place]), _longer(whole, codes[place])
                place += 1
                value = _value(keys, values, key)
                if value & CUE_STEM or (value & UNIT_STEM and count == 0):
                    return count, flags | UNCLEAR, contrasts
                if value & AFFIX and place - first <= MAX_PREFIX:
                    prefixes |= np.int64(1) << (place - first)
            if place == first:
                return count, flags | UNCLEAR, contrasts
            if place - first == 1:
                flags |= HAS_LONE_LETTER
            if place - first <= MAX_NAME and not value & FUNCTION:
                if not is_ascii:  # of Roman numerals there are Cyrillic ones
                    return count, flags | UNCLEAR, contrasts
                flags |= HAS_NAME
        tokens[count, START], tokens[count, END] = first, place
        tokens[count, VALUE], tokens[count, PREFIXES] = value, prefixes
        flags |= value & (CONTRAST | EQUIVALENT)
        if value & CONTRAST:
            contrasts |= groups[_place(keys, key)]
        # A word of a cue of several is none where the next one is missing.
        if value & CUE and count > 0 and tokens[count - 1, VALUE] & CUE:
            return count, flags | UNCLEAR, contrasts
        if value & SURE_CUE:
            if flags & CUE:
                return count, flags | UNCLEAR, contrasts
            flags |= CUE
        count += 1
    flags |= _value(keys, values, whole) & UNIT
    if count == 1:
        flags |= tokens[0, VALUE] & WHOLE_AFFIX
    return count, flags, contrasts


@njit(cache=True, nogil=True)
def _same_content(codes: Codes, left: Places, num_left: int, right: Places, num_right: int) -> bool:
    """Tell whether two sides are the same words, apart from function words and spaces."""
    one = other = 0
    place, other_place = np.int64(-1), np.int64(-1)
    while True:  # letter by letter: "anti inflammatory" is one word or two
        while one < num_left and (left[one, VALUE] & FUNCTION or place == left[one, END]):
            one, place = one + 1, -1
        while other < num_right and (
            right[other, VALUE] & FUNCTION or other_place == right[other, END]
        ):
            other, other_place = other + 1, -1
        if one == num_left or other == num_right:
            return one == num_left and other == num_right
        place = left[one, START] if place < 0 else place
        other_place = right[other, START] if other_place < 0 else other_place
        if codes[place] != codes[other_place]:
            return False
        place, other_place = place + 1, other_place + 1


@njit(cache=True, nogil=True)
def _may_be_affixed(codes: Codes, left: Places, right: Places) -> bool:
    """Tell whether two words are one stem with two prefixes, or with one and none."""
    one, other = left[END] - 1, right[END] - 1
    while one >= left[START] and other >= right[START] and codes[one] == codes[other]:
        shared = left[END] - one
        rest, other_rest = one - left[START], other - right[START]
        if shared >= MIN_STEM and rest <= MAX_PREFIX and other_rest <= MAX_PREFIX:
            if left[PREFIXES] >> rest & right[PREFIXES] >> other_rest & 1:
                return True
        one, other = one - 1, other - 1
    return False


@njit(cache=True, nogil=True)
def _verdict_on_numbers(
    codes: Codes, left: Places, num_left: int, right: Places, num_right: int, kinds: Bytes
) -> int:
    if num_left == 1 and num_right == 1:
        for tokens in (left, right):
            first = codes[tokens[0, START]]
            if kinds[first] == DIGIT and first != _ZERO:
                for place in range(tokens[0, START], tokens[0, END]):
                    if kinds[codes[place]] != DIGIT:
                        return UNDECIDED  # 5 and 5.0 are one
            else:
                return UNDECIDED
    return NUMBERS


@njit(cache=True, nogil=True)
def _judge_words(
    codes: Codes, row: Places, language: int, kinds: Bytes, plain: Codes,
    keys: Hashes, values: Counts, groups: Hashes, tokens: Places,
) -> int:  # fmt: skip
    counts, found = np.zeros(2, np.int64), np.zeros(2, np.int64)
    shared = ~np.uint64(0)
    for side in range(2):
        start, end = row[LEFT_START + 2 * side], row[LEFT_END + 2 * side]
        counts[side], found[side], contrasts = _read_words(
            codes, start, end, language, kinds, plain, keys, values, groups, tokens[side]
        )
        shared &= contrasts
        if found[side] & UNCLEAR:
            return UNDECIDED
    left, right, num_left, num_right = tokens[0], tokens[1], counts[0], counts[1]
    both, either = found[0] & found[1], found[0] | found[1]
    if shared or both & (EQUIVALENT | UNIT | CUE):
        return UNDECIDED
    if _same_content(codes, left, num_left, right, num_right):
        if either & HAS_DIGIT:
            return UNDECIDED
        return SAME_LETTER if either & HAS_LONE_LETTER else SAME
    if either & HAS_DIGIT:
        return _verdict_on_numbers(codes, left, num_left, right, num_right, kinds)
    if either & CUE:
        return UNDECIDED if _may_be_repeated(codes, row) else NEGATION
    is_slip, is_accent = num_left == num_right, True
    for token in range(min(num_left, num_right)):
        one, other = left[token], right[token]
        if _is_same(codes, one[START], one[END], other[START], other[END]):
            continue
        if _may_be_affixed(codes, one, other):
            return UNDECIDED
        if is_slip:
            is_slip, by_accent = _slip(codes, one[START], one[END], other[START], other[END], plain)
            is_accent &= by_accent
            if is_slip and one[VALUE] & other[VALUE] & LOOKALIKE:
                return UNDECIDED
    if is_slip:
        is_proven = (is_accent or _is_rare(row)) and not either & HAS_LONE_LETTER
        return MISPRINT if is_proven else UNDECIDED
    if either & (UNIT | WHOLE_AFFIX) or _may_be_repeated(codes, row):
        return UNDECIDED
    if either & CONTRAST and (
        not _has_content(left[:num_left]) or not _has_content(right[:num_right])
    ):
        return UNDECIDED
    return LETTER_NAME if either & HAS_NAME else WORDING


@njit(cache=True, nogil=True)
def _has_content(tokens: Places) -> bool:
    for token in range(len(tokens)):
        if not tokens[token, VALUE] & FUNCTION:
            return True
    return False


@njit(cache=True, nogil=True)
def judge_words(
    codes: Codes, spans: Places, languages: Bytes, with_characters: Bytes, kinds: Bytes,
    plain: Codes, keys: Hashes, values: Counts, groups: Hashes, found: Bytes,
) -> None:  # fmt: skip
    """Write the verdicts on differences of languages that part words by spaces to `found`.

    `spans` are rows as `align.differences` returns them, `languages` the numbers of the pairs'
    languages. What comes after the first difference that tells a pair apart is left UNDECIDED.
    """
    tokens = np.empty((2, MAX_TOKENS, 4), np.int64)
    pair, is_over = np.int64(-1), False
    for span in range(len(spans)):
        row = spans[span]
        is_over = is_over and row[PAIR] == pair
        pair = row[PAIR]
        language = languages[pair]
        if is_over or row[LEFT_START] < 0 or with_characters[language]:
            continue
        found[span] = _judge_words(codes, row, language, kinds, plain, keys, values, groups, tokens)
        is_over = WORDING <= found[span] <= NEGATION
