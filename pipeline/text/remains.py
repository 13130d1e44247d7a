"""Remains of the page that a text was taken from: markup, and addresses to go to or to call."""

from __future__ import annotations

import re
from html.entities import html5

_TAGS = (
    "p|br|b|i|u|s|a|div|span|table|thead|tbody|tr|td|th|ul|ol|li|dl|dt|dd|img|sup|sub|strong|em"
    "|h[1-6]|font|hr|html|body|head|script|style|center|section|iframe|small|blockquote|pre|code"
    "|label|form|button|link|meta|title|input|option|ref|xml|abstracttext|answer|question"
)
_COMMANDS = (
    "frac|text|textbf|textit|textsuperscript|textsubscript|mathrm|mathbf|times|cdot|circ|mu|alpha"
    "|beta|gamma|delta|Delta|lambda|sigma|omega|leq?|geq?|neq|approx|sim|pm|rightarrow|leftarrow"
    "|uparrow|downarrow|to|sqrt|begin|end|left|right|item|underline|ldots|degree|infty|sum|times"
)
_ENTITY = r"&#?[A-Za-z0-9]{2,31};"
_MARKUP = (
    rf"(?i:</?(?:{_TAGS})(?:\s[^<>]{{0,300}})?/?>)",
    r"</[A-Za-z][A-Za-z0-9:_-]{0,30}>|<!--|<!\[CDATA\[|<\?xml|<\|[a-z_]{2,30}\|>",
    _ENTITY,
    r"&(?:nbsp|amp|quot|lt|gt)(?:[^A-Za-z;]|$)",
    rf"\\(?:{_COMMANDS})(?:[^A-Za-z]|$)|\\[nrt](?:[^a-z]|$)|\\u[0-9a-fA-F]{{4}}",
    r"[A-Za-z0-9)][\^_]\{[^{}\n]{1,30}\}",
    r"\*\*[^*\s\n][^*\n]{0,200}\*\*|(?m:^```)|~~[^~\s\n]{1,80}~~|\|\s?:?-{3,}:?\s?\|",
    r"(?m:^#{2,6}\s+[^\s#])",  # one # opens a problem of a Japanese chart
    r"!?\[[^\]\n]{1,200}\]\((?:https?:|www\.|/|#)[^)\s]{0,500}\)",
    r"\{\{[^{}\n]{1,200}\}\}|\{%|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\[\[[^\[\]\n]{1,200}\]\]",
    r"(?i:\[/(?:b|i|u|url|img|quote|size|color|font|inst)\]|\[(?:edit|citation needed)\])|'''",
)
MARKUP_SUSPECTS = "|".join(_MARKUP)
_MARKUP_PATTERN = re.compile(MARKUP_SUSPECTS)


def markup(text: str, language: str) -> float:  # noqa: ARG001
    """Return the number of tags, entities, and LaTeX, Markdown or template remains."""
    found = (match[0] for match in _MARKUP_PATTERN.finditer(text))
    return float(sum(1 for remain in found if _is_markup(remain)))


def _is_markup(remain: str) -> bool:
    """Tell an entity from "H&E;" and the like by the names that HTML knows."""
    if not re.fullmatch(_ENTITY, remain) or remain[1] == "#":
        return True
    return remain[1:] in html5


_PHONE_WORDS = (
    "tel|tél|tfno|tlf|phone|telephone|téléphone|teléfono|fax|toll[- ]free|call|hotline"
    "|тел|телефон|факс|电话|電話|热线|传真|手机|微信|qq"
)
_NUMBER = r"[+(（]?[0-9](?:[ ().（）‐–—-]{0,2}[0-9]){6,14}"
# Small letters alone: "pain.It" is no address.
_DOMAIN = r"(?:^|[^A-Za-z0-9.@-])[a-z0-9-]{2,40}(?:\.[a-z0-9-]{2,40}){0,4}"
_ADDRESSES = (
    r"(?i:(?:https?|ftp)\s?[:：]\s?//?[^\s<>，。）]+)",
    r"(?i:(?:^|[^A-Za-z0-9])www\s?\.\s?[a-z0-9-]{2,})",
    r"(?i:[a-z0-9][a-z0-9._%+-]{0,64}\s?[@＠]\s?[a-z0-9-]{2,40}(?:\.[a-z0-9-]{1,40}){0,3}\.[a-z]{2,3})",
    _DOMAIN + r"\.(?:com|org|net|gov|edu|info|ru|cn|jp)(?:/[^\s]*)?(?:[^A-Za-z0-9-]|$)",
    r"\[(?:EMAIL|PHONE)\]",
    rf"(?i:(?:^|[^\p{{L}}])(?:{_PHONE_WORDS})[^0-9\p{{L}}+(]{{0,4}}{_NUMBER})",
    r"(?:^|[^0-9-])1-8(?:00|33|44|55|66|77|88)-[0-9A-Z]{3}-?[0-9A-Z]{4}",
)
URL_SUSPECTS = "|".join(_ADDRESSES)
# Python knows no \p{L}: letters are word characters without digits and the underscore.
_URL_PATTERN = re.compile(URL_SUSPECTS.replace(r"[^\p{L}]", r"[\W\d_]").replace(r"0-9\p{L}", r"\w"))


def urls(text: str, language: str) -> float:  # noqa: ARG001
    """Return the number of web addresses, e-mail addresses and telephone numbers to call."""
    return float(sum(1 for _ in _URL_PATTERN.finditer(text)))
