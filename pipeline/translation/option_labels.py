"""Where a text names options by their letters or numbers: "the answer is B", 选项A, «la 3».

Such a text belongs to one order of the options. A letter that is part of a term (vitamin C,
hepatitis B, B型肝炎) is no label. In doubt it is one: a rationale less costs little.
"""

from __future__ import annotations

import re
from functools import cache

from pipeline.quality.words import key_pattern
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import Language
from sources.explanation.rules import RULES

_LIST = r"(?:\s*(?:[,、，/&]|and|or|y|e|o|et|ou|и|или|和|与|及|或|と)\s*[A-HА-ЕС])*"
# Nouns whose kinds have letters, in the languages that write the letter after them.
_KINDS = (
    r"vitamin\w*|vit\.?|provitamin\w*|витамин\w*|h[eé]patit\w*|гепатит\w*|t[iy]p[eo]s?|тип\w*|"
    r"gr(?:ou|u)p\w*|групп\w*|class\w*|clases?|класс\w*|grades?|grad[eo]s?|степен\w*|stages?|"
    r"est[aá]d[io]+s?|stades?|стади\w*|factor\w*|facteurs?|фактор\w*|prote[ií]n\w*|prot[eé]ine?s?|"
    r"протеин\w*|бел\w*к\w*|influenza|grippe|gripe|грипп\w*|virus|вирус\w*|inhibin\w*|activin\w*|"
    r"lymphocyt\w*|linfocit\w*|лимфоцит\w*|c[eé]lulas?|cellules?|клет\w*к\w*|co[- ]?enz[iy]m\w*|"
    r"toxin\w*|toxines?|токсин\w*|h[aeéo]+moglobin\w*|гемоглобин\w*|h[ae]+mophili\w*|hemofilia|"
    r"h[ée]mophilie|гемофили\w*|child(?:[- ]pugh)?|чайлд\w*|stanford|dukes?|am[ph]+oteric\w*|"
    r"anfotericin\w*|c[iy]closporin\w*|polym[iy]xin\w*|immunoglobulin\w*|inmunoglobulin\w*|"
    r"phases?|fases?|фаз\w*|chains?|cadenas?|cha[iî]nes?|streptoco\w*|estreptococo\w*|стрептокок\w*|"
    r"curves?|waves?|ondas?|ondes?|serotype?\w*|serogrupo?\w*|sérogroupe|killer|"
    r"nefritis|segment\w*|zonas?|zones?|cluster|category|ca(?:te|té)gor[íi]\w*|catégorie|lipid|"
    r"isoform\w*|subunit\w*|subunidad\w*|appendix|schedule|team|plan"
)
_INNOCENT = re.compile(rf"(?i)(?<!\w)(?:{_KINDS})[\s\-–]+(?-i:[A-HА-ЕС]){_LIST}(?!\w)")
_INNOCENT_BEFORE = re.compile(
    r"(?<!\w)[A-H][\s\-](?:cells?|lymphocyt\w*|fib(?:er|re)s?|bands?|lines?|waves?|scan|chains?|virus|"
    r"antigens?|peptides?|blood|toxins?|zones?|genes?|streptococc\w+)\b"
)
# "A patient", "A los 3 días", "A l'examen": a word, with another one after it.
_VERBS = r"(?:n['’]|(?:ne|no|is|are|was|would|can|may|has|es|son|sería|est|sont|serait)\b)"
_ARTICLE = re.compile(rf"(?<![\w.])A(?= (?!{_VERBS}|(?:and|or|y|o|et|ou) [A-H]\b)[a-zà-ÿ«“\d])")
# Alone among spaces and punctuation; a hyphen or a sign makes it a part of something.
_ALONE = re.compile(r"(?<![\w\-–+/'’°^.·])[A-HＡ-Ｈ](?![\w\-–+/'’°^·=]|\.[A-Za-zА-я])")
_IN_BRACKETS = re.compile(r"(?<=[(\[（])\s*[a-h]\s*(?=[)\]）])|(?<![\w(])[a-h](?=\))")
# Han and kana stand close to a label; "ABD" is labels in order, "CEA" is a word.
_ALONE_IN_CJK = re.compile(
    r"(?<![A-Za-z0-9α-ωＡ-Ｚ\-–+/.])(?=[A-HＡ-Ｈ])[AＡ]?[BＢ]?[CＣ]?[DＤ]?[EＥ]?[FＦ]?[GＧ]?[HＨ]?"
    r"(?![A-Za-z0-9α-ωＡ-Ｚ\-–+/])"
)
_SMALL_IN_JAPANESE = re.compile(
    r"(?<![A-Za-z0-9α-ωａ-ｚ\-–+/.])[a-hａ-ｈ](?=\s*(?:[はがもと、。:：○×]|正し|誤)|\s*$)",
    re.MULTILINE,
)
_CJK_KINDS = (
    r"维生素|维他命|ビタミン|肝炎病毒|免疫球蛋白|蛋白|因子|辅酶|毒素|血红蛋白|凝血因子|分期|分级|期|级|类|组|"
    r"グループ|クラス|タイプ|インヒビン|凝固因子"
)
_INNOCENT_IN_CJK = re.compile(
    rf"(?:{_CJK_KINDS})\s?[A-H](?:[、,和与及]\s?[A-H])*(?![A-Za-z])"
    r"|[A-H](?:型|族|组|群|类|類|级|級|期|区|区域|超|细胞|細胞|淋巴|リンパ|链|鎖|环|線維|纤维|波|帯|带|抗原|抗体|链球菌|组链|群链)"
    r"|ACE(?=抑制|阻害|の)"
)
_CYRILLIC = re.compile(
    r"(?<![\w\-–.])[БГДЕ](?![\w\-–.])|(?<![\w\-–.])[АВСЕ](?=\s*(?:[,;:.)»]|$|[—–-]\s|и [А-Е]\b))"
)
_CYRILLIC_NAMED = re.compile(r"(?i:вариант\w*|ответ\w*|пункт\w*|букв\w*)\s+[«\"]?([А-ЕA-H])(?!\w)")
_LATIN_NAMED = re.compile(
    r"(?i:\b(?:answers?|options?|choices?|numbers?|statements?|r[ée]ponses?|propositions?|num[ée]ros?|"
    r"respuestas?|opci[oó]n(?:es)?|alternativ[ae]s?|n[úu]meros?))\W{0,3}([A-H]|[1-5])(?![\w%]|[.,]\d)"
    r"|[(]([1-5]) (?i:(?:in)?correct|fals|vrai|faux)"
)
_NAMED = ("labels", "said", "bare")  # groups of the patterns of explanations


