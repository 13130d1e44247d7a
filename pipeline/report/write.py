"""Writes `report/index.html` of a finished build, one file without outside reference.

Beside it `report.json` holds the same numbers for programs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from pipeline.build import MANIFEST, locked
from pipeline.errors import InputError
from pipeline.report.contamination import WAYS
from pipeline.report.fertility import read_fertility
from pipeline.report.locales import format_number, format_share
from pipeline.report.numbers import to_json
from pipeline.report.page import make_page, shown_ids
from pipeline.report.read import read_build
from pipeline.report.samples import make_browser
from pipeline.report.values import LANGUAGE_NAMES, LanguageView, Page
from pipeline.store import write_atomically

NUMBERS = "report.json"


def write_report(out: Path, pools: Sequence[Path] = ()) -> Path:
    """Write the report of the build in a folder and return its path.

    `pools` are token pools of its release, whose tokens per character it tells.
    """
    if not (out / MANIFEST).exists():
        raise InputError(f"{out}: no finished build here. Run `mmed build` first.")
    with locked(out):
        facts = read_build(out)
        page = make_page(facts)
        browser = make_browser(facts, out, frozenset(shown_ids(page)))
        page = replace(page, browser=browser, fertility=tuple(read_fertility(pools)))
        path = out / "report" / "index.html"
        _write(path, render(page).encode())
        _write(path.with_name(NUMBERS), to_json(page).encode())
    return path


def _write(path: Path, payload: bytes) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, payload)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({os.strerror(error.errno or 0).lower()})."
        ) from error


def render(page: Page) -> str:
    """Return the page as HTML; text of records is escaped, whatever it holds."""
    return render_template(
        "index.html.j2",
        page=page,
        sections=tuple(_sections(page)),
        names={code: name for code, (name, _) in LANGUAGE_NAMES.items()},
        own_names={code: own for code, (_, own) in LANGUAGE_NAMES.items() if code},
    )


def _sections(page: Page) -> Iterator[Markup]:
    """Yield the section of each language, its numbers written as the language writes them."""
    for language in page.languages:
        yield Markup(  # noqa: S704 - rendered with escaping
            render_template("language.html.j2", language.code, **_values(page, language))
        )


def _values(page: Page, language: LanguageView) -> dict[str, object]:
    return {
        "page": page,
        "language": language,
        "ways": WAYS,
        "has_browser": page.browser is not None,
    }


def render_template(name: str, locale: str = "en", **values: object) -> str:
    """Return a page of this folder's templates; whatever a value holds is text, never markup."""
    return _environment(locale).get_template(name).render(**values) + "\n"


@cache
def _environment(locale: str) -> jinja2.Environment:
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
        "number": partial(format_number, language=locale),
        "rows": partial(_rows, locale=locale),
        "percent": partial(format_share, language=locale),
        "usd": _usd,
        "language": lambda code: LANGUAGE_NAMES[code][0],
    }
    return environment


def _rows(value: int, locale: str) -> str:
    return "1 row" if value == 1 else f"{format_number(value, locale)} rows"


def _usd(value: float) -> str:
    return "< 0.01 USD" if 0 < value < 0.005 else f"{value:,.2f} USD"
