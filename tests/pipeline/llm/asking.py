"""Running `mmed` against a fault server that answers as a person would have translated.

One item is known in six languages (`scripted.py`); its patient is of any age, so that a table can
have any number of rows, each of which is other requests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pipeline.llm.serve.fault import FaultServer
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.scripted import OPTIONS, QUESTION, RATIONALE

MMED = Path(sys.executable).with_name("mmed")
AGE = 62  # of the known patient
MODEL = "fault-1"
KEY = "sk-canary-7d1f0a52c9"
_TEXT = re.compile(r"<text-(\w+)>\n(.*)\n</text-\1>", re.DOTALL)

Answer = Callable[[Mapping[str, Any]], str]


def question(language: Language, age: int = AGE) -> str:
    """Return the question about a patient of this age."""
    return QUESTION[language].replace(str(AGE), str(age))


def row(language: Language, age: int = AGE, /, **changes: object) -> dict[str, Any]:
    """Return the item as a row of somebody's table."""
    return {
        "id": f"{language}-{age}",
        "language": language,
        "question": question(language, age),
        "options": list(OPTIONS[language]),
        "answer": "B",
        "rationale": RATIONALE[language],
        **changes,
    }


def asked_text(payload: Mapping[str, Any]) -> str:
    """Return the text that a request asks to translate."""
    found = _TEXT.search(payload["messages"][-1]["content"])
    assert found is not None
    return found[2]


def people(target: Language, **others: str) -> Answer:
    """Return what answers as people translated the item, and `others` as told."""
    known: dict[str, str] = {}
    for language in LANGUAGES:
        known |= dict(zip(OPTIONS[language], OPTIONS[target], strict=True))
        known[QUESTION[language]] = QUESTION[target]
        known[RATIONALE[language]] = RATIONALE[target]

    def answer(payload: Mapping[str, Any]) -> str:
        text = asked_text(payload)
        if text in others or text in known:
            return others.get(text) or known[text]
        age = re.findall(r"\d+", text)[0]
        return known[text.replace(age, str(AGE), 1)].replace(str(AGE), age, 1)

    return answer


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as Parquet."""
    pl.DataFrame(rows).write_parquet(path)
    return path


def environment(server: FaultServer | str | None, **others: str) -> dict[str, str]:
    """Return the environment of a command that asks a server, or an address, or nobody."""
    ours = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "MMED_CACHE", "MMED_RAW")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    url = server.base_url if isinstance(server, FaultServer) else server
    told = {"OPENAI_BASE_URL": url} if url else {}
    return {**kept, "NO_COLOR": "1", "OPENAI_API_KEY": KEY, **told, **others}


def mmed(
    *arguments: object, cwd: Path, server: FaultServer | str | None, **others: str
) -> subprocess.CompletedProcess[str]:
    """Run `mmed` to its end in a folder."""
    return subprocess.run(
        [MMED, *map(str, arguments)],
        cwd=cwd,
        env=environment(server, **others),
        capture_output=True,
        text=True,
        timeout=120,
    )


def start(*arguments: object, cwd: Path, server: FaultServer | None) -> subprocess.Popen[str]:
    """Start `mmed` in a folder."""
    return subprocess.Popen(
        [MMED, *map(str, arguments)],
        cwd=cwd,
        env=environment(server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    """Return what a command with `--json` printed."""
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def fault(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the last line of a command that ended with this code; it alone tells the fault."""
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("mmed: ")] == lines[-1:], done.stderr
    assert "Traceback" not in done.stderr
    return lines[-1].removeprefix("mmed: ")


def translate(to: Language, *more: object) -> tuple[object, ...]:
    """Return the arguments that translate `in.parquet` into the folder `out`."""
    asked = ("--to", to, "--model", MODEL, "--price", "1:2", "--max-cost", "5")
    return ("translate", "in.parquet", "out", *asked, "--cache", "cache.sqlite", "--json", *more)


def write_recipe(
    folder: Path, to: Language, ages: Sequence[int] = (30, 45, AGE), **llm: object
) -> Path:
    """Write a recipe that translates the questions of each other language, and its tables.

    A question is about a patient of each of these ages.
    """
    others = [language for language in LANGUAGES if language != to]
    for language in others:
        rows = [
            {"id": str(age), "question": question(language, age), "answer": RATIONALE[language]}
            for age in ages
        ]
        write_table(folder / f"{language}.parquet", rows)
    fields = {name: name for name in ("id", "question", "answer")}
    recipe = {
        "tables": [
            {
                "name": f"clinic_{language}",
                "path": f"{language}.parquet",
                "fields": fields,
                "language": language,
                "license": "CC0-1.0",
                "form": "consultation",
                "egress": "any",
            }
            for language in others
        ],
        "benchmarks": [],
        "licenses": "all",
        "llm": {"model": MODEL, "price": [1, 2], **llm},
        "stages": [
            "ingest",
            "mask",
            {
                "stage": "translate",
                "quotas": [{"language": one, "to": to, "rows": 100} for one in others],
            },
            "split",
            "emit",
        ],
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path
