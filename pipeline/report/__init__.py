"""The quality report of a build: one HTML file that opens from disk."""

from __future__ import annotations

from pipeline.report.write import write_report

__all__ = ["write_report"]
