"""Reads pages that the project writes: elements, visible text, and the cells of tables."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path


class PageReader(HTMLParser):
    """Collects elements, visible text and the cells of tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: list[tuple[str | None, str]] = []  # class of the innermost <p>, text
        self._rows: list[list[str]] = []
        self._cell: list[str] | None = None
        self._paragraph: tuple[str | None, list[str]] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag == "table":
            self._rows = self.tables[attributes.get("id") or ""] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = []
        elif tag == "p":
            self._paragraph = (attributes.get("class"), [])

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self._rows[-1].append("".join(self._cell))
            self._cell = None
        elif tag == "p" and self._paragraph is not None:
            self.texts.append((self._paragraph[0], "".join(self._paragraph[1])))
            self._paragraph = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
        if self._paragraph is not None:
            self._paragraph[1].append(data)

    def numbers(self, table: str) -> dict[str, list[int]]:
        """Return the numbers of a table by its first column."""
        return {
            row[0]: [int(re.sub("[,\u202f]", "", cell)) for cell in row[1:]]
            for row in self.tables[table][1:]
        }

    def of_class(self, name: str) -> list[str]:
        return [text for css, text in self.texts if css == name]


def read(path: Path) -> PageReader:
    return PageReader(path.read_text(encoding="utf-8"))
