"""How well an endpoint translates: chrF++ against TICO-19's references, and what the checks find.

chrF++ counts pairs of words, and Chinese and Japanese set no spaces between theirs, so that a whole
clause is one word there. chrF, which counts characters alone, stands beside it for every language
and is the one to read for Chinese and Japanese; both carry sacrebleu's signature of their settings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import InputError
from pipeline.fetch import locate
from pipeline.store import write_atomically
from pipeline.tables.reading import write_arrow
from pipeline.translation.checks import check_text
from pipeline.translation.problem import CHECKS, Problem
from schemas.item import Item, Language
from sources import tico19

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF

TARGETS: tuple[Language, ...] = ("es", "fr", "ru", "zh")  # TICO-19 has no Japanese sentences
NUM_RESAMPLES = 1_000  # of the bootstrap; this and the seed are sacrebleu's own defaults
SEED = 12345
WORD_ORDERS = {"chrf++": 2, "chrf": 0}
SENTENCES_FILE = "sentences.parquet"
SUMMARY_FILE = "summary.json"

_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("source", pa.string()),
        ("reference", pa.string()),
        ("translation", pa.string()),
        *((name, pa.float64()) for name in WORD_ORDERS),
        ("problems", pa.list_(pa.struct([("check", pa.string()), ("evidence", pa.string())]))),
    ]
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """An English sentence and its translation by a person; `key` is the one of TICO-19."""

    key: str
    source: str
    reference: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A score from 0 to 100 of a whole corpus, with its 95 % bootstrap interval."""

    score: float
    low: float
    high: float
    signature: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A sentence, how it was translated, its scores by metric and its problems."""

    sentence: Sentence
    translation: str
    scores: dict[str, float]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What `summary.json` says; an empty translation scores 0 and never passes."""

    model: str
    language: Language
    num_sentences: int
    num_empty: int
    num_passed: int
    pass_rate: float
    num_by_check: dict[str, int]  # a sentence counts once for every check that it fails
    metrics: dict[str, Metric]


def read_sentences(raw: Path, target: Language) -> list[Sentence]:
    """Return TICO-19's sentences with their own reference in a language, in their order."""
    if target not in TARGETS:
        raise InputError(
            f"TICO-19 has no references in {target!r}: its sentences are in "
            f"{', '.join(TARGETS)}. Choose one of them."
        )
    name = {"es": "all.en-es-LA.tmx"}.get(target, f"all.en-{target}.tmx")
    file = next(file for file in tico19.SOURCE.files["sentences"] if file.path.endswith(name))
    path = locate(raw, file)
    if path is None:
        raise InputError(f"{raw / file.path}: no such file. Run: mmed fetch tico19 --raw {raw}")
    texts: dict[str, dict[str, str]] = {}
    for item in tico19.parse({"sentences": [path]}):
        if isinstance(item, Item):
            texts.setdefault(item.key, {})[item.language] = item.question
    return [
        Sentence(key, text["en"], text[target])
        for key, text in texts.items()
        if "en" in text and target in text
    ]


def score(
    sentences: Sequence[Sentence], translations: Sequence[str], target: Language
) -> list[Scored]:
    """Score and check every translation on its own."""
    metrics = {name: _metric(order) for name, order in WORD_ORDERS.items()}
    return [
        Scored(
            sentence,
            translation,
            {
                name: metric.sentence_score(translation, [sentence.reference]).score
                for name, metric in metrics.items()
            },
            tuple(check_text(sentence.source, translation, "en", target, "text")),
        )
        for sentence, translation in zip(sentences, translations, strict=True)
    ]


def summarize(scored: Sequence[Scored], model: str, target: Language) -> Summary:
    """Return the scores of the corpus and the counts of the checks."""
    if not scored:
        raise InputError("There is no sentence to score.")
    num_passed = sum(bool(one.translation) and not one.problems for one in scored)
    failed = Counter(
        check for one in scored for check in {problem.check for problem in one.problems}
    )
    return Summary(
        model=model,
        language=target,
        num_sentences=len(scored),
        num_empty=sum(not one.translation for one in scored),
        num_passed=num_passed,
        pass_rate=round(num_passed / len(scored), 4),
        num_by_check={check: failed[check] for check in CHECKS if failed[check]},
        metrics={name: _corpus_score(scored, order) for name, order in WORD_ORDERS.items()},
    )


def write(out: Path, scored: Sequence[Scored], summary: Summary) -> None:
    """Write the sentences as Parquet and the summary as JSON below a folder."""
    write_arrow(out / SENTENCES_FILE, [_table(scored)], _SCHEMA)
    text = json.dumps(asdict(summary), ensure_ascii=False, indent=1)
    write_atomically(out / SUMMARY_FILE, f"{text}\n".encode())


def _table(scored: Sequence[Scored]) -> pa.Table:
    rows = [
        {
            **asdict(one.sentence),
            "translation": one.translation,
            **one.scores,
            "problems": [asdict(problem) for problem in one.problems],
        }
        for one in scored
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _metric(word_order: int) -> CHRF:
    try:
        from sacrebleu.metrics.chrf import CHRF
    except ModuleNotFoundError as error:
        raise InputError(
            "`sacrebleu` (extra `evaluate`) is not installed. Run: pip install 'mmed-ift[evaluate]'"
        ) from error
    return CHRF(word_order=word_order)


def _corpus_score(scored: Sequence[Scored], word_order: int) -> Metric:
    metric = _metric(word_order)
    translations = [one.translation for one in scored]
    references = [[one.sentence.reference for one in scored]]
    # sacrebleu's own bootstrap ends in a TypeError where a resample scores 0, so that of its
    # methods only those are called that it calls itself.
    counts = np.array(metric._extract_corpus_statistics(translations, references), np.int64)
    chance = np.random.default_rng(SEED)
    samples = (chance.integers(len(scored), size=len(scored)) for _ in range(NUM_RESAMPLES))
    scores = sorted(_score(metric, counts[sample]) for sample in samples)
    edge = NUM_RESAMPLES // 40  # 2.5 % on either side
    return Metric(
        score=_score(metric, counts),
        low=scores[edge],
        high=scores[-edge - 1],
        signature=str(metric.get_signature()),
    )


def _score(metric: CHRF, counts: npt.NDArray[np.int64]) -> float:
    return round(float(metric._compute_score_from_stats(counts.sum(axis=0).tolist()).score), 4)
