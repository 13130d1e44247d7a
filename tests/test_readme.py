"""The README's commands do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


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
    (script,) = blocks("bash")
    output = run(["bash", "-ec", script], tmp_path)
    assert "item 1: es mcq exam" in output
    assert (tmp_path / "mine/release/mmed_ift_mc/es/train-00000-of-00001.parquet").is_file()
    assert (tmp_path / "mine/report/index.html").is_file()


def test_the_demo_release_loads_as_shown(tmp_path: Path) -> None:
    (script,) = blocks("python")
    mmed = str(Path(sys.executable).with_name("mmed"))
    run([mmed, "build", "demo.yaml", "--out", "outputs/demo"], tmp_path)
    printed = run([sys.executable, "-c", script], tmp_path)
    assert "'role': 'assistant'" in printed
