"""The commands in docs/release.md run as they stand, on the demo release; nothing is sent."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

DOCS = Path(__file__).parents[3] / "docs" / "release.md"


@pytest.mark.slow
def test_commands_of_the_docs_run(
    demo_release: Path, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, release in (("demo", ward), ("earlier", demo_release)):
        (tmp_path / "outputs" / name).mkdir(parents=True)
        (tmp_path / "outputs" / name / "release").symlink_to(release)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```\n(.+?)```", DOCS.read_text("utf-8"), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) == 9
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "mmed"
        result = CliRunner().invoke(app, arguments)
        # A table of open questions has none for lm-eval, and that is an export too.
        assert result.exit_code == 0, (command, result.output)
        is_sent = arguments[0] == "push" and "Nothing was sent" not in result.output
        assert not is_sent
