"""The compiled fold: UTF-8 texts to comparison keys as code points, one pass, no Python objects.

`normalize.comparison_key` says what the key means. Every compiled function of this module is
called by this module alone: numba's cache would not see that a callee elsewhere has changed.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# What a code point of folded text is, and marks of the tables that `letters.py` makes. They are
# declared here because numba's cache would not see that a constant elsewhere has changed either.
OTHER, LETTER, DIGIT, SIGN, IDEOGRAPH = 0, 1, 2, 3, 4
EXPONENT, INDEX = 0xE000, 0xE010  # private: + digit; 10 is plus and 11 minus
EXPANDED = 1 << 31  # the table's value is a place in `expansions`, not a code point

Bytes = NDArray[np.uint8]
Codes = NDArray[np.uint32]
Places = NDArray[np.int64]

_SPACE, _ZERO, _PLUS, _HYPHEN, _POINT, _COMMA = 32, 48, 43, 45, 46, 44
_SLASH, _COLON, _CARET, _LOW_LINE, _OPEN, _CLOSE, _TILDE = 47, 58, 94, 95, 40, 41, 126
_PUNCTUATION = 59  # what `letters` makes of all that has no meaning here
_LESS, _EQUAL, _GREATER, _STAR, _DOT, _CJK_COMMA = 60, 61, 62, 42, 0xB7, 0x3001
_MINUS, _TIMES, _PLUS_MINUS = 0x2212, 0xD7, 0xB1
_AT_LEAST, _AT_MOST, _ARROW = 0x2265, 0x2264, 0x2192
_LATIN_N, _LATIN_O = 0x6E, 0x6F
_DEGREE, _PERCENT, _LATIN_X, _CYRILLIC_X = 0xB0, 0x25, 0x78, 0x445
# Spaces around a sign are layout: "p < 0.05", "10 %", "37 °C".
_NO_SPACE_BEFORE = "<>=≥≤≠±×÷√%‰°^/"
_NO_SPACE_AFTER = "<>=≥≤≠±×÷√°^/"
_JOINS_LEFT = np.zeros(0x2300, np.uint8)
_JOINS_LEFT[[ord(one) for one in _NO_SPACE_BEFORE]] = 1
_JOINS_RIGHT = np.zeros(0x2300, np.uint8)
_JOINS_RIGHT[[ord(one) for one in _NO_SPACE_AFTER]] = 1

MAX_GROUPS = 16  # of digits in one number; more are a list
_MIN_ITEM_LETTERS = 6
_ORDINAL = 0x7B2C  # 第
_TITLES = (0x9898, 0x984C, 0x554F, 0x95EE)  # 题 題 問 问
_NAMES = (
    *("question", "pregunta", "вопрос", "задача", "задание"),
    *("问题", "問題", "設問", "qcm", "q"),
)
_NAME_LENGTHS = np.array([len(name) for name in _NAMES], np.int64)
_NAME_LETTERS = np.array([[*map(ord, name.ljust(8))] for name in _NAMES], np.uint32)

# How a language writes: bits of the `style` that `fold_texts` takes for each text.
WITHOUT_SPACES, DECIMAL_COMMA, POINT_THOUSANDS = 1, 2, 4


@njit(cache=True, nogil=True, inline="always")
def _is_digit(code: int) -> bool:
    return 48 <= code <= 57


@njit(cache=True, nogil=True)
def _is_word(kinds: Bytes, code: int) -> bool:
    kind = kinds[code]
    return kind == LETTER or kind == DIGIT or kind == IDEOGRAPH


@njit(cache=True, nogil=True)
def _decode(
    data: Bytes, start: int, end: int, table: Codes, expansions: Codes, scratch: Codes
) -> int:
    """Write the folded characters of a UTF-8 text to `scratch`; return how many there are."""
    size = np.int64(0)
    in_exponent = np.bool_(False)
    place = start
    while place < end:
        byte = data[place]
        if byte < 0x80:  # always one plain character, as `letters.py` makes sure
            scratch[size] = table[byte]
            size += 1
            place += 1
            in_exponent = np.bool_(False)
            continue
        if byte < 0xE0:
            point = np.uint32((byte & 0x1F) << 6 | data[place + 1] & 0x3F)
            place += 2
        elif byte < 0xF0:
            point = np.uint32(
                (byte & 0x0F) << 12 | (data[place + 1] & 0x3F) << 6 | data[place + 2] & 0x3F
            )
            place += 3
        else:
            point = np.uint32(
                (byte & 0x07) << 18
                | (data[place + 1] & 0x3F) << 12
                | (data[place + 2] & 0x3F) << 6
                | data[place + 3] & 0x3F
            )
            place += 4
        value = table[point]
        if value - np.uint32(1) < np.uint32(EXPONENT - 1):
            scratch[size] = value
            size += 1
            in_exponent = np.bool_(False)
            continue
        if value == 0:
            continue
        if value & np.uint32(EXPANDED):
            entry = value & np.uint32(EXPANDED - 1)
            for step in range(1, expansions[entry] + 1):
                scratch[size] = expansions[entry + step]
                size += 1
            in_exponent = False
        elif EXPONENT <= value <= INDEX + 11:
            size, in_exponent = _raised(value, scratch, size, in_exponent)
        else:
            scratch[size] = value
            size += 1
            in_exponent = False
    return size


@njit(cache=True, nogil=True)
def _raised(value: int, scratch: Codes, size: int, in_exponent: bool) -> tuple[int, bool]:
    """Write an exponent as ^6 and an index as _2 after a number, and flat after a letter: m2."""
    is_index = value >= INDEX
    digit = value - INDEX if is_index else value - EXPONENT
    after_digit = size > 0 and _is_digit(scratch[size - 1])
    if after_digit and not in_exponent and digit != 10:  # 34⁺⁶ weeks is 34+6
        scratch[size] = _LOW_LINE if is_index else _CARET
        size += 1
        in_exponent = True
    if digit < 10:
        scratch[size] = _ZERO + digit
    else:
        scratch[size] = _PLUS if digit == 10 else _HYPHEN
    return size + 1, in_exponent


@njit(cache=True, nogil=True)
def _skip(scratch: Codes, place: int, size: int, with_marks: bool) -> int:
    """Return the place after spaces, and after the marks that close an item number."""
    while place < size:
        code = scratch[place]
        is_mark = code == _POINT or code == _COLON or code == _CLOSE or code == _CJK_COMMA
        if code != _SPACE and not (with_marks and is_mark):
            break
        place += 1
    return place


@njit(cache=True, nogil=True)
def _digits_end(scratch: Codes, place: int, size: int, most: int) -> int:
    """Return the place after one to `most` digits, or -1."""
    start = place
    while place < size and _is_digit(scratch[place]):
        place += 1
    return place if 0 < place - start <= most else -1


@njit(cache=True, nogil=True)
def _name_end(scratch: Codes, place: int, size: int) -> int:
    """Return the place after the word for "question" in any language, or -1."""
    for name in range(len(_NAME_LENGTHS)):
        length = _NAME_LENGTHS[name]
        if place + length > size:
            continue
        same = True
        for step in range(length):
            if scratch[place + step] != _NAME_LETTERS[name, step]:
                same = False
                break
        if same:
            return place + length
    return place + 1 if _is_title(scratch[place]) else -1


@njit(cache=True, nogil=True)
def _is_title(code: int) -> bool:
    return code == _TITLES[0] or code == _TITLES[1] or code == _TITLES[2] or code == _TITLES[3]


@njit(cache=True, nogil=True)
def _numero_end(scratch: Codes, place: int, size: int) -> int:
    """Return the place after n°, n.º or No. (№ is folded to it), or -1."""
    if place + 2 >= size or scratch[place] != _LATIN_N:
        return -1
    place += 1 + (scratch[place + 1] == _POINT)
    return place + 1 if scratch[place] == _LATIN_O or scratch[place] == _DEGREE else -1


@njit(cache=True, nogil=True)
def _named_end(scratch: Codes, start: int, size: int) -> int:
    """Return the place after Question 12:, Q12., Вопрос № 12, 问12 or No. 12., or -1."""
    place = _name_end(scratch, start, size)
    is_named = place > 0
    if is_named:
        place = _skip(scratch, place, size, True)
        start = place
    numero = _numero_end(scratch, start, size)
    if numero > 0:
        place = _skip(scratch, numero, size, True)
    end = _digits_end(scratch, place, size, 4) if place > 0 else -1
    if end < 0:
        return -1
    closed = _skip(scratch, end, size, True)
    # 问12 次の文: a space is enough where the word says what the number is.
    is_closed = _skip(scratch, end, size, False) < closed or (is_named and end < closed)
    return closed if is_closed else -1


@njit(cache=True, nogil=True)
def _bracketed_end(scratch: Codes, start: int, size: int) -> int:
    """Return the place after (4) or [4], or -1."""
    end = _digits_end(scratch, _skip(scratch, start + 1, size, False), size, 3)
    end = _skip(scratch, end, size, False) if end > 0 else -1
    closing = _CLOSE if scratch[start] == _OPEN else _PUNCTUATION
    if not (0 < end < size and scratch[end] == closing):
        return -1
    return _skip(scratch, end + 1, size, True)


@njit(cache=True, nogil=True)
def _ordinal_end(scratch: Codes, start: int, size: int) -> int:
    """Return the place after 第3题, or -1."""
    end = _digits_end(scratch, _skip(scratch, start + 1, size, False), size, 4)
    end = _skip(scratch, end, size, False) if end > 0 else -1
    if not (0 < end < size and _is_title(scratch[end])):
        return -1
    return _skip(scratch, end + 1, size, True)


@njit(cache=True, nogil=True)
def _bare_end(scratch: Codes, start: int, size: int) -> int:
    """Return the place after 23. or 23) or 23 -, or -1 where it may be a value: 2.5 mg, 3、5岁."""
    number_end = _digits_end(scratch, start, size, 4)
    place = _skip(scratch, number_end, size, False) if number_end > 0 else size
    if place >= size:
        return -1
    mark = scratch[place]
    if mark == _HYPHEN:
        is_apart = number_end < place and place + 1 < size and scratch[place + 1] == _SPACE
        end = _skip(scratch, place + 1, size, False)
        return end if is_apart and end < size and not _is_digit(scratch[end]) else -1
    end = _skip(scratch, place, size, True)
    if end == place or mark == _COLON:
        return -1
    if mark == _CLOSE or end >= size or not _is_digit(scratch[end]):
        return end
    is_long = end + 1 < size and _is_digit(scratch[end + 1])
    return end if is_long and (mark == _CJK_COMMA or scratch[end - 1] == _SPACE) else -1


@njit(cache=True, nogil=True)
def _item_number_end(scratch: Codes, size: int, kinds: Bytes) -> int:
    """Return where the text begins after the number of an exam's item: 第3题, Q12., (4), 23."""
    start = _skip(scratch, 0, size, False)
    if start >= size:
        return 0
    first = scratch[start]
    if first == _ORDINAL:
        end = _ordinal_end(scratch, start, size)
    elif first == _OPEN or first == _PUNCTUATION:
        end = _bracketed_end(scratch, start, size)
    elif _is_digit(first):
        end = _bare_end(scratch, start, size)
    else:
        end = _named_end(scratch, start, size)
    if end <= 0 or end >= size or scratch[end] == _DEGREE:
        return 0
    num_letters = 0
    for place in range(end, size):
        kind = kinds[scratch[place]]
        num_letters += kind == LETTER or kind == IDEOGRAPH
        if num_letters == _MIN_ITEM_LETTERS:
            return end
    return 0


