"""What reviewers' verdicts do to records: an ordered history per id, each on the text it judged.

A verdict applies to the text whose digest it carries. A correction makes a new text, to which later
verdicts may apply in turn: a correction that is accepted in the next build stays. On one text the
last verdict counts. `pipeline/stages/review.py` obeys verdicts; here is what they say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from pipeline.errors import InputError
from pipeline.frames import ITEM_COLUMNS, polars_schema
from pipeline.keys import text_digest
from pipeline.text.mask import mask
from pipeline.text.normalize import published
from schemas.item import LANGUAGES
from schemas.review import (
    CORRECTABLE,
    DECISIONS,
    MAY_BE_EMPTIED,
    QUEUES,
    REVIEW,
    SEVERITIES,
    VERDICT_REASONS,
)

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

REVIEW_FILE = "review.parquet"
VERDICTS = polars_schema(REVIEW)

# Always in milliseconds, so that the order of these texts is that of the times.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)

Row = dict[str, Any]
Verdict = Mapping[str, Any]
State = Literal["fits", "superseded", "refused", "changed", "gone"]
UNUSED: dict[str, str] = {  # verdicts that a reviewer would expect to count
    "refused": "the answer of a multiple-choice record follows from its key",
    "changed": "the record's text has changed since",
    "gone": "the record is no longer in the build",
}


def judged_digest(row: Mapping[str, Any]) -> str:
    """Return the digest of what a reviewer sees of a record."""
    turns = (turn["content"] for turn in row["history"])
    options = [*row["options"], *(str(index) for index in row["answer_indices"])]
    return text_digest(*(row[name] for name in CORRECTABLE), *options, *turns)


@dataclass(frozen=True, slots=True)
class Followed:
    """A record after the verdicts on it; places are those in its history."""

    row: Row
    obeyed: tuple[int, ...]
    refused: tuple[int, ...]  # would take a multiple-choice answer away from its key
    changed: tuple[int, ...]  # on a text that the record does not have
    masked: tuple[str, ...]  # kinds of personal data in what reviewers typed
    rejection: Verdict | None


def follow(row: Row, history: Sequence[Verdict]) -> Followed:
    """Return what the verdicts on a record make of it; roles other than train stay as they are."""
    obeyed: list[int] = []
    refused: list[int] = []
    masked: list[str] = []
    last = -1
    while (place := _last_on(judged_digest(row), history, last)) is not None:
        last = place
        if is_refused(row, history[place]):
            refused.append(place)
            break
        obeyed.append(place)
        row, found = _corrected(row, history[place])
        masked += found
    rejected = bool(obeyed) and obeyed[-1] == last and history[last]["decision"] == "reject"
    return Followed(
        row=row,
        obeyed=tuple(obeyed),
        refused=tuple(refused),
        changed=tuple(range(last + 1, len(history))),
        masked=tuple(masked),
        rejection=history[last] if rejected else None,
    )


def _last_on(digest: str, history: Sequence[Verdict], after: int) -> int | None:
    places = range(len(history) - 1, after, -1)
    return next((place for place in places if history[place]["text_digest"] == digest), None)


def is_refused(row: Mapping[str, Any], verdict: Verdict) -> bool:
    """Tell whether a correction is of an answer that follows from the key."""
    fields = {one["field"] for one in verdict["corrections"]}
    return bool(row["task"] == "mcq" and "answer" in fields)


def _corrected(row: Row, verdict: Verdict) -> tuple[Row, list[str]]:
    found: list[str] = []
    for one in verdict["corrections"]:
        # What a reviewer typed has passed neither `normalize` nor `mask`.
        correction = mask(published(one["text"]), row["language"])
        row = {**row, one["field"]: correction.text}
        found += correction.found
    return row, found


def read_verdicts(path: Path) -> pl.DataFrame:
    """Read a file of verdicts; an `InputError` names what does not fit."""
    try:
        verdicts = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: no readable Parquet file of verdicts ({error}).") from error
    if verdicts.schema != VERDICTS:
        raise InputError(f"{path}: columns {verdicts.columns}, expected {list(VERDICTS)}.")
    for number, verdict in enumerate(verdicts.iter_rows(named=True), start=1):
        if fault := fault_of(verdict):
            raise InputError(f"{path}: row {number}: {fault}.")
    return verdicts


def fault_of(verdict: Verdict) -> str:
    """Return in words what is wrong with a verdict of the right types; empty where nothing is."""
    if not _TIME.fullmatch(verdict["judged_at"]):
        return f"judged_at {verdict['judged_at']!r:.60} is no time such as 2026-01-31T12:00:00.000Z"
    closed: dict[str, tuple[str, ...]] = {"decision": DECISIONS, "queue": QUEUES}
    if verdict["decision"] != "accept":
        closed |= {"reason": VERDICT_REASONS, "severity": SEVERITIES}
    for name, values in closed.items():
        if verdict[name] not in values:
            return f"{name} {verdict[name]!r} is none of {', '.join(values)}"
    if (verdict["decision"] == "correct") != bool(verdict["corrections"]):
        return f"decision {verdict['decision']!r} with {len(verdict['corrections'])} corrections"
    for one in verdict["corrections"]:
        if one["field"] not in CORRECTABLE:
            return f"field {one['field']!r} is none of {', '.join(CORRECTABLE)}"
        if not published(one["text"]) and one["field"] not in MAY_BE_EMPTIED:
            return f"the corrected {one['field']} is empty; reject the record instead"
    return ""


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file of verdicts."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: the file of verdicts cannot be read ({error}).") from error


def read_histories(paths: Sequence[Path]) -> dict[str, list[Row]]:
    """Return the verdicts of files by id, each record's in the order in which they were given."""
    tables = [pl.DataFrame(schema=VERDICTS), *map(read_verdicts, paths)]
    histories: dict[str, list[Row]] = defaultdict(list)
    ordered = pl.concat(tables).sort("judged_at", maintain_order=True)
    for verdict in ordered.iter_rows(named=True):
        histories[verdict["id"]].append(verdict)
    return dict(histories)


