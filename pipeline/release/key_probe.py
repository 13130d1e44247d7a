"""Tells whether question keys were made by the code that now compares them.

`benchmarks.parquet` holds digests. Once the code behind them changes, old digests meet no new one
and a contaminated release would seem clean. So the table carries a digest of the keys of a few
fixed questions; another digest means that its keys cannot be compared.
"""

from __future__ import annotations

import polars as pl

from pipeline.contamination.texts import item_digests
from pipeline.keys import text_digest

NAME = b"key_probe"  # in the metadata of the table's Arrow schema

# One question per language with what comparison keys fold: width, case, signs, numbers, units,
# numbering, punctuation, look-alike letters.
_QUESTIONS = {
    "en": "12. A 65-year-old, 1,250 mg/day (10⁶ IU) of β-carotene – HbA1c ≥ 6.5 %: which is TRUE?",
    "zh": "１２、患者，男，６５岁，血压138／86 mmHg，ＨＢｓＡｇ（＋），下列檢查哪项最有意义？",
    "ja": "問12　65歳の男性。体温３８．５℃、SpO₂ 96％。第一選択薬はどれか。ｱﾄﾞﾚﾅﾘﾝを除く。",
    "fr": "Q12. Chez l’œdème aigu, 1 000 ml à 0,9 % (Na⁺ < 135 mmol/l) : laquelle est vraie ?",
    "ru": "12) Чёткая доза: 0,5 мг/кг при t° 38,5 °C – какой прeпарат выбирают при рН ≤ 7,35?",
    "es": "12.- ¿Cuál de los siguientes NO es útil con 1.250 µg/día de “ácido fólico” (±5 %)?",
}


def key_probe() -> str:
    """Return the digest of the question keys of fixed questions."""
    rows = [
        {"language": language, "question": question, "options": ["A", "Ｂ 1,5"]}
        for language, question in _QUESTIONS.items()
    ]
    return text_digest(*(one for digests in item_digests(pl.DataFrame(rows)) for one in digests))