@njit(cache=True, nogil=True)
def _is_grouped(
    scratch: Codes, starts: Places, lengths: Places, separators: Places, count: int, separator: int
) -> bool:
    """Tell whether the first `count` groups of digits read as 1|234|567."""
    if count < 2 or lengths[0] > 3 or scratch[starts[0]] == _ZERO:
        return False
    for group in range(1, count):
        if separators[group] != separator or lengths[group] != 3:
            return False
    return True


@njit(cache=True, nogil=True)
def _number(
    scratch: Codes, place: int, size: int, style: int, groups: Places, out: Codes, length: int
) -> tuple[int, int]:
    """Write one number with a decimal point and no thousands separators; return both new places.

    What is not certain stays as it is: "1,2,3" is a list. `groups` [3, MAX_GROUPS] is scratch.
    """
    starts, lengths, separators = groups[0], groups[1], groups[2]
    separators[:2] = 0
    has_comma = (style & DECIMAL_COMMA) != 0
    count = 0
    while True:
        end = place
        while end < size and _is_digit(scratch[end]):
            end += 1
        starts[count], lengths[count] = place, end - place
        count += 1
        place = end
        if count == MAX_GROUPS or end + 1 >= size or not _is_digit(scratch[end + 1]):
            break
        mark = scratch[end]
        if mark == _SPACE:
            # 1 500 in the languages that part thousands so, as long as nothing else parted before.
            is_third = (
                end + 3 < size and _is_digit(scratch[end + 2]) and _is_digit(scratch[end + 3])
            )
            is_longer = end + 4 < size and _is_digit(scratch[end + 4])
            is_first = lengths[0] <= 3 and scratch[starts[0]] != _ZERO
            is_spaced = count == 1 or separators[count - 1] == _SPACE
            if not (has_comma and is_third and not is_longer and is_first and is_spaced):
                break
        elif mark != _POINT and mark != _COMMA:
            break
        separators[count] = mark
        place = end + 1
    first, last = separators[1], separators[count - 1]
    joined = 0  # groups from the beginning that are one whole number
    if count > 1 and _is_grouped(scratch, starts, lengths, separators, count, first):
        is_plain = first == _SPACE or (count > 2 and first == _POINT and has_comma)
        is_plain |= first == _COMMA and (count > 2 or not has_comma)
        if count == 2 and first == _POINT and (style & POINT_THOUSANDS) != 0:
            # Spanish 5.000 is five thousand, but a urine density of 1.020 has a point too.
            is_density = lengths[0] == 1 and scratch[starts[0]] == _ZERO + 1
            is_density &= scratch[starts[1]] == _ZERO and scratch[starts[1] + 1] < _ZERO + 5
            is_plain |= not is_density
        joined = count if is_plain else 0
    elif count > 2 and _is_grouped(scratch, starts, lengths, separators, count - 1, first):
        is_decimal = last == _POINT or (last == _COMMA and has_comma)
        joined = count - 1 if last != first and is_decimal else 0
    is_decimal_comma = count == 2 and first == _COMMA
    is_decimal_comma &= has_comma or (lengths[0] == 1 and scratch[starts[0]] == _ZERO)
    for group in range(count):
        if group > 0 and group >= joined:
            is_point = is_decimal_comma or (joined > 0 and group == joined)
            out[length] = _POINT if is_point else separators[group]
            length += 1
        for step in range(lengths[group]):
            out[length] = scratch[starts[group] + step]
            length += 1
    return place, length


