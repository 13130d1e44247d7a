"""What a check of a release found: one line per fault, the first twenty of each check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

SHOWN = 20  # findings of one check that are listed; the rest are counted


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: where it is, what was found there, what was expected."""

    file: str  # below the release
    found: str
    expected: str
    row: int | None = None  # in the Parquet file, from 0

    def line(self) -> str:
        """Return the finding on one line."""
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        return " ".join(f"{place}: {self.found}; expected {self.expected}.".split())


@dataclass(frozen=True, slots=True)
class Check:
    """A check after its run: how many faults, and the first of them."""

    name: str
    num_findings: int
    findings: tuple[Finding, ...]


def run_check(name: str, found: Iterable[Finding]) -> Check:
    """Run a check to its end; keep what is shown, count the rest."""
    findings = iter(found)
    shown = tuple(islice(findings, SHOWN))
    return Check(name, len(shown) + sum(1 for _ in findings), shown)


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of `verify`: every check, and remarks on what was not checked."""

    release: str
    num_rows: int
    checks: tuple[Check, ...]
    remarks: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tell whether no check found a fault; remarks are no faults."""
        return not any(check.num_findings for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "passed": self.passed,
            "release": self.release,
            "rows": self.num_rows,
            "checks": [asdict(check) for check in self.checks],
            "remarks": list(self.remarks),
        }

    def to_text(self) -> str:
        """Return the result for a person: a line per check, its findings below it."""
        lines = []
        for check in self.checks:
            verdict = "FAIL" if check.num_findings else "pass"
            number = f"  {check.num_findings:,} found" if check.num_findings else ""
            lines.append(f"{verdict}  {check.name}{number}")
            lines += [f"      {finding.line()}" for finding in check.findings]
            if check.num_findings > len(check.findings):
                lines.append(f"      … and {check.num_findings - len(check.findings):,} more")
        lines += [f"note  {remark}" for remark in self.remarks]
        verdict = "passes every check" if self.passed else "does not pass"
        return "\n".join([*lines, f"{self.release}: {self.num_rows:,} rows; {verdict}."])
