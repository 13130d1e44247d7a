"""RuMedSymptomRec: a patient's complaints in Russian and one more symptom to ask about, RuMedBench.

Upstream cut the symptom's span out of the complaint, so the label cannot be read off the text: it
still stands there in 3 of 3,300 rows. 141 labels, long-tailed. A reference set in all its splits.
"""

from __future__ import annotations

from sources import rumedbench
from sources.source import Source

SOURCE = Source(
    name="symptom_rec",
    title="RuMedSymptomRec (RuMedBench)",
    homepage=rumedbench.HOMEPAGE,
    revision=rumedbench.COMMIT,
    languages=("ru",),
    files=rumedbench.split_files(
        "RuMedSymptomRec",
        train="a80ea555304a554590048710e2a0ad505877ad1bc2a1348530a03d48632a16fc",
        dev="0b440087aa53e190afdb38098a4c81b6845c226cdffd7110beaea5955d88e582",
        test="8ff4e93df488a8453de9e14b21b797dfbda123fbd40b5e4c0d18ab04520bed72",
    ),
    splits={"train": "reference", "dev": "reference", "test": "reference"},
    license="Apache-2.0",
    license_evidence=rumedbench.LICENSE_EVIDENCE,
    redistributable="yes",
    forms=("classification",),
    citation=rumedbench.CITATION,
    expected_rows={"train": {"ru/qa": 2470}, "dev": {"ru/qa": 415}, "test": {"ru/qa": 415}},
)

parse = rumedbench.parse_labelled