@njit(cache=True, nogil=True, inline="always")
def _is_parted(before: int, code: int, kinds: Bytes, style: int) -> bool:
    """Tell whether the space between two characters says something."""
    if (before < 0x2300 and _JOINS_RIGHT[before]) or (code < 0x2300 and _JOINS_LEFT[code]):
        return False
    both_digits = _is_digit(before) and _is_digit(code)
    if style & WITHOUT_SPACES:
        both_latin = 97 <= before <= 122 and 97 <= code <= 122
        return both_digits or both_latin
    return not (_is_digit(before) and kinds[code] == LETTER)  # "5 mg" is "5mg"


@njit(cache=True, nogil=True)
def _sign(
    scratch: Codes, place: int, size: int, kinds: Bytes, before: int, is_apart: bool
) -> tuple[int, int]:
    """Return the sign that stands at a place and how many characters it takes; 0 for punctuation.

    `before` is the last character written, 0 at the start; `is_apart`: a space was between.
    """
    code = np.int64(scratch[place])
    following = np.int64(scratch[place + 1]) if place + 1 < size else 0
    after_space = following
    if following == _SPACE and place + 2 < size:
        after_space = np.int64(scratch[place + 2])
    if code == _HYPHEN or code == _TILDE:
        if code == _HYPHEN and following == _GREATER:
            return _ARROW, 2
        is_measure = _is_digit(before) or before == _PERCENT or before == _DEGREE
        if is_measure and _is_digit(after_space):  # a range: 5 - 10, 5~10
            return _MINUS, 1 if _is_digit(following) else 2
        if code == _TILDE:
            return 0, 1
        is_attached = before != 0 and not is_apart
        if _is_digit(following):
            return (_MINUS if not is_attached or not _is_word(kinds, before) else 0), 1
        ends = following == 0 or not (_is_word(kinds, following) or following == _HYPHEN)
        ends &= kinds[following] != SIGN
        return (_MINUS if is_attached and ends and _is_word(kinds, before) else 0), 1
    if code == _PLUS:
        if following == _HYPHEN:
            return _PLUS_MINUS, 2
        if after_space == _SLASH:
            end = place + (3 if following == _SPACE else 2)
            end += end < size and scratch[end] == _SPACE
            if end < size and scratch[end] == _HYPHEN:
                return _PLUS_MINUS, end + 1 - place
        return _PLUS, 1
    if code == _GREATER and following == _EQUAL:
        return _AT_LEAST, 2
    if code == _LESS and following == _EQUAL:
        return _AT_MOST, 2
    if code == _STAR or code == _DOT:
        if _is_digit(before) and _is_digit(after_space):
            if code == _STAR:
                return _TIMES, 1
            is_power = following == _SPACE or (place + 3 < size and scratch[place + 3] == _CARET)
            return (_TIMES if is_power else _POINT), 1  # a British decimal point
        return 0, 1
    if code == _CARET:  # m^2 is m2, as m² is
        is_power = _is_digit(before) and (_is_digit(after_space) or after_space == _HYPHEN)
        return (_CARET if is_power else 0), 1
    if code == _COLON or code == _LOW_LINE:
        is_kept = _is_digit(before) and not is_apart and _is_digit(following)
        return (code if is_kept else 0), 1
    if code == _SLASH:
        is_after = before != 0 and (_is_word(kinds, before) or kinds[before] == SIGN)
        is_kept = is_after and (_is_word(kinds, after_space) or after_space == _PLUS)
        is_spaced = (is_apart and following == _SPACE) or (not is_apart and following != _SPACE)
        return (_SLASH if is_kept and is_spaced else 0), 1
    return (code if kinds[code] == SIGN else 0), 1


