"""Leaves in a folder what a build with language models leaves, from rows made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline import ledger
from pipeline.frames import StageResult
from pipeline.llm.prompts import prompt
from pipeline.stages.children import child, dropped, step, with_children
from pipeline.store import parquet_bytes
from schemas.item import LANGUAGES, Language
from tests.pipeline.stages.rows import Row, flag, frame, sample_mcq, sample_qa

MODEL = "local/tiny@0123abcd"
STAGES = ("ingest", "translate", "augment", "emit")


def translated(
    parent: Row,
    to: Language,
    fields: dict[str, Any],
    reason: str | None = None,
    evidence: str = "",
    variant: int = 0,
) -> Row:
    """Return the translation of a row, quarantined where there is a reason."""
    used = prompt("translate", source=parent["language"], target=to)
    done = step("translate", MODEL, used.name, variant, ["key"])
    row = child(parent, done, used, to) | {"origin": "translated", **fields}
    return dropped(row, reason, evidence) if reason else row


def rewritten(parent: Row, question: str, answer: str, reason: str = "", evidence: str = "") -> Row:
    """Return a further question of a row, quarantined where there is a reason."""
    used = prompt("rewrite", target=parent["language"])
    done = step("augment", MODEL, used.name, 0, ["key"])
    row = child(parent, done, used, parent["language"]) | {
        "task": "qa",
        "origin": "generated",
        "question": question,
        "answer": answer,
        "context": "",
        "options": [],
        "answer_indices": [],
        "rationale": "",
    }
    return dropped(row, reason, evidence) if reason else row


def explained(row: Row, rationale: str) -> Row:
    """Return a row with a rationale that a model wrote and a second reader followed."""
    used = prompt("rationale", target=row["language"])
    done = step("augment", MODEL, used.name, 0, ["key"])
    return {**row, "rationale": rationale, "steps": [*row["steps"], done]}


def unexplained(row: Row, evidence: str) -> Row:
    """Return a row whose rationale was refused."""
    return {**row, "flags": [*row["flags"], flag("rationale_rejected", evidence)]}


@dataclass(frozen=True)
class Made:
    """What the stages of a build did with some rows."""

    rows: Sequence[Row]
    translations: Sequence[Row] = ()
    rewrites: Sequence[Row] = ()
    augmented: Sequence[Row] = ()  # instead of rows of the same ids
    unfinished: int = 0

    def write(self, out: Path) -> Path:
        """Write tables, ledger and manifest; return the folder."""
        read = frame(*self.rows)
        after_translate = with_children(read, self.translations)
        changed = {row["id"]: row for row in self.augmented}
        kept = [changed.get(r["id"], r) for r in after_translate.kept.iter_rows(named=True)]
        after_augment = with_children(frame(*kept), self.rewrites)
        nothing = with_children(read.clear(), ()).dropped
        results = [
            StageResult(read, nothing),
            after_translate,
            after_augment,
            StageResult(after_augment.kept, nothing),
        ]
        _write(out, dict(zip(STAGES, results, strict=True)), self.unfinished)
        return out


def _write(out: Path, results: dict[str, StageResult], unfinished: int) -> None:
    before = pl.concat([results["ingest"].kept])
    tables: dict[str, dict[str, list[str]]] = {}
    counts, drops = {}, [ledger.empty()]
    for stage, result in results.items():
        (out / "store" / stage).mkdir(parents=True)
        tables[stage] = {}
        for kind, rows in (("kept", result.kept), ("dropped", result.dropped)):
            (out / "store" / stage / f"{kind}.parquet").write_bytes(parquet_bytes(rows))
            tables[stage][kind] = [f"{stage}/{kind}.parquet"] if rows.height else []
        counts[stage] = ledger.to_json(ledger.count(before, result))
        drops.append(ledger.ledger_rows(stage, result.dropped))
        before = result.kept
    pl.concat(drops).write_parquet(out / "ledger.parquet")
    manifest = {
        "recipe": {
            "release": {"name": "mmed-ift-test", "version": "0.1.0"},
            "licenses": "research",
            "stages": [{"stage": stage, "instance": stage} for stage in STAGES],
        },
        "versions": {},
        "sources": {},
        "missing": {},
        "benchmarks": {"checked": [], "missing": []},
        "stages": [{"name": stage} for stage in STAGES],
        "tables": tables,
        "counts": counts,
        "unfinished": {"translate": unfinished} if unfinished else {},
        "release": {},
        "release_digest": "cd" * 32,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, sort_keys=True), encoding="utf-8")


def samples() -> list[Row]:
    """Return an open and a multiple-choice row of each language."""
    return [row for code in LANGUAGES for row in (sample_qa(code), sample_mcq(code))]


def as_in(language: Language) -> dict[str, Any]:
    """Return question and answer of a language's open sample, as if translated."""
    sample = sample_qa(language)
    return {"question": sample["question"], "answer": sample["answer"]}
