"""What the report shows, as plain values: `page.py` computes them, the templates lay them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def is_role(reason: str) -> bool:
    """Tell whether a reason only says that a row's role is not to be published."""
    return reason.startswith("role_")


@dataclass(frozen=True, slots=True)
class Flow:
    """Rows through some part of the build: in + added == kept + dropped + set aside."""

    rows_in: int
    added: int
    kept: int
    drops: Mapping[str, int]  # by reason, `role_*` included

    @property
    def set_aside(self) -> int:
        """Rows that only served to protect or to inform others, and were never to be published."""
        return sum(rows for reason, rows in self.drops.items() if is_role(reason))

    @property
    def dropped(self) -> int:
        """Rows dropped for what they are."""
        return sum(self.drops.values()) - self.set_aside

    @property
    def candidates(self) -> int:
        """Rows that could have been published."""
        return self.rows_in + self.added - self.set_aside

    @property
    def loss(self) -> float:
        """Share of the candidates that was dropped."""
        return self.dropped / self.candidates if self.candidates else 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a bar, in hundredths of the drawing's width."""

    kind: str  # kept | dropped | aside
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class StageView:
    """One step of the funnel."""

    name: str
    flow: Flow
    bar: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows a stage dropped for a reason."""

    stage: str
    reason: str
    sentence: str
    rows: int


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source in one language, from reading to release; `whole.kept` are its published rows."""

    name: str
    whole: Flow
    kept_first: int  # by the first stage, `ingest`
    bar: tuple[Segment, ...]
    reasons: tuple[ReasonCount, ...]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A reason with its rows per stage."""

    reason: str
    sentence: str
    cells: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Dropped rows by reason and stage; only stages that dropped something have a column."""

    stages: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    totals: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Example:
    """A dropped row as the ledger tells it, masked, shortened."""

    id: str
    stage: str
    source: str
    file: str
    row: int
    question: str  # empty: the row has none, or it is not for this page
    evidence: str  # empty also where it only repeats the question
    value: float | None
    threshold: float | None
    kept_instead: str | None


@dataclass(frozen=True, slots=True)
class ReasonView:
    """A reason with examples."""

    reason: str
    sentence: str
    rows: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """Published rows of a subset, or of one form of it, per split."""

    subset: str
    form: str  # empty: all forms
    per_split: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class FlagCount:
    """How many published rows carry a flag."""

    flag: str
    sentence: str
    rows: int


@dataclass(frozen=True, slots=True)
class LanguageView:
    """Everything that the page says about a language."""

    code: str
    name: str
    own_name: str
    whole: Flow
    published: tuple[PublishedRow, ...]
    flags: tuple[FlagCount, ...]
    notices: tuple[str, ...]
    stages: tuple[StageView, ...]
    sources: tuple[SourceView, ...]
    benchmarks: tuple[tuple[str, int], ...]  # name, items in this language
    matrix: Matrix
    reasons: tuple[ReasonView, ...]

    @property
    def anchor(self) -> str:
        """The id of the language's section on the page."""
        return self.code or "unknown"


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    title: str
    version: str
    licenses: str
    digest: str
    splits: tuple[str, ...]
    whole: Flow
    languages: tuple[LanguageView, ...]
    absent_languages: tuple[str, ...]
    has_forms: bool
    checked: tuple[str, ...]
    missing: tuple[str, ...]
    missing_files: Mapping[str, str]
    versions: Mapping[str, str]
    files: Mapping[str, Mapping[str, str]]