def label_spans(text: str, language: Language) -> list[tuple[int, int]]:
    """Return where a text names options, in order; spans do not overlap."""
    innocent = [match.span() for one in _innocent(language) for match in one.finditer(text)]
    alone = [match.span() for one in _alone(language) for match in one.finditer(text)]
    outside = [span for span in alone if span[0] < span[1] and not _is_within(span, innocent)]
    named = [
        match.span(group)
        for pattern in _naming(language)
        for match in pattern.finditer(text)
        for group in _label_groups(pattern)
        if match[group]
    ]
    return _merged(outside + named)


def names_options(text: str, language: Language) -> bool:
    """Tell whether a text names an option by its label."""
    return bool(label_spans(text, language))


def _innocent(language: Language) -> tuple[re.Pattern[str], ...]:
    if language in CHARACTER_LANGUAGES:
        return RULES[language].innocent, _INNOCENT_IN_CJK
    return _INNOCENT, _INNOCENT_BEFORE, _ARTICLE


def _alone(language: Language) -> tuple[re.Pattern[str], ...]:
    if language == "ja":
        return _ALONE_IN_CJK, _IN_BRACKETS, _SMALL_IN_JAPANESE
    if language == "zh":
        return _ALONE_IN_CJK, _IN_BRACKETS
    return (_ALONE, _IN_BRACKETS, _CYRILLIC) if language == "ru" else (_ALONE, _IN_BRACKETS)


@cache
def _naming(language: Language) -> tuple[re.Pattern[str], ...]:
    """Return patterns whose groups are labels for sure: "the correct answer is b"."""
    rules = RULES[language]
    known = (rules.key_note, rules.reference, re.compile(key_pattern(language)))
    if language in CHARACTER_LANGUAGES:
        return known
    return *known, _CYRILLIC_NAMED if language == "ru" else _LATIN_NAMED


@cache
def _label_groups(pattern: re.Pattern[str]) -> tuple[int, ...]:
    named = [pattern.groupindex[name] for name in _NAMED if name in pattern.groupindex]
    return tuple(named) or tuple(range(1, pattern.groups + 1))


def _is_within(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