@njit(cache=True, nogil=True)
def _test_result_end(scratch: Codes, place: int, size: int) -> int:
    """Return the place of the bracket that closes "(+)" or "(--)", or -1."""
    end = place + 1
    while end < size and (scratch[end] == _PLUS or scratch[end] == _HYPHEN):
        if scratch[end] != scratch[place + 1]:
            return -1
        end += 1
    return end if end > place + 1 and end < size and scratch[end] == _CLOSE else -1


@njit(cache=True, nogil=True)
def _compose(
    scratch: Codes, place: int, size: int, kinds: Bytes, style: int, groups: Places, out: Codes,
    first: int,
) -> int:  # fmt: skip
    """Write the comparison key of folded characters to `out` from `first` on; return its end."""
    length = first
    before = np.int64(0)  # the last character written
    is_apart, joins_next = False, False
    is_spaced = np.int64((style & WITHOUT_SPACES) == 0)
    letter_kinds = np.int64(1 << LETTER | 1 << IDEOGRAPH)
    scratch[size] = scratch[size + 1] = 0  # nothing after the end
    while place < size:
        code = np.int64(scratch[place])
        if code == _SPACE or code == _PUNCTUATION:
            is_apart = True
            place += 1
            continue
        kind = kinds[code]
        if kind == LETTER or kind == IDEOGRAPH:
            is_x = code == _LATIN_X or code == _CYRILLIC_X
            number = _factor_place(scratch, place, size) if is_x and _is_digit(before) else -1
            if number > 0:
                code, place = _TIMES, number - 1
            elif is_apart and not joins_next and before and _is_parted(before, code, kinds, style):
                out[length] = _SPACE
                length += 1
            out[length] = code
            length, place, before = length + 1, place + 1, code
            is_apart, joins_next = False, False
            # The rest of the words, parted by single spaces, in which nothing is looked at twice.
            code = np.int64(scratch[place])
            is_letter = (letter_kinds >> kinds[code]) & 1
            while True:
                after = np.int64(scratch[place + 1])
                is_next = (letter_kinds >> kinds[after]) & 1
                if not is_letter | (is_spaced & (code == _SPACE) & is_next):
                    break
                out[length] = code
                length, place = length + 1, place + 1
                code, is_letter = after, is_next
            before = np.int64(out[length - 1])
            continue
        if kind == DIGIT:
            if is_apart and not joins_next and before and _is_parted(before, code, kinds, style):
                out[length] = _SPACE
                length += 1
            place, length = _number(scratch, place, size, style, groups, out, length)
            before = np.int64(out[length - 1])
            is_apart, joins_next = False, False
            continue
        if kind == OTHER and code != _HYPHEN:  # the frequent ones that never are a sign
            following = scratch[place + 1] if place + 1 < size else np.uint32(_SPACE)
            is_plain = code == _COMMA or code == _CLOSE or code == _CJK_COMMA
            is_plain |= code == _POINT and not _is_digit(following)
            is_plain |= code == _OPEN and following != _PLUS and following != _HYPHEN
            if is_plain:
                is_apart, place = True, place + 1
                continue
        result_end = _test_result_end(scratch, place, size) if code == _OPEN else -1
        if result_end > 0:
            for step in range(place + 1, result_end):  # "HBsAg (+)" is "HBsAg+"
                before = np.int64(_PLUS if scratch[step] == _PLUS else _MINUS)
                out[length] = before
                length += 1
            place, is_apart = result_end + 1, True
            continue
        written, taken = _sign(scratch, place, size, kinds, before, is_apart)
        is_bare = code == _POINT and place + 1 < size and _is_digit(scratch[place + 1])
        if is_bare and (is_apart or before == 0 or kinds[before] == SIGN or before == _SLASH):
            written = _ZERO  # ".5" is "0.5"
        if written == 0:
            is_apart = is_apart or code != _CARET or before == 0  # m^2 is m2, as m² is
            place += 1
            continue
        is_alone = place + 1 < size and scratch[place + 1] == _SPACE
        is_lone_plus = written == _PLUS and is_apart and is_alone
        is_range = written == _MINUS and (_is_digit(before) or before == _PERCENT)
        is_joined = joins_next or is_lone_plus or is_range
        if is_apart and not is_joined and before and _is_parted(before, written, kinds, style):
            out[length] = _SPACE
            length += 1
        out[length] = written
        length += 1
        if written == _ZERO:
            out[length] = _POINT
            length += 1
        before = np.int64(out[length - 1])
        is_apart, joins_next = False, is_lone_plus
        place += taken
    return length


