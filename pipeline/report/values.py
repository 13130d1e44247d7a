"""What the report shows, as plain values: `page.py` computes them, the templates lay them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.recipe import Report
from pipeline.report.answers import Answers
from pipeline.report.clusters import Clusters
from pipeline.report.contamination import Match, Overlap
from pipeline.report.difference import Difference, Moved
from pipeline.report.fertility import Fertility
from pipeline.report.lengths import Lengths
from pipeline.report.mixes import Direction, Heat
from pipeline.report.pairs import Pair
from pipeline.report.status import Status

if TYPE_CHECKING:
    from pipeline.report.samples import Browser

LANGUAGE_NAMES = {  # English name, own name
    "en": ("English", "English"),
    "zh": ("Chinese", "中文"),
    "ja": ("Japanese", "日本語"),
    "fr": ("French", "français"),
    "ru": ("Russian", "русский"),
    "es": ("Spanish", "español"),
    "": ("Language not known", ""),  # rows that could not be read at all
}


def is_role(reason: str) -> bool:
    """Tell whether a reason only says that a row's role is not to be published."""
    return reason.startswith("role_")


def repeats_protected(reason: str) -> bool:
    """Tell whether a row left because it says a benchmark or validation item again.

    Of such a row the page shows no text: it would show that of the item.
    """
    return reason.startswith(("benchmark_", "validation_"))


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

    @property
    def is_protected(self) -> bool:
        """Whether its rows say a protected item again."""
        return repeats_protected(self.reason)


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
class MadeLine:
    """How the jobs of an operation in one stage went, of one direction."""

    stage: str
    operation: str
    direction: str  # of a translation: the language that it is from; else empty
    jobs: int
    kept: int
    published: int
    quarantined: Mapping[str, int]  # by reason, most first


@dataclass(frozen=True, slots=True)
class UsedModel:
    """How many jobs a model did by a prompt, and how many of them on being asked once more."""

    model: str
    prompt: str
    jobs: int
    retried: int


@dataclass(frozen=True, slots=True)
class RationaleView:
    """How rationales fared: a second reader sees only those that pass the other checks."""

    written: int
    read: int  # by a second reader
    agreed: int  # of these, the reader arrived at the key
    kept: int
    refused: tuple[tuple[str, str, int], ...]  # check, sentence, rows

    @property
    def rate(self) -> float:
        """Share of the second reader's answers that are the key."""
        return self.agreed / self.read if self.read else 0.0


@dataclass(frozen=True, slots=True)
class MadeView:
    """What language models made in a language."""

    lines: tuple[MadeLine, ...]
    reasons: tuple[tuple[str, str], ...]  # of all lines, each with its sentence
    models: tuple[UsedModel, ...]
    rationales: RationaleView | None
    kept: tuple[Pair, ...]  # some of them, as of those below
    quarantined: tuple[Pair, ...]

    @property
    def num_kept(self) -> int:
        """Results of which examples can be shown: points are no text."""
        return sum(line.kept for line in self.lines if line.operation != "score")

    @property
    def num_quarantined(self) -> int:
        """What did not pass, of the same."""
        return sum(line.jobs - line.kept for line in self.lines if line.operation != "score")


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
    made: MadeView | None  # None: models made nothing in this language
    status: Status
    own_line: str  # how many rows are published, in the language itself
    lengths: tuple[Lengths, ...]
    answers: Answers | None  # None: no rows, or they are not at hand
    clusters: Clusters | None
    matches: tuple[Match, ...]  # rows that met a protected item
    moves: tuple[Moved, ...]  # since the build before

    @property
    def anchor(self) -> str:
        """The id of the language's section on the page."""
        return self.code or "unknown"


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page; languages by trouble, the worst first."""

    title: str
    version: str
    licenses: str
    digest: str
    splits: tuple[str, ...]
    whole: Flow
    languages: tuple[LanguageView, ...]
    absent_languages: tuple[str, ...]
    limits: Report
    has_forms: bool
    has_made: bool  # what models made can be told: the tables are at hand, or no model was asked
    has_rows: bool  # the tables of published rows are at hand
    unfinished: Mapping[str, int]  # jobs that a stage left undone
    spent_usd: float
    difference: Difference | None
    sources: Heat
    forms: Heat | None
    license_mix: Heat | None
    detected: Heat | None
    directions: tuple[Direction, ...]
    contamination: tuple[Overlap, ...]
    checked: tuple[str, ...]
    missing: tuple[str, ...]
    missing_files: Mapping[str, str]
    versions: Mapping[str, str]
    files: Mapping[str, Mapping[str, str]]
    browser: Browser | None = None  # records to look at; None: not at hand
    fertility: tuple[Fertility, ...] = ()  # of the pools that were named

    @property
    def mismatches(self) -> Mapping[str, str]:
        """Where examples of rows in another language than declared are, by declared language."""
        return {
            one.code: f"{one.anchor}-language_mismatch"
            for one in self.languages
            if any(reason.reason == "language_mismatch" for reason in one.reasons)
        }