def review_files(out: Path, named: Sequence[str | Path]) -> list[Path]:
    """Return the files of verdicts that a build in a folder obeys: the recipe's, then its own."""
    own = out / REVIEW_FILE
    return [*map(Path, named), *([own] if own.exists() else [])]


def with_review(recipe: Recipe, out: Path) -> Recipe:
    """Return a recipe that also names the verdicts in the folder of its build, if there are any."""
    return recipe.model_copy(update={"review": tuple(review_files(out, recipe.review))})


def review_facts(out: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return which files of verdicts a build obeyed, and what became of the verdicts."""
    files = review_files(out, manifest["recipe"]["review"])
    judged = hold_against(out, manifest, read_histories(files))
    ids = {
        state: sorted({one.verdict["id"] for one in judged if one.state == state})
        for state in UNUSED
    }
    digests = {_shown(path, out): digest_of(path) for path in files}
    rows = {_shown(path, out): read_verdicts(path).height for path in files}
    return {"files": digests, "rows": rows, "verdicts": len(judged), **ids}


def _shown(path: Path, out: Path) -> str:
    return path.name if path == out / REVIEW_FILE else str(path)


def histories_of(out: Path, manifest: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Return the verdicts on a build that is there, of files that may have gone since."""
    named = review_files(out, manifest["recipe"].get("review", ()))
    return read_histories([path for path in named if path.exists()])


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict held against a build."""

    verdict: Verdict
    state: State
    language: str  # empty where the record is gone
    is_counted: bool  # of a record that is published, or is not because of this verdict


def hold_against(
    out: Path, manifest: Mapping[str, Any], histories: Mapping[str, Sequence[Verdict]]
) -> list[Judged]:
    """Return every verdict with what it finds in a build, by id and in each record's order."""
    if not histories:
        return []
    judged_stage, last_stage = _stages(manifest)
    rows = _rows(out, manifest, judged_stage, histories)
    published_ids = _rows(out, manifest, last_stage, histories).keys()
    judged: list[Judged] = []
    for one in sorted(histories):
        row = rows.get(one)
        if row is None or row["role"] != "train":
            judged += [Judged(verdict, "gone", "", is_counted=False) for verdict in histories[one]]
        else:
            judged += _held(row, histories[one], one in published_ids)
    return judged


def _held(row: Row, history: Sequence[Verdict], is_published: bool) -> Iterator[Judged]:
    done = follow(row, history)
    states: dict[int, State] = dict.fromkeys(range(len(history)), "superseded")
    states |= dict.fromkeys(done.changed, "changed")
    states |= dict.fromkeys(done.refused, "refused")
    states |= dict.fromkeys(done.obeyed, "fits")
    for place, verdict in enumerate(history):
        counts = states[place] == "fits" and (is_published or done.rejection is not None)
        yield Judged(verdict, states[place], row["language"], counts)


def can_be_held_against(out: Path, manifest: Mapping[str, Any]) -> bool:
    """Tell whether the rows that verdicts are about are still in a build's store."""
    return all(path.exists() for s in _stages(manifest) for path in _paths(out, manifest, s))


def _stages(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return the stage before `review`, or the last where none obeys verdicts, and the last."""
    entries = manifest["recipe"]["stages"]
    last = str(entries[-1]["instance"])
    before = (str(a["instance"]) for a, b in pairwise(entries) if b["stage"] == "review")
    return next(before, last), last


def _paths(out: Path, manifest: Mapping[str, Any], stage: str) -> list[Path]:
    return [out / "store" / name for name in manifest["tables"][stage]["kept"]]


def _rows(
    out: Path, manifest: Mapping[str, Any], stage: str, ids: Mapping[str, object]
) -> dict[str, Row]:
    """Return the rows of these ids that a stage kept."""
    tables = map(pl.scan_parquet, _paths(out, manifest, stage))
    every = pl.concat([pl.LazyFrame(schema=ITEM_COLUMNS), *tables])
    found = every.filter(pl.col("id").is_in(list(ids))).collect()
    return {row["id"]: row for row in found.iter_rows(named=True)}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records of a language a person judged; only those drawn at random bear a bound.

    A record that was rejected or corrected is an error, whether or not the build has obeyed yet:
    it tells how good the records are that nobody looked at.
    """

    judged: int = 0
    errors: int = 0
    sampled: int = 0
    sampled_errors: int = 0


def tally(out: Path, manifest: Mapping[str, Any]) -> dict[str, Tally]:
    """Count the records with verdicts that still fit a build's text, for each language."""
    return tally_of(hold_against(out, manifest, histories_of(out, manifest)))


def tally_of(judged: Sequence[Judged]) -> dict[str, Tally]:
    """Count records by language, among verdicts that were held against a build."""
    seen: dict[str, set[str]] = {name: set() for name in ("judged", "errors", "sampled")}
    languages: dict[str, str] = {}
    for one in judged:
        if one.is_counted:
            record = one.verdict["id"]
            languages[record] = one.language
            seen["judged"].add(record)
            if one.verdict["decision"] != "accept":
                seen["errors"].add(record)
            if one.verdict["queue"] == "random":
                seen["sampled"].add(record)
    seen["sampled_errors"] = seen["sampled"] & seen["errors"]
    return {
        code: Tally(**{n: sum(languages[i] == code for i in ids) for n, ids in seen.items()})
        for code in LANGUAGES
    }