@njit(cache=True, nogil=True)
def _factor_place(scratch: Codes, place: int, size: int) -> int:
    """Return where the number begins that an x after a number multiplies, or -1."""
    place += 1
    if place < size and scratch[place] == _SPACE:
        place += 1
    return place if place < size and _is_digit(scratch[place]) else -1


@njit(cache=True, nogil=True)
def fold_texts(
    data: Bytes, starts: Places, tables: NDArray[np.uint32], expansions: Codes, kinds: Bytes,
    table_of: Bytes, styles: Bytes, out: Codes, ends: Places,
) -> int:  # fmt: skip
    """Fold texts one after another into `out`, and write where each ends to `ends`.

    `data` is UTF-8, `starts` (int64[n + 1]) the byte offsets; `tables[table_of[i]]` and
    `styles[i]` are those of the language of text i. Returns the length written, or -1 where `out`
    was too short: a longer one is to be given.
    """
    longest = 0
    for text in range(len(starts) - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    scratch = np.empty(64 + 6 * longest, np.uint32)  # U+FDFA is 18 characters
    groups = np.empty((3, MAX_GROUPS), np.int64)
    length = np.int64(0)  # not a literal, for which numba would compile everything once more
    for text in range(len(starts) - 1):
        size = _decode(
            data, starts[text], starts[text + 1], tables[table_of[text]], expansions, scratch
        )
        if length + 2 * size + 2 > len(out):
            return -1
        place = _item_number_end(scratch, size, kinds)
        length = _compose(scratch, place, size, kinds, styles[text], groups, out, length)
        ends[text] = length
    return length
