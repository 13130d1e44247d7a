"""RuMedTop3: a patient's complaints in Russian and the ICD-10 code of the visit, from RuMedBench.

An open item whose answer is one of 105 three-character codes ("M54", 12 % of the rows): an
exercise in coding, not a diagnosis. The question is the complaint alone; nothing asks for a code,
so whoever emits it has to say what the label set is, and caps the rows per code.
"""

from __future__ import annotations

from sources import rumedbench
from sources.source import Source

SOURCE = Source(
    name="rumed_top3",
    title="RuMedTop3 (RuMedBench)",
    homepage=rumedbench.HOMEPAGE,
    revision=rumedbench.COMMIT,
    languages=("ru",),
    files=rumedbench.split_files(
        "RuMedTop3",
        train="b185fe85ad4b4346be3180997fa77816b6e4166567560f2ce948428c51eb6b85",
        dev="6b56b2d916a9da92064c749092d2fc4a1677e17b9bb03978f41b213e99c6d286",
        test="2be46c07dabe26976b6393f93e6333818665530953e7c22007c6080de3dca507",
    ),
    splits={"train": "train", "dev": "validation", "test": "benchmark"},
    license="Apache-2.0",
    license_evidence=rumedbench.LICENSE_EVIDENCE,
    redistributable="yes",
    forms=("classification",),
    citation=rumedbench.CITATION,
    expected_rows={"train": {"ru/qa": 4690}, "dev": {"ru/qa": 848}, "test": {"ru/qa": 822}},
)

parse = rumedbench.parse_labelled
