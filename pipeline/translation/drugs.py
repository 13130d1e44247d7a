"""Check `drug`: the same drugs in both texts, as far as the glossary knows them."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.translation.glossary import DRUGS, Entry, entries, find
from pipeline.translation.problem import Pair, Problem

MIN_STEM = 6  # letters of a name that may stand without its last in a derived word


def drug_problems(pair: Pair) -> Iterator[Problem]:
    """Yield a problem where a drug of one text is not in the other."""
    drugs = entries(DRUGS)
    source = {found.entry for found in find(pair.source, pair.source_language)}
    target = {found.entry for found in find(pair.target, pair.target_language)}
    if source == target:
        return
    missing = [drugs[one] for one in sorted(source - target)]
    added = [drugs[one] for one in sorted(target - source)]
    target_names = ("en", pair.target_language)
    source_names = ("en", pair.source_language)
    # One language may speak of dopamine where the other has "dopaminergic": alone it says nothing.
    if missing and added:
        yield Problem("drug", f"{_names(missing)} became {_names(added)}")
    elif any(not (one.is_loose or _is_within(one, pair.target, target_names)) for one in missing):
        yield Problem("drug", f"missing: {_names(missing)}")
    elif any(not (one.is_loose or _is_within(one, pair.source, source_names)) for one in added):
        yield Problem("drug", f"added: {_names(added)}")


def _names(drugs: list[Entry]) -> str:
    return ", ".join(one.names["en"][0] for one in drugs)


def _is_within(drug: Entry, text: str, languages: tuple[str, ...]) -> bool:
    """Tell whether a text has the name in a longer word: гепариновый, pénicillinique."""
    plain = text.casefold()
    return any(
        (name if len(name) <= MIN_STEM else name[:-1]).casefold() in plain
        for language in languages
        for name in drug.names[language]
    )
