"""`mmed score-translation`: an endpoint translates TICO-19's English sentences and is scored.

Each sentence is asked for once, as `translate` asks for a text, without the retry that a build
allows: the scores are the model's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, cast

from pipeline.keys import text_digest
from pipeline.llm.budget import usd_text
from pipeline.llm.gather import run_program
from pipeline.llm.program import ProgramSettings, RowAsk
from pipeline.llm.request import Ask, Outcome
from pipeline.llm.session import CallOptions, Session
from pipeline.recipe import Llm
from pipeline.translation.piece import Direction, Piece
from pipeline.translation.score import Sentence, read_sentences, score, summarize, write
from schemas.item import Language


def score_endpoint(
    to: str, llm: Llm, raw: Path, out: Path, rows: int | None, options: CallOptions
) -> tuple[dict[str, Any], str]:
    """Translate, score and write the sentences; return a summary, and it as text."""
    target = cast(Language, to)
    score([], [], target)  # tells that `sacrebleu` is missing before anything is paid
    sentences = _sample(read_sentences(raw, target), rows)
    session = Session(llm, options, out)
    translations = _translations(sentences, target, llm, session)
    scored = score(sentences, translations, target)
    summary = summarize(scored, llm.model, target)
    write(out, scored, summary)
    value = {**asdict(summary), "spent_usd": session.spent_usd(), "output": str(out)}
    return value, _as_text(value)


def _sample(sentences: Sequence[Sentence], rows: int | None) -> list[Sentence]:
    """Return so many sentences from anywhere, in the order of the digests of their keys."""
    return sorted(sentences, key=lambda one: text_digest(one.key))[:rows]


def _translations(
    sentences: Sequence[Sentence], to: Language, llm: Llm, session: Session
) -> list[str]:
    settings = ProgramSettings(model=llm.model, temperature=llm.temperature)
    program = partial(translate_sentence, to=to, settings=settings)
    missing = list(session.unanswered(sentences, program))
    if missing:
        session.get_answers("score-translation", lambda: missing, len(missing), program)
    with session.place.replay() as ask:
        return [run_program(program(one, ask)) for one in sentences]


async def translate_sentence(
    one: Sentence, ask: Ask, *, to: Language, settings: ProgramSettings
) -> str:
    """Return a sentence in another language, empty where the model gave no translation."""
    direction, piece = Direction("en", to), Piece(one.source, "text", one.key)
    row_ask = RowAsk({"id": one.key, "egress": "any"}, settings, ask)
    answer = await row_ask.one(direction.call(piece, is_retry=False))
    direction.take(piece, answer, is_retry=False)
    return piece.text if answer.outcome is Outcome.OK else ""


def _as_text(value: dict[str, Any]) -> str:
    lines = [f"{value['model']}: {value['num_sentences']:,} sentences, en-{value['language']}"]
    lines += [
        f"  {name:8} {one['score']:6.2f}  ({one['low']:.2f} to {one['high']:.2f})"
        for name, one in value["metrics"].items()
    ]
    lines.append(f"  {value['num_passed']:,} pass all checks ({value['pass_rate']:.1%}).")
    lines += [f"  {check:16} {number:>7,}" for check, number in value["num_by_check"].items()]
    if value["num_empty"]:
        lines.append(f"  {value['num_empty']:,} were not translated at all.")
    lines.append(f"  Spent for this folder so far: {usd_text(value['spent_usd'])} USD.")
    return "\n".join([*lines, f"-> {value['output']}"])
