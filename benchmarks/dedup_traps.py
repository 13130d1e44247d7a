"""Changes that make another question of a record, so that the two must not be merged.

Tuning traps are made here by rule from real text. Reporting traps are `traps/<language>.yaml`,
written by hand and by others: bases with changes that make another question (`traps`) and
rewordings that do not (`same`). Rules of the guard may be drawn from the first, never the second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import yaml

from benchmarks.dedup_edits import Change, Pools, Record

FOLDER = Path(__file__).parent / "traps"
# What takes a negation away, and what puts one in.
FLIPS = {
    "en": (
        (r"\bis not\b", "is"),
        (r"\bnot\b ", ""),
        (r"\bEXCEPT\b", "including"),
        (r"\bis\b", "is not"),
        (r"\bcan\b", "cannot"),
        (r"\bdoes\b", "does not"),
    ),
    "zh": (
        ("不正确", "正确"),
        ("错误", "正确"),
        ("正确", "错误"),
        ("不是", "是"),
        ("不能", "能"),
        ("可以", "不可以"),
        ("不宜", "宜"),
        ("属于", "不属于"),
        ("(?<!功)能(?![力量])", "不能"),
        ("(?<![但可还于就])是", "不是"),
    ),
    "ja": (
        ("正しい", "誤っている"),
        ("誤っている", "正しい"),
        ("はどれか", "でないのはどれか"),
        ("適切でない", "適切な"),
        ("適切な", "適切でない"),
        ("できる", "できない"),
        ("ある", "ない"),
    ),
    "fr": (
        (r"\binexacte\b", "exacte"),
        (r"\bexacte\b", "inexacte"),
        (r"\bfausse\b", "exacte"),
        (r"\bn['’]est pas\b", "est"),
        (r"\best\b", "n'est pas"),
        (r"\bavec\b", "sans"),
    ),
    "ru": (
        (r"\bне ", ""),
        (r"\bявляется\b", "не является"),
        (r"\bможет\b", "не может"),
        (r"\bесть\b", "нет"),
        (r"\bс ", "без "),
    ),
    "es": (
        (r"\bno es\b", "es"),
        (r"\bNO\b ", ""),
        (r"\bfalsa\b", "correcta"),
        (r"\bcorrecta\b", "incorrecta"),
        (r"\bes\b", "no es"),
        (r"\bpuede\b", "no puede"),
    ),
}
# In scripts without spaces a word cannot be cut out by rule: what zh texts are about, and katakana.
ZH_TERMS = """
高血压 糖尿病 冠心病 肺炎 肺结核 胃炎 胃溃疡 肝炎 肝硬化 肾炎 贫血 白血病 哮喘 癫痫 脑出血
脑梗死 心肌梗死 心绞痛 心力衰竭 肺癌 胃癌 肝癌 乳腺癌 痛风 骨折 感冒 腹泻 便秘 失眠 头痛
咳嗽 青霉素 头孢 阿司匹林 胰岛素 二甲双胍 硝苯地平 地塞米松 上颌 下颌 动脉 静脉 血钾 血钠 血钙
""".split()  # noqa: SIM905
_TERM = {"zh": re.compile("|".join(ZH_TERMS)), "ja": re.compile(r"[ァ-ヴー]{4,}")}
_LONG_WORD = re.compile(r"(?<![\w-])[^\W\d_]{8,}(?![\w-])")
_NUMBER = re.compile(r"(?<![\d.,])[1-9]\d*(?![\d.．、)）:：]|,\d)")


def terms(text: str, language: str) -> list[str]:
    """Return the words of a text that a trap may swap."""
    return _TERM.get(language, _LONG_WORD).findall(text)


def number_changed(record: Record, rng: Random, _pools: Pools) -> Record | None:
    """Change a number of the question; one that numbers the item does not count."""
    found = [match for match in _NUMBER.finditer(record.question) if match.start() > 8]
    if not found:
        return None
    match = rng.choice(found)
    first, rest = match[0][0], match[0][1:]
    digit = rng.choice([one for one in "123456789" if one != first])
    return _replaced(record, match, digit + rest)


def negation_flipped(record: Record, rng: Random, _pools: Pools) -> Record | None:
    """Take a negation away or put one in; the same way round for a language's first fit."""
    del rng
    for pattern, new in FLIPS[record.language]:
        match = re.search(pattern, record.question)
        if match:
            return _replaced(record, match, new)
    return None


def term_swapped(record: Record, rng: Random, pools: Pools) -> Record | None:
    """Put another word in the place of a long one, wherever it stands."""
    found = sorted(set(terms(record.question, record.language)))
    if not found or not pools.terms:
        return None
    old, new = rng.choice(found), rng.choice(pools.terms)
    if old.casefold() == new.casefold():
        return None
    return replace(record, question=record.question.replace(old, new))


def option_replaced(record: Record, rng: Random, pools: Pools) -> Record | None:
    """Put an option of another record in the place of one."""
    if len(record.options) < 4 or not pools.options:
        return None
    options = list(record.options)
    place, new = rng.randrange(len(options)), rng.choice(pools.options)
    if new.casefold() in (option.casefold() for option in options):
        return None
    options[place] = new
    return record.with_pieces([record.question, *options])


def _replaced(record: Record, match: re.Match[str], new: str) -> Record:
    text = record.question
    return replace(record, question=text[: match.start()] + new + text[match.end() :])


TUNING: dict[str, Change] = {
    "number": number_changed,
    "negation": negation_flipped,
    "term": term_swapped,
    "option": option_replaced,
}


@dataclass(frozen=True, slots=True)
class Changed:
    """A record made from a hand-written base: a trap, or a rewording of the same question."""

    kind: str
    is_trap: bool
    record: Record


def reporting(language: str) -> Iterator[tuple[Record, list[Changed]]]:
    """Yield the hand-written bases of a language, each with its traps and rewordings."""
    path = FOLDER / f"{language}.yaml"
    for entry in yaml.safe_load(path.read_bytes()):
        options = tuple(entry.get("options") or ())
        base = Record(language, entry["question"], options, entry["answer"])
        yield (
            base,
            [
                Changed(change["kind"], name == "traps", _changed(base, change, path))
                for name in ("traps", "same")
                for change in entry.get(name) or ()
            ],
        )


def _changed(base: Record, change: dict[str, Any], path: Path) -> Record:
    old, new, part = str(change["from"]), str(change["to"]), change["in"]
    texts = {"question": [base.question], "options": base.options, "answer": [base.answer]}[part]
    whole = [text == old for text in texts]  # "vitamin B1" is that option, not a part of B12
    counts = whole if any(whole) else [text.count(old) for text in texts]
    if sum(counts) != 1:
        raise ValueError(
            f"{path}: {old!r} does not occur exactly once in the {part} of {base.question!r}. "
            "Correct `from`."
        )
    replaced = [
        text.replace(old, new) if count else text for text, count in zip(texts, counts, strict=True)
    ]
    if part == "answer":
        return replace(base, answer=replaced[0])
    if part == "question":
        return replace(base, question=replaced[0])
    return base.with_pieces([base.question, *replaced])
