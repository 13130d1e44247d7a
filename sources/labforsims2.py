"""LabForSims2: what doctors in training asked a simulated patient, and what she answered.

The answers are the patient's, often the same fallback sentence for unlike questions (637 distinct
answers to 2,701 questions), so the rows are reference material and no teaching answers. Three
files are joined by identifier. The 41 whole dialogues upstream (909 exchanges) are not read: they
hold no answer of a doctor either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.item import BadRow, Item
from sources.reading import EXCERPT_CHARACTERS, read_text
from sources.source import File, Source

_REVISION = "0926b03eed0a6bc8ce91361fb2ae71d86ab97ac7"
_REPOSITORY = f"https://raw.githubusercontent.com/kleag/labforsims2-corpus/{_REVISION}"
_SEPARATOR = "+++"


def _file(name: str, sha256: str) -> File:
    return File(
        path=f"fr/labforsims2/single/{name}", sha256=sha256, url=f"{_REPOSITORY}/single/{name}"
    )


SOURCE = Source(
    name="labforsims2",
    title="LabForSims2 corpus",
    homepage="https://github.com/kleag/labforsims2-corpus",
    revision=_REVISION,
    languages=("fr",),
    files={
        "single": (
            _file("d_p.txt", "2b24b53404a560d0b56420c0afb0cf6c02916e9219211a2d1bb7d8e121d545c6"),
            _file("doctor.txt", "4fe10b849e4a96f19c30940309cfbefeb9f5c5acf2291482adeba45f3bd03f9f"),
            _file(
                "patient.txt", "c55f75de54006a450d04bbf1545acb10df67c15b73283d8724945ff7076fee67"
            ),
        )
    },
    splits={"single": "reference"},
    license="CC-BY-SA-4.0",
    license_evidence="LICENCE of github.com/kleag/labforsims2-corpus",
    redistributable="yes",
    forms=("consultation",),
    citation=(
        "Fréjus A. A. Laleye, Gaël de Chalendar, Antonia Blanié, Antoine Brouquet and "
        "Dan Behnamou. A French Medical Conversations Corpus Annotated for a Virtual Patient "
        "Dialogue System. LREC 2020. https://aclanthology.org/2020.lrec-1.72"
    ),
    expected_rows={"single": {"fr/qa": 2701}},
)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one exchange per line of the pair file."""
    for split, paths in files.items():
        by_name = {path.name.removesuffix(".gz"): path for path in paths}
        questions = dict(_utterances(by_name["doctor.txt"]))
        answers = dict(_utterances(by_name["patient.txt"]))
        yield from _exchanges(split, by_name["d_p.txt"], questions, answers)


def _utterances(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (identifier, text) for every line `MTF0001 +++ bonjour`."""
    for line in read_text(path).splitlines():
        identifier, _, text = line.partition(_SEPARATOR)
        yield identifier.strip(), text.strip()


def _exchanges(
    split: str, path: Path, questions: Mapping[str, str], answers: Mapping[str, str]
) -> Iterator[Item | BadRow]:
    for row, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        doctor, _, patient = (part.strip() for part in line.partition(_SEPARATOR))
        if not questions.get(doctor) or not answers.get(patient):
            yield BadRow(str(path), row, "missing_field", line[:EXCERPT_CHARACTERS], "fr")
            continue
        yield Item(
            file=str(path),
            row=row,
            key=f"{doctor}+{patient}",
            split=split,
            task="qa",
            form="consultation",
            language="fr",
            question=questions[doctor],
            answer=answers[patient],
            # Upstream's class of the question: HDM, ATD, MDV, PSN, TRT, MTF or UNK.
            topic=doctor.rstrip("0123456789"),
        )
