"""The open twin of a multiple-choice item that carries an explanation.

In: an item with one key and a rationale. Out: the question alone, answered by the keyed option's
text and the explanation, in which option labels have become option texts. Strict on purpose: an
item whose question leans on its options, or whose explanation may still name one by its label, or
contradicts the key, gives nothing. The rules of each language are data (`rules.py`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import SequenceMatcher

from schemas.item import LETTERS, Item
from sources.explanation.rules import OPTION_ABOUT_OPTIONS, RULES, Rules

_REFUSED_FLAGS = frozenset({"image_dependent", "linked_case", "ambiguous_key", "truncated_answer"})

# Latin letters and digits are moved here and back, so that text which is known not to be a label
# (an inserted option, "vitamin C") cannot be taken for one.
_PRIVATE = 0xE000
_LABEL_CHARACTERS = LETTERS + LETTERS.lower() + "0123456789"
_GUARD = {ord(character): _PRIVATE + ord(character) for character in _LABEL_CHARACTERS}
_UNGUARD = {private: character for character, private in _GUARD.items()}


class _UnsafeError(Exception):
    """The explanation cannot be freed of labels, or contradicts the key."""


def explanation_item(item: Item) -> Item | None:
    """Return the open twin of a keyed multiple-choice item, or None where it gives none."""
    rules = RULES[item.language]
    if not _is_usable(item) or not _stands_alone(item.question, rules):
        return None
    keyed = item.options[item.answer_indices[0]].strip()
    if OPTION_ABOUT_OPTIONS.search(keyed):
        return None
    try:
        explanation = _explain(item, rules)
    except _UnsafeError:
        return None
    return replace(
        item,
        part="explanation",
        task="qa",
        form="explanation",
        options=(),
        answer_indices=(),
        several_allowed=False,
        answer=f"{keyed}\n\n{explanation}",
        rationale="",
    )


def _is_usable(item: Item) -> bool:
    return (
        item.task == "mcq"
        and bool(item.rationale.strip())
        and len(item.answer_indices) == 1
        and 0 <= item.answer_indices[0] < len(item.options)
        and not any(flag.name in _REFUSED_FLAGS for flag in item.flags)
    )


def _stands_alone(question: str, rules: Rules) -> bool:
    question = question.strip()
    return bool(rules.complete.search(question)) and not rules.dependent.search(question)


def _explain(item: Item, rules: Rules) -> str:
    """Return the explanation without labels; raise `_UnsafeError` where one may remain."""
    text = rules.cut.sub("", item.rationale.strip())
    noted = rules.key_note.sub(lambda match: _drop_key_note(match, item), text)
    text = _without_keyed_opening(noted, item) if noted != text else text
    text = rules.innocent.sub(lambda match: match[0].translate(_GUARD), text)
    text = _without_verdicts(text, item)
    text = rules.reference.sub(lambda match: _name_options(match, item, rules), text)
    text = _tidy(text)
    if rules.leftover.search(text):
        raise _UnsafeError
    text = text.translate(_UNGUARD)
    if len(text) < rules.minimum:
        raise _UnsafeError
    return text


def _indices(labels: str, item: Item) -> list[int]:
    """Return the 0-based options that labels such as "ABD", "a and d" or "1 y 3" name."""
    found = [
        LETTERS.index(label.upper()) if label.isalpha() else int(label) - 1
        for label in re.findall(r"[A-E]|\b[a-e]\b|[1-9]", labels)
    ]
    if not found or max(found) >= len(item.options):
        raise _UnsafeError
    return found


def _drop_key_note(match: re.Match[str], item: Item) -> str:
    groups = match.groupdict()
    if _indices(groups["labels"] or groups["said"], item) != list(item.answer_indices):
        raise _UnsafeError
    option = item.options[item.answer_indices[0]]
    tail = groups.get("tail") or ""
    return "" if not tail or _same_words(tail, option) else f" {tail.strip(' ()')}."


def _without_keyed_opening(text: str, item: Item) -> str:
    """Drop the keyed option's text that follows "Ans. B.", unless it is a sentence's subject."""
    option = re.escape(item.options[item.answer_indices[0]].strip().rstrip("."))
    return re.sub(rf"^[\W_]*{option}(?! (?-i:[a-z]))[\W_]*", "", text, flags=re.IGNORECASE)


def _name_options(match: re.Match[str], item: Item, rules: Rules) -> str:
    opening, closing = rules.quotes
    joint = "、" if item.language in ("zh", "ja") else ", "
    groups = match.groupdict()
    indices = _indices(groups["labels"] or groups["bare"], item)
    follows = match.string[match.end() :]
    is_key = indices == list(item.answer_indices)
    if (_CALLED_RIGHT.match(follows) and not is_key) or (_CALLED_WRONG.match(follows) and is_key):
        raise _UnsafeError
    texts = [item.options[i].strip().rstrip(".。") for i in indices]
    named = joint.join(f"{opening}{text}{closing}" for text in texts).translate(_GUARD)
    gloss = groups.get("gloss") or ""
    return named if _same_words(gloss, " ".join(texts)) else named + gloss


_CALLED = r"\W{0,3}(?:(?:es|is|est|être|sería|would be)\s+)?(?:(?:the|la|le)\s+)?"
_CALLED_RIGHT = re.compile(rf"{_CALLED}(?:correct|right\b|vraie?\b|bonne\b|正确)", re.IGNORECASE)
_CALLED_WRONG = re.compile(
    rf"{_CALLED}(?:incorrect|wrong|fals|fausse|faux|不正确|错)", re.IGNORECASE
)


def _same_words(gloss: str, option: str) -> bool:
    """Tell whether a gloss after a label only repeats the option."""
    words, option_words = (re.findall(r"\w+", text.casefold()) for text in (gloss, option))
    return bool(words) and set(words) <= set(option_words)


# "小脑半球（A错）", "（D对，ABC错）": the verdict on the clause before it.
_VERDICT = re.compile(
    r"[（(]\s*(?P<pairs>(?:[A-E][A-E、，,]*\s*(?:均|都)?(?:正确|错误|对|错)\s*[，,、；;]?\s*)+)"
    r"(?:[，,]?\s*故?[A-E]?(?:为|是)?本题的?正?确?(?:答案|选项))?\s*[)）]"
)
_VERDICT_PAIR = re.compile(r"(?P<labels>[A-E][A-E、，,]*)\s*(?:均|都)?(?P<verdict>正确|错误|对|错)")
_CLAUSE_END = "。；，：！？,;:!?\n"
_NEGATION = re.compile(r"[不非无未否没]|而是|应[为是]")


def _without_verdicts(text: str, item: Item) -> str:
    """Drop verdicts in parentheses: what remains reads on, "小脑半球损害表现为…"."""
    for match in _VERDICT.finditer(text):
        rejected = _rejected_options(match["pairs"], item)
        _check_clause(text[: match.start()], text[match.end() : match.end() + 1], rejected)
    return _VERDICT.sub("", text)


def _rejected_options(pairs: str, item: Item) -> list[str]:
    rejected: list[str] = []
    for pair in _VERDICT_PAIR.finditer(pairs):
        indices = _indices(pair["labels"], item)
        is_right = pair["verdict"] in ("对", "正确")
        if any((index in item.answer_indices) != is_right for index in indices):
            raise _UnsafeError
        rejected += [] if is_right else [item.options[index].strip() for index in indices]
    return rejected


def _check_clause(before: str, follows: str, rejected: list[str]) -> None:
    """Refuse a clause that only repeats a rejected option, and so is false without the verdict."""
    if follows and follows not in _CLAUSE_END:
        return
    sentence = re.split(r"[。；;！\n]", _VERDICT.sub("", before).translate(_UNGUARD))[-1]
    clause = re.split(r"[，,：:、]", sentence)[-1].strip()
    if any(_restates(clause, option) for option in rejected) and not _NEGATION.search(sentence):
        raise _UnsafeError


def _restates(clause: str, option: str) -> bool:
    # "空肠占全长的2/5" against "空肠占其全长的3/5" is 0.84: a correction looks like a repetition.
    return option in clause or SequenceMatcher(None, clause, option).ratio() >= 0.6


def _tidy(text: str) -> str:
    """Close the gaps that removed notes leave."""
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r"(?<=[.。；;，,、])\s*[，,、；;。]+", "", text)
    text = re.sub(r" +(?=[.,])", "", text)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return text.strip().lstrip("，,、；;。.:：-–) ").strip()
