"""Writes `report/index.html` of a finished build: one file without script or outside reference."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import jinja2

from pipeline.errors import InputError
from pipeline.report.page import make_page
from pipeline.report.read import read_build
from pipeline.report.values import LANGUAGE_NAMES, Page
from pipeline.store import write_atomically


def write_report(out: Path) -> Path:
    """Write the report of the build in a folder and return its path."""
    path = out / "report" / "index.html"
    payload = render(make_page(read_build(out))).encode()
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, payload)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({os.strerror(error.errno or 0).lower()})."
        ) from error
    return path


def render(page: Page) -> str:
    """Return the page as HTML; text of records is escaped, whatever it holds."""
    return render_template("index.html.j2", page=page)


def render_template(name: str, **values: object) -> str:
    """Return a page of this folder's templates; whatever a value holds is text, never markup."""
    loader = jinja2.FunctionLoader(
        lambda path: files("pipeline.report").joinpath(path).read_text(encoding="utf-8")
    )
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": _number,
        "rows": _rows,
        "percent": _percent,
        "language": lambda code: LANGUAGE_NAMES[code][0],
    }
    return environment.get_template(name).render(**values) + "\n"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{round(value, 4):,.10g}"


def _rows(value: int) -> str:
    return "1 row" if value == 1 else f"{value:,} rows"


def _percent(share: float) -> str:
    """Return a share with one decimal, where a share above zero never reads as nothing."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"
