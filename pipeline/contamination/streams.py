"""Folded texts as streams of letters and digits: as they are, and as a bad scan would have them.

The rough stream makes one of what scanners and typists confuse: l and 1, O and 0, rn and m,
letters with and without accents, Latin, Greek and Cyrillic look-alikes, 日 and 曰, kana of either
size. Two extractions of one exam that differ by such errors have the same rough stream.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.text.fold import IDEOGRAPH
from pipeline.text.folded import Folded
from pipeline.text.letters import NUM_CODE_POINTS, letters

Codes: TypeAlias = NDArray[np.uint32]
Places: TypeAlias = NDArray[np.int64]

# Each group is written as its first character. What scanners take for a speck or a stroke of
# another letter (一 and ー, a hyphen to them) is left out altogether.
_CONFUSED = (
    *("l1iıj", "o0οоσө", "s5ѕ", "b8βв", "z2", "g9q", "6б", "3з", "aαа", "cс", "eе", "hн"),
    *("kκк", "mмμ", "pρр", "tτт", "xхχ", "yуγ", "nηпи", "uυц", "vν", "wωшщ", "ьъ"),
    *("日曰目", "末未", "土士", "己已巳", "大太犬", "人入八ハ", "千干于チ", "戊戌戍", "田由甲申"),
    *(
        "天夭无",
        "口ロ囗",
        "力カ刀",
        "二ニ",
        "夕タ",
        "工エ",
        "卜ト",
        "才オ",
        "三ミ",
        "ソン",
        "シツッ",
    ),
    *("へヘべベぺペ", "間問", "鳥烏", "微徴", "侯候", "免兔", "治冶", "拔拨", "炙灸"),
)
_LEFT_OUT = "一ー丨ノ丶"
_SMALL_KANA = dict(
    zip(
        "ぁぃぅぇぉっゃゅょゎァィゥェォャュョヮヵヶ",
        "あいうえおつやゆよわアイウエオヤユヨワカケ",
        strict=True,
    )
)
_SCRIPTS_WITH_ACCENTS = ("LATIN", "CYRILLIC", "GREEK")
_R, _N, _M, _V, _W = map(ord, "rnmvw")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Streams:
    """Letters of texts, one text after another."""

    codes: Codes
    ends: Places  # [num_texts + 1], beginning with 0

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.ends) - 1


def plain_stream(folded: Folded) -> Streams:
    """Return the letters and digits of folded texts."""
    return _streams(folded, plain_table(), False)


def rough_stream(folded: Folded) -> Streams:
    """Return the letters and digits of folded texts, made one where a scanner confuses them."""
    return _streams(folded, rough_table(), True)


def _streams(folded: Folded, table: Codes, joins: bool) -> Streams:
    codes = np.empty(max(int(folded.ends[-1]), 1), np.uint32)
    ends = np.zeros(len(folded.ends), np.int64)
    _strip(folded.codes, folded.ends, table, joins, codes, ends)
    return Streams(codes, ends)


@njit(cache=True, nogil=True)
def _strip(
    codes: Codes, ends: Places, table: Codes, joins: bool, out: Codes, out_ends: Places
) -> None:
    """Write what the table has for each character, if anything; `joins`: rn as m, vv as w."""
    length = 0
    for text in range(len(ends) - 1):
        first = length
        for place in range(ends[text], ends[text + 1]):
            code = table[codes[place]]
            if code == 0:
                continue
            before = out[length - 1] if joins and length > first else np.uint32(0)
            if code == _N and before == _R:
                out[length - 1] = _M
            elif code == _V and before == _V:
                out[length - 1] = _W
            else:
                out[length] = code
                length += 1
        out_ends[text + 1] = length


def hash_texts(codes: Codes, ends: Places, seeds: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a 64-bit digest of each text; texts of another seed have another digest."""
    digests = np.empty(len(seeds), np.uint64)
    _hash_texts(codes, ends, seeds, digests)
    return digests


@njit(cache=True, nogil=True)
def _hash_texts(
    codes: Codes, ends: Places, seeds: NDArray[np.uint8], digests: NDArray[np.uint64]
) -> None:
    for text in range(len(seeds)):
        value = np.uint64(seeds[text]) + np.uint64(ends[text + 1] - ends[text]) * _FACTOR
        for place in range(ends[text], ends[text + 1]):
            value = (value ^ np.uint64(codes[place])) * _FACTOR
            value ^= value >> np.uint64(29)
        digests[text] = value


@cache
def plain_table() -> Codes:
    """Return, per code point of folded text, itself where it is a letter or digit, else 0."""
    table = np.zeros(NUM_CODE_POINTS, np.uint32)
    kinds = letters().kinds
    for point in np.flatnonzero(kinds).tolist():
        if kinds[point] == IDEOGRAPH or chr(point).isalnum():
            table[point] = point
    return table


@cache
def rough_table() -> Codes:
    """Return, per code point of folded text, the one that it is compared as, else 0."""
    table = plain_table().copy()
    for point in np.flatnonzero(table[:0x2000]).tolist():
        table[point] = ord(_without_accents(chr(point)))
    same = {other: group[0] for group in _CONFUSED for other in group[1:]}
    for written in (_SMALL_KANA, same):
        codes = {ord(one): ord(other) for one, other in written.items()}
        for point, code in codes.items():
            table[table == point] = code
    table[[ord(one) for one in _LEFT_OUT]] = 0
    return table


def _without_accents(letter: str) -> str:
    if unicodedata.name(letter, "").startswith(_SCRIPTS_WITH_ACCENTS):
        return unicodedata.normalize("NFD", letter)[0]
    return letter
