"""How many tokens a tokenizer needs for each language, from the token pools of a release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.finetune.pool import fertility, open_pool


@dataclass(frozen=True, slots=True)
class Fertility:
    """Tokens per character of the answers, by language."""

    tokenizer: str
    part: str  # stage and split, such as "ift train"
    by_language: Mapping[str, float]


def read_fertility(pools: Sequence[Path]) -> Iterator[Fertility]:
    """Yield the fertility of each pool; an `InputError` names a folder that holds none."""
    for folder in pools:
        pool = open_pool(folder)
        facts = pool.facts
        yield Fertility(
            str(facts["tokenizer"]["name"]), f"{facts['stage']} {facts['split']}", fertility(pool)
        )
