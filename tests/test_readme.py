"""The code blocks of the README and of the docs do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from pipeline.quality.rules import RULES
from pipeline.recipe import Llm, load_recipe
from pipeline.stages import stage_class

ROOT = Path(__file__).parent.parent
README, DEDUP, QUALITY = ROOT / "README.md", ROOT / "docs/dedup.md", ROOT / "docs/quality.md"
LLM = ROOT / "docs/llm.md"


def blocks(document: Path, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)


def run(command: list[str], folder: Path) -> str:
    tools = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}
    environment["HF_HOME"] = str(folder / "hf")
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_table_of_ones_own_reaches_a_release(tmp_path: Path) -> None:
    script, _, _ = blocks(README, "bash")
    output = run(["bash", "-ec", script], tmp_path)
    assert "item 1: es mcq exam" in output
    assert (tmp_path / "mine/release/mmed_ift_mc/es/train-00000-of-00001.parquet").is_file()
    assert (tmp_path / "mine/report/index.html").is_file()


def test_the_demo_release_loads_as_shown(tmp_path: Path) -> None:
    (script,) = blocks(README, "python")
    mmed = str(Path(sys.executable).with_name("mmed"))
    run([mmed, "build", "demo.yaml", "--out", "outputs/demo"], tmp_path)
    printed = run([sys.executable, "-c", script], tmp_path)
    assert "'role': 'assistant'" in printed


def test_any_table_is_cleaned_as_the_readme_says(tmp_path: Path) -> None:
    _, script, _ = blocks(README, "bash")
    run(["bash", "-ec", script], tmp_path)
    dropped = pl.read_parquet(tmp_path / "cleaned/dropped.parquet")
    assert dropped.select("id", "kept_instead").rows() == [("b", "a")]
    flagged = pl.read_parquet(tmp_path / "cleaned/flagged.parquet")
    reason = "numbers of the question"
    assert flagged.select("id", "near", "reason").rows() == [("a", "c", reason), ("c", "a", reason)]
    assert pl.read_parquet(tmp_path / "cleaned/kept.parquet")["id"].to_list() == ["a", "c", "d"]
    languages = pl.read_parquet(tmp_path / "languages.parquet")
    assert dict(languages.select("id", "language").rows())["d"] == "es"


def test_translations_are_checked_as_the_readme_says(tmp_path: Path) -> None:
    _, _, script = blocks(README, "bash")
    run(["bash", "-ec", script], tmp_path)
    checked = pl.read_parquet(tmp_path / "checked.parquet")
    assert checked["verdict"].to_list() == ["pass", "fail", "fail"]
    assert checked["reasons"].to_list() == [[], ["numbers"], ["drug"]]


def test_the_llm_settings_of_the_docs_are_known_to_a_recipe() -> None:
    (text,) = (block for block in blocks(LLM, "yaml") if block.startswith("llm:"))
    assert Llm.model_validate(yaml.safe_load(text)["llm"]).model_fields_set


def test_near_duplicates_are_judged_as_the_docs_say(tmp_path: Path) -> None:
    (script,) = blocks(DEDUP, "bash")
    printed = run(["bash", "-ec", script], tmp_path)
    assert [printed] == blocks(DEDUP, "text")
    dropped = pl.read_parquet(tmp_path / "cleaned/dropped.parquet")
    assert dict(dropped.select("id", "kept_instead").rows()) == {"b": "a", "c": "a", "d": "a"}
    flagged = pl.read_parquet(tmp_path / "cleaned/flagged.parquet").filter(pl.col("near") == "a")
    assert dict(flagged.select("id", "reason").rows()) == {
        "e": "numbers of the question",
        "f": "negation of the question",
        "g": "wording of the answer",
    }


def test_signatures_load_in_datasketch_as_the_docs_say(tmp_path: Path) -> None:
    (script,) = blocks(DEDUP, "python")
    assert run([sys.executable, "-c", script], tmp_path).strip() == "1.0"


def test_stages_are_read_as_the_readme_shows_them(tmp_path: Path) -> None:
    (stages,) = blocks(README, "yaml")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"sources: [starter]\n{stages}", encoding="utf-8")
    (settings,) = (
        stage.settings for stage in load_recipe(recipe).stages if stage.stage == "select"
    )
    assert (settings["boilerplate"], settings["above_not_last"]) == (1, None)


@pytest.mark.parametrize("document", [DEDUP, QUALITY])
def test_settings_of_the_docs_are_known_to_their_stages(document: Path) -> None:
    (text,) = blocks(document, "yaml")
    found = yaml.safe_load(text)
    stages = found["stages"] if isinstance(found, dict) else found
    for stage in stages:
        settings = {name: value for name, value in stage.items() if name != "stage"}
        assert stage_class(stage["stage"]).Settings.model_validate(settings).model_fields_set


def test_every_rule_of_quality_is_listed_with_its_threshold() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (none|[\d.]+) \|", QUALITY.read_text("utf-8"), re.MULTILINE)
    thresholds = {name: None if text == "none" else float(text) for name, text in rows}
    assert thresholds == {rule.name: rule.threshold for rule in RULES}


@pytest.mark.parametrize("document", [README, *sorted((ROOT / "docs").glob("*.md"))])
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
