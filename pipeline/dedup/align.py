"""Where two similar records differ: their pieces side by side, token by token.

Options and answers are paired as sets before they are aligned, equal ones first, then the most
alike. A token is a word, a number with its point or exponent, a sign, or one Han character
or hiragana; a run of katakana is a word. Compiled; every compiled function of this module is called
by this module alone: numba's cache would not see that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.text.letters import letters

if TYPE_CHECKING:
    from pipeline.dedup.records import Records

Codes: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Counts: TypeAlias = NDArray[np.uint16]
Hashes: TypeAlias = NDArray[np.uint64]

# As in pipeline/text/fold.py: numba's cache would not see a constant change elsewhere.
LETTER, DIGIT, SIGN, IDEOGRAPH = 1, 2, 3, 4
IN_QUESTION, IN_OPTIONS, IN_ANSWER = 0, 1, 2
# Columns of a difference: the pair; where; the code points that differ on the left and on the
# right; how often that occurs in all texts together with what is before and after it, of the left
# and of the right; where the pieces begin and end that they are in.
PAIR, PLACE, LEFT_START, LEFT_END, RIGHT_START, RIGHT_END, LEFT_BEFORE = range(7)
LEFT_FIRST = LEFT_BEFORE + 4
NUM_COLUMNS = LEFT_FIRST + 4
UNPAIRED = -1  # as LEFT_START: more options, or more answers, on one side

NO_NEIGHBOUR = -1
# As in pipeline/dedup/tokens.py.
VOCABULARY_BITS, MOST_COUNTED, MIN_WORD_LETTERS, MIN_KANA = 23, 65535, 4, 3
BAND = 32  # tokens by which two similar texts drift apart where neither is longer
MAX_CELLS = 1 << 21  # of the table of one alignment; larger differences are one difference
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(64 - VOCABULARY_BITS)


def differences(
    records: Records,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    vocabulary: Counts,
) -> NDArray[np.int64]:
    """Return the spans [differences, NUM_COLUMNS] in which each pair differs, in order."""
    room = 4 * len(left) + 64
    while True:
        found = np.empty((room, NUM_COLUMNS), np.int64)
        folded = records.folded
        count = _differences(
            folded.codes, folded.ends, records.options, records.answers, letters().kinds,
            left, right, vocabulary, found,
        )  # fmt: skip
        if count >= 0:
            return found[:count]
        room *= 2


@njit(cache=True, nogil=True)
def _is_katakana(code: int) -> bool:
    return 0x30A1 <= code <= 0x30FC


@njit(cache=True, nogil=True)
def _token_end(codes: Codes, place: int, end: int, kinds: Bytes) -> int:
    """Return where the token ends that begins at a place; the place itself where none does."""
    kind = kinds[codes[place]]
    if _is_katakana(codes[place]):
        while place < end and _is_katakana(codes[place]):
            place += 1
        return place
    if kind == IDEOGRAPH or kind == SIGN:
        return place + 1
    if kind == LETTER:
        while place < end and kinds[codes[place]] == LETTER:
            place += 1
        return place
    if kind != DIGIT:
        return place
    while place < end:
        code = codes[place]
        # . , : ^ _ between digits
        joins = code == 46 or code == 44 or code == 58 or code == 94 or code == 95
        if kinds[code] != DIGIT and not (
            joins and place + 1 < end and (kinds[codes[place + 1]] == DIGIT)
        ):
            break
        place += 1
    return place


@njit(cache=True, nogil=True)
def _longer(value: np.uint64, code: int) -> np.uint64:
    """Return the hash of a token that one more code point is added to."""
    value = (value + np.uint64(code) + np.uint64(1)) * _FACTOR
    return value ^ (value >> np.uint64(29))


@njit(cache=True, nogil=True)
def _token_hash(codes: Codes, start: int, end: int) -> np.uint64:
    value = np.uint64(0)
    for place in range(start, end):
        value = _longer(value, codes[place])
    return value


@njit(cache=True, nogil=True)
def _slot(value: np.uint64) -> int:
    return np.int64((value * _MIX) >> _SHIFT)


@njit(cache=True, nogil=True)
def _tokens(codes: Codes, start: int, end: int, kinds: Bytes, starts: Places) -> int:
    """Write where the tokens of a piece start and end, in turn; return how many tokens."""
    count = 0
    place = start
    while place < end:
        after = _token_end(codes, place, end, kinds)
        if after == place:
            place += 1
            continue
        starts[2 * count], starts[2 * count + 1] = place, after
        count += 1
        place = after
    return count


@njit(cache=True, nogil=True)
def _same(codes: Codes, first: int, first_end: int, second: int, second_end: int) -> bool:
    if first_end - first != second_end - second:
        return False
    for step in range(first_end - first):
        if codes[first + step] != codes[second + step]:
            return False
    return True


@njit(cache=True, nogil=True)
def _alike(codes: Codes, first: int, first_end: int, second: int, second_end: int) -> float:
    """Return the share of the longer piece that both begin and end with alike."""
    shorter = min(first_end - first, second_end - second)
    longer = max(first_end - first, second_end - second, 1)
    begin = 0
    while begin < shorter and codes[first + begin] == codes[second + begin]:
        begin += 1
    ending = 0
    while (
        ending < shorter - begin and codes[first_end - 1 - ending] == codes[second_end - 1 - ending]
    ):
        ending += 1
    return (begin + ending) / longer


@njit(cache=True, nogil=True)
def _are_ideographs(codes: Codes, place: int, kinds: Bytes) -> bool:
    return kinds[codes[place]] == IDEOGRAPH and kinds[codes[place + 1]] == IDEOGRAPH


@njit(cache=True, nogil=True)
def _occurrences(
    codes: Codes, start: int, end: int, first: int, last: int, kinds: Bytes, vocabulary: Counts
) -> tuple[int, int]:
    """Return how often a span of a piece (first to last) occurs with what is before and after it.

    Ideographs are looked at two by two. Of words, which are looked at by themselves, both numbers
    are that of the rarest. NO_NEIGHBOUR where no other ideograph is beside.
    """
    near = start if start < last else start - 1
    is_word = end - start > 1 and _is_katakana(codes[start])
    if near >= first and kinds[codes[near]] == IDEOGRAPH and not is_word:
        before = after = np.int64(NO_NEIGHBOUR)
        if start > first and start < last and _are_ideographs(codes, start - 1, kinds):
            before = np.int64(vocabulary[_slot(_token_hash(codes, start - 1, start + 1))])
        if end < last and end > first and _are_ideographs(codes, end - 1, kinds):
            after = np.int64(vocabulary[_slot(_token_hash(codes, end - 1, end + 1))])
        return before, after
    rarest = np.int64(MOST_COUNTED)
    place = start
    while place < end:
        token_end = _token_end(codes, place, end, kinds)
        if token_end == place:
            place += 1
            continue
        kind = kinds[codes[place]]
        is_word = kind == LETTER or kind == IDEOGRAPH
        if is_word and token_end - place >= (MIN_KANA if kind == IDEOGRAPH else MIN_WORD_LETTERS):
            rarest = min(rarest, np.int64(vocabulary[_slot(_token_hash(codes, place, token_end))]))
        place = token_end
    return rarest, rarest


@njit(cache=True, nogil=True)
def _is_inside(codes: Codes, place: int, kinds: Bytes) -> bool:
    """Tell whether a token can go on after the character at a place."""
    code = codes[place]
    is_joint = code == 46 or code == 44 or code == 58 or code == 94 or code == 95
    return is_joint or kinds[code] == LETTER or kinds[code] == DIGIT or _is_katakana(code)


@njit(cache=True, nogil=True)
def _middle(
    codes: Codes, left: int, left_end: int, right: int, right_end: int, kinds: Bytes
) -> tuple[int, int, int, int]:
    """Return starts and ends of two pieces without the tokens that both begin and end with."""
    first, last, right_last = left, left_end, right_end
    while left < left_end and right < right_end and codes[left] == codes[right]:
        left, right = left + 1, right + 1
    while left > first and _is_inside(codes, left - 1, kinds):
        left, right = left - 1, right - 1
    while left_end > left and right_end > right and codes[left_end - 1] == codes[right_end - 1]:
        left_end, right_end = left_end - 1, right_end - 1
    while left_end < last and right_end < right_last and _is_inside(codes, left_end, kinds):
        left_end, right_end = left_end + 1, right_end + 1
    return left, left_end, right, right_end


@njit(cache=True, nogil=True)
def _longest_in_common(left: Hashes, right: Hashes) -> Counts:
    """Return how many tokens in order the first `n` and the first `m` have in common, [n, m].

    Only near the diagonal; elsewhere 0.
    """
    rows, columns = len(left), len(right)
    longest = np.zeros((rows + 1, columns + 1), np.uint16)
    band = abs(rows - columns) + BAND
    for row in range(rows):
        # The band is laid around the diagonal that ends in the last tokens.
        distance = columns - rows + row
        first, last = max(distance - band, 0), min(distance + band + 1, columns)
        value, own = left[row], right[first:last]
        above, here = longest[row, first:], longest[row + 1, first + 1 :]
        most = np.uint16(0)
        for column in range(len(own)):
            if own[column] == value:
                most = np.uint16(above[column] + np.uint16(1))
            else:
                most = max(most, above[column + 1])
            here[column] = most
    return longest


@njit(cache=True, nogil=True)
def _align(
    codes: Codes, ends: Places, kinds: Bytes, vocabulary: Counts,
    pair: int, place: int, left: int, right: int, found: Places, count: int,
) -> int:  # fmt: skip
    """Append the differences of two pieces; return the new count, -1 where there is no room."""
    left_first, left_last = ends[left], ends[left + 1]
    right_first, right_last = ends[right], ends[right + 1]
    if _same(codes, left_first, left_last, right_first, right_last):
        return count
    left_start, left_end, right_start, right_end = _middle(
        codes, left_first, left_last, right_first, right_last, kinds
    )
    left_tokens = np.empty(2 * (left_end - left_start) + 2, np.int64)
    right_tokens = np.empty(2 * (right_end - right_start) + 2, np.int64)
    num_left = _tokens(codes, left_start, left_end, kinds, left_tokens)
    num_right = _tokens(codes, right_start, right_end, kinds, right_tokens)
    left_hashes = np.empty(num_left, np.uint64)
    for token in range(num_left):
        left_hashes[token] = _token_hash(codes, left_tokens[2 * token], left_tokens[2 * token + 1])
    right_hashes = np.empty(num_right, np.uint64)
    for token in range(num_right):
        right_hashes[token] = _token_hash(
            codes, right_tokens[2 * token], right_tokens[2 * token + 1]
        )
    begin = 0
    while begin < min(num_left, num_right) and left_hashes[begin] == right_hashes[begin]:
        begin += 1
    ending = 0
    while (
        ending < min(num_left, num_right) - begin
        and left_hashes[num_left - 1 - ending] == right_hashes[num_right - 1 - ending]
    ):
        ending += 1
    rows, columns = num_left - begin - ending, num_right - begin - ending
    if rows == 0 and columns == 0:
        return count
    longest = np.zeros((1, 1), np.uint16)
    is_aligned = rows > 0 and columns > 0 and rows * columns <= MAX_CELLS
    if is_aligned:
        left_back = left_hashes[begin : begin + rows][::-1].copy()
        right_back = right_hashes[begin : begin + columns][::-1].copy()
        longest = _longest_in_common(left_back, right_back)
    row = column = 0
    while row < rows or column < columns:
        row_start, column_start = row, column
        if not is_aligned:
            row, column = rows, columns
        while row < rows or column < columns:
            if row < rows and column < columns:
                if left_hashes[begin + row] == right_hashes[begin + column]:
                    break
                left_rows, left_columns = rows - row, columns - column
                if longest[left_rows - 1, left_columns] >= longest[left_rows, left_columns - 1]:
                    row += 1
                else:
                    column += 1
            elif row < rows:
                row += 1
            else:
                column += 1
        if row > row_start or column > column_start:
            if count == len(found):
                return -1
            _write_span(
                codes, left_tokens, num_left, begin + row_start, begin + row,
                left_first, left_end, left_last, kinds, vocabulary, found[count], 0,
            )  # fmt: skip
            _write_span(
                codes, right_tokens, num_right, begin + column_start, begin + column,
                right_first, right_end, right_last, kinds, vocabulary, found[count], 1,
            )  # fmt: skip
            found[count, PAIR], found[count, PLACE] = pair, place
            count += 1
        while (
            row < rows
            and column < columns
            and left_hashes[begin + row] == right_hashes[begin + column]
        ):
            row, column = row + 1, column + 1
    return count


@njit(cache=True, nogil=True)
def _write_span(
    codes: Codes, tokens: Places, num_tokens: int, first_token: int, last_token: int,
    first: int, end: int, last: int, kinds: Bytes, vocabulary: Counts, row: Places, side: int,
) -> None:  # fmt: skip
    """Write the span from one token up to another; an empty one stands before the next token."""
    if last_token > first_token:
        start, end = tokens[2 * first_token], tokens[2 * last_token - 1]
    else:
        start = tokens[2 * first_token] if first_token < num_tokens else end
        end = start
    row[LEFT_START + 2 * side], row[LEFT_END + 2 * side] = start, end
    before, after = _occurrences(codes, start, end, first, last, kinds, vocabulary)
    row[LEFT_BEFORE + 2 * side], row[LEFT_BEFORE + 2 * side + 1] = before, after
    row[LEFT_FIRST + 2 * side], row[LEFT_FIRST + 2 * side + 1] = first, last


@njit(cache=True, nogil=True)
def _align_sets(
    codes: Codes, ends: Places, kinds: Bytes, vocabulary: Counts, pair: int, place: int,
    first: int, first_end: int, second: int, second_end: int, found: Places, count: int,
) -> int:  # fmt: skip
    """Append the differences of two sets of pieces."""
    num_first, num_second = first_end - first, second_end - second
    if num_first != num_second:
        if count == len(found):
            return -1
        found[count, :] = 0
        found[count, PAIR], found[count, PLACE], found[count, LEFT_START] = pair, place, UNPAIRED
        return count + 1
    partner = np.full(num_first, -1, np.int64)
    taken = np.zeros(num_second, np.uint8)
    for one in range(num_first):
        for other in range(num_second):
            if not taken[other] and _same(
                codes, ends[first + one], ends[first + one + 1],
                ends[second + other], ends[second + other + 1],
            ):  # fmt: skip
                partner[one] = other
                taken[other] = 1
                break
    while True:
        best, best_one, best_other = -1.0, -1, -1
        for one in range(num_first):
            if partner[one] >= 0:
                continue
            for other in range(num_second):
                if taken[other]:
                    continue
                value = _alike(
                    codes, ends[first + one], ends[first + one + 1],
                    ends[second + other], ends[second + other + 1],
                )  # fmt: skip
                if value > best:
                    best, best_one, best_other = value, one, other
        if best_one < 0:
            return count
        partner[best_one], taken[best_other] = best_other, 1
        count = _align(
            codes, ends, kinds, vocabulary, pair, place,
            first + best_one, second + best_other, found, count,
        )  # fmt: skip
        if count < 0:
            return -1


@njit(cache=True, nogil=True)
def _differences(
    codes: Codes, ends: Places, options: Places, answers: Places, kinds: Bytes,
    left: Places, right: Places, vocabulary: Counts, found: Places,
) -> int:  # fmt: skip
    # No literals: numba would compile the alignment once more for each.
    count = np.int64(0)
    places = np.array([IN_QUESTION, IN_OPTIONS, IN_ANSWER])
    for pair in range(len(left)):
        one, other = left[pair], right[pair]
        count = _align(codes, ends, kinds, vocabulary, pair, places[0], one, other, found, count)
        if count >= 0:
            count = _align_sets(
                codes, ends, kinds, vocabulary, pair, places[1], options[one], options[one + 1],
                options[other], options[other + 1], found, count,
            )  # fmt: skip
        if count >= 0:
            count = _align_sets(
                codes, ends, kinds, vocabulary, pair, places[2], answers[one], answers[one + 1],
                answers[other], answers[other + 1], found, count,
            )  # fmt: skip
        if count < 0:
            return -1
    return count
