"""What a licence allows, in the three steps that a recipe chooses from."""

from __future__ import annotations

from typing import Literal

LicenseChoice = Literal["permissive", "research", "all"]

PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0"}
    | {"MIT", "PDDL-1.0", "Unlicense"}
)
# Share-alike and non-commercial: fine to study and to train on for research.
RESEARCH = PERMISSIVE | frozenset(
    {"CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "GPL-3.0-only"}
)


def is_unknown(license_id: str) -> bool:
    """Tell whether no licence text was found; such rows enter only where a recipe says so."""
    return not license_id or license_id.startswith(("LicenseRef-unknown", "LicenseRef-none"))


def is_allowed(license_id: str, choice: LicenseChoice) -> bool:
    """Tell whether a stated licence is within a recipe's choice."""
    if choice == "all":
        return True
    return license_id in (PERMISSIVE if choice == "permissive" else RESEARCH)
