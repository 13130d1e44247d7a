"""Makes texts of records fit for a page: without personal data, and not too long."""

from __future__ import annotations

from pipeline.text.mask import mask


def masked(text: str, language: str) -> str:
    """Return a text on one line without personal data: a row may have left before it was masked."""
    return mask(" ".join(text.split()), language or "en").text


def cut(text: str, size: int) -> str:
    """Return the beginning of a text, at most so many bytes of it."""
    shown = text.encode()[:size].decode(errors="ignore")
    return shown + "…" * (shown != text)
