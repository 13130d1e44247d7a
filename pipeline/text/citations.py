"""Bibliographic remains: what a text says of the book that it was taken from."""

from __future__ import annotations

import re

_PAGE = r"(?:pp?|pgs?|pag|pages?|pág|págs|páginas?|стр|ページ|頁|页)"
_BOOKS = (
    "Harrison|Robbins|Guyton|Ganong|Bailey|Schwartz|Sabiston|Nelson|Ghai|Park|Katzung|Goodman|KDT"
    "|Tripathi|Dutta|Shaw|Williams|Novak|Snell|BDC|BD Chaurasia|Chaurasia|Lippincott|Harper|CMDT"
    "|Satyanarayana|Ananthanarayan|Jawetz|Reddy|Parikh|Dhingra|Khurana|Parsons|Kanski|Maheshwari"
    "|Campbell|Rook|Kaplan|Morgan|Miller|Ajay Yadav|Langman|Inderbir|Gray|Netter|Farreras|Rozman"
    "|Cecil|Wintrobe|Apley|Love|SRB|Manipal|Orban|Shafer|Neville|Tencate|Carranza|Sturdevant"
)
_NTH = r"[0-9]{1,2} ?(?:st|nd|rd|th|ª|e|ème|-е|-й)"
_DATE = r"(?:19|20)[0-9]{2} ?(?:[A-Z][a-z]{2,8}\.?)?(?: ?[0-9]{1,2})?"
_EDITION = r"(?:[0-9]/e|[Ee]dition|[Pp](?:g|age)?[ .-]{0,2}[0-9]{1,4})"
_EDITION_WORD = r"(?:edition|edición|édition)"
_REFERENCE = r"(?:[Rr]ef|REF|[Rr]eferences?|REFERENCES?|Réfs?|Références?)\.?"
_CJK_NUMBER = "[0-9０-９一二三四五六七八九十]{1,3}"
_REMAINS = (
    r"(?i:\bpgs?[ .:-]{0,3}(?:no[ .:-]{0,3})?[0-9]{1,4}\b)",
    r"(?i:\bpage ?(?:no\.?|number)[ :-]{0,2}[0-9]{1,4}\b)",
    rf"(?i:\b{_NTH} ?/? ?(?:edn|ed|éd|изд)\b)",
    rf"(?i:\b{_NTH}[ /-]{_EDITION_WORD}[ ,.;:()-]{{0,5}}{_PAGE}?[ .]{{0,2}}[0-9]{{2,4}})",
    r"(?i:\b[0-9]{1,2} ?/ ?e\b[ ,.:(]{0,4}(?:p|pg|page)?[ .-]{0,2}[0-9]{1,4})",
    rf"\b(?:{_BOOKS})(?:['’]?s)?\b[^.\n]{{0,60}}?{_EDITION}\b",
    rf"(?:^|[(\[\s]){_REFERENCE} ?[:：] ?(?:[A-ZА-Я\"'“(\[]|http)",
    r"\b(?:Источник|Литература|Bibliografía|Bibliographie|Fuente) ?: ?[^\s]|Список литературы",
    r"[(\[][^()\[\]\n]{0,80}\bet al\.?,? ?(?:19|20)[0-9]{2}\b",
    r"\bet al\.?, ?(?:19|20)[0-9]{2}\b",
    r"(?i:\bdoi ?[:：] ?10\.|\bdoi\.org/|\bPMID\b ?[:：]? ?[0-9]|\bPMC ?[0-9]{5,}|\bISBN\b)",
    rf"\b{_DATE} ?; ?[0-9]{{1,4}} ?(?:\([^()]{{1,12}}\))? ?: ?[eE]?[0-9]+",
    r"(?i:\bpágs?\b[ .:]{0,2}[0-9]{1,4})|\bpp\. ?[0-9]{1,4}",
    r"(?i:\bстр\b\.? ?[0-9]{1,4})|[—–-] ?С\. ?[0-9]{1,4}",
    r"出典 ?[:：]|引用元|(?:参考|引用)(?:文献|资料) ?(?:[:：\n]|$)|出[处處] ?[:：]|[摘引]自《",
    rf"第 ?{_CJK_NUMBER} ?版[》』」）)、,， ]{{0,3}}(?:[PpＰｐ][Pp.． ]{{0,3}}|第)[0-9０-９]",
    rf"》[（( ]{{0,2}}第 ?{_CJK_NUMBER} ?版|第 ?[0-9]{{1,4}} ?[页頁]",
    r"[\u3040-\u9fff，。；、][（( ]{0,2}[PＰ]\.? ?[0-9]{2,4}(?:[-~～—][0-9]{1,4})? ?[）)，。；]",
)
_PATTERN = re.compile("|".join(_REMAINS))
# Rust counts combining marks to the word and Python does not, so word bounds are left out here.
CITATION_SUSPECTS = "|".join(_REMAINS).replace(r"\b", "")


def citation(text: str, language: str) -> float:  # noqa: ARG001
    """Return the number of bibliographic remains: "20th ed pg 2456", "Pág. 345", "PMID 123"."""
    return float(sum(1 for _ in _PATTERN.finditer(text)))
