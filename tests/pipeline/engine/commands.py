"""Running `mmed` as a user does, and reading what a build left behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.recipe import DEFAULT_STAGES, RECIPES, load_recipe

MMED = Path(sys.executable).with_name("mmed")

STAGES = DEFAULT_STAGES[1:]  # ingest, the first, counts files and not shards
# What a build says while it works: one line per stage. Everything else on stderr is a fault.
PROGRESS = re.compile(
    r"\S+ +[\d,]+ kept +(?:\+[\d,]+ added +)?[\d,]+ dropped +(?:[\d,]+ set aside +)?"
    r"\d+/\d+ stored +[\d.]+ s"
)

Rows = Sequence[tuple[str, str, str]]  # id, question, answer


def mmed(*arguments: object, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `mmed` to its end in a folder."""
    return subprocess.run(
        [MMED, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"MMED_RAW": str(cwd / "raw"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


def fault(result: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the one line in which a command that ended with this code tells its fault.

    Progress lines aside, standard error holds that line alone, and it comes last.
    """
    assert result.returncode == code, result.stderr
    lines = result.stderr.splitlines()
    others = [line for line in lines if not PROGRESS.fullmatch(line)]
    assert others == lines[-1:], result.stderr
    assert others[0].startswith("mmed: ")
    return others[0].removeprefix("mmed: ")


def write_recipe(folder: Path, **values: Any) -> Path:
    """Write a recipe that reads nothing but what it names."""
    path = folder / "recipe.yaml"
    given = {"benchmarks": [], "licenses": "all", **values}
    path.write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    return path


def table(name: str, suffix: str = "csv", **values: Any) -> dict[str, Any]:
    """Return the recipe's entry of a table of open questions in French."""
    return {
        "name": name,
        "path": f"{name}.{suffix}",
        "fields": {"id": "id", "question": "question", "answer": "answer"},
        "language": "fr",
        "license": "CC0-1.0",
        "form": "consultation",
        **values,
    }


def write_csv(path: Path, rows: Rows) -> None:
    """Write a table of open questions; no cell may hold a comma or a quote."""
    lines = ["id,question,answer", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def stages(**settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a recipe's list of stages in the default order, with settings by stage."""
    return [{"stage": name, **settings.get(name, {})} for name in ("ingest", *STAGES)]


def demo_stages() -> list[str]:
    """Return the demo's stage instances in order."""
    return [entry.instance for entry in load_recipe("demo.yaml").stages]


def write_demo(folder: Path, shard_rows: int) -> Path:
    """Write the demo's recipe with other shards."""
    values = yaml.safe_load((RECIPES / "demo.yaml").read_text(encoding="utf-8"))
    values["llm"]["pack"] = str(RECIPES / values["llm"]["pack"])
    values["stages"][0] = {"stage": "ingest", "shard_rows": shard_rows}
    return write_recipe(folder, **values)


def views(out: Path) -> dict[str, bytes]:
    """Return the bytes of the release and of the ledger, by path."""
    files = [out / "ledger.parquet", *sorted((out / "release").rglob("*"))]
    return {str(f.relative_to(out)): f.read_bytes() for f in files if f.is_file()}


def manifest(out: Path) -> Any:
    """Return the manifest of a build."""
    return json.loads((out / "manifest.json").read_bytes())


CLINIC: Rows = (
    (
        "c1",
        "Quels signes font craindre une déshydratation chez un nourrisson ?",
        "Une soif vive puis une somnolence et des couches sèches depuis plus de huit heures.",
    ),
    (
        "c2",
        "Pourquoi ne pas arrêter brutalement un traitement par bêtabloquant ?",
        "Un arrêt brutal peut provoquer un rebond avec tachycardie et crise angineuse.",
    ),
    (
        "c3",
        "Que faire devant une brûlure étendue du bras ?",
        "Refroidir sous un filet d'eau tempérée puis couvrir et appeler les secours.",
    ),
)
WARD: Rows = (
    (
        "w1",
        "Comment reconnaître une hypoglycémie chez un patient diabétique ?",
        "Des sueurs et un tremblement puis une confusion qui cède à la prise de sucre.",
    ),
    (
        "w2",
        "Quand faut-il adresser une épistaxis aux urgences ?",
        "Lorsque le saignement persiste après vingt minutes de compression bien conduite.",
    ),
    (
        "w3",
        "À quoi sert la vitamine K donnée à la naissance ?",
        "Elle prévient la maladie hémorragique du nouveau-né.",
    ),
)
