from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import InputError
from pipeline.recipe import RECIPES
from pipeline.train_recipe import load_training_recipe, resolve

SMALLEST: dict[str, Any] = {
    "model": "smollm2",
    "data": "release",
    "lora": {},
    "stages": [{"name": "ift", "lr": 1e-4}],
}


def written(tmp_path: Path, **changes: Any) -> Path:
    values = {key: value for key, value in {**SMALLEST, **changes}.items() if value is not None}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("train-*.yaml")), ids=lambda path: path.stem)
def test_recipes_that_come_with_the_project_load_by_name(path: Path) -> None:
    recipe = load_training_recipe(path.name)
    assert recipe.data.is_relative_to(Path.cwd())
    assert recipe.data.name == "release"


def test_the_full_recipe_has_both_stages_and_its_comparisons_the_same_settings() -> None:
    full, *others = (
        load_training_recipe(f"train-{name}.yaml") for name in ("full", "mc-only", "single-stage")
    )
    assert [stage.name for stage in full.stages] == ["ift", "mc"]
    assert (full.lora.rank if full.lora else 0, full.capacity) == (16, 8192)
    for other in others:
        assert len(other.stages) == 1
        assert other.model_copy(update={"stages": full.stages}) == full


def test_folders_are_taken_from_the_recipes_own(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    recipe = load_training_recipe(written(tmp_path, model="weights"))
    assert recipe.data == tmp_path / "release"
    assert recipe.model == str(tmp_path / "weights")
    assert load_training_recipe(written(tmp_path)).model == "smollm2"


def test_data_on_the_command_line_stands_before_the_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_training_recipe(written(tmp_path), Path("other")).data == tmp_path / "other"


def test_a_device_on_the_command_line_stands_before_the_recipes(tmp_path: Path) -> None:
    path = written(tmp_path, device="cuda")
    assert load_training_recipe(path).device == "cuda"
    assert load_training_recipe(path, device="cpu").device == "cpu"


def test_a_recipe_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="frozen"):
        load_training_recipe(written(tmp_path)).capacity = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"capacty": 1}, "capacty: unknown key. Did you mean 'capacity'?"),
        ({"stages": [{"name": "ift", "lr": 1, "epoch": 2}]}, "Did you mean 'epochs'?"),
        ({"lora": {"r": 16}}, "lora.r: unknown key. Known keys: rank, alpha, targets."),
        ({"model": None}, "model: missing; `smollm2`, a folder, or a Hub id"),
        ({"stages": [{"name": "ift"}]}, "stages.0.lr: missing; the highest learning rate."),
        ({"stages": []}, "stages: .*at least 1"),
        ({"stages": [{"name": "pretrain", "lr": 1}]}, "stages.0.name: .*found 'pretrain'"),
        ({"lora": None}, "give either `lora` .* or `full: true`"),
        ({"full": True}, "give either `lora`"),
        ({"stages": [{"name": "mc", "lr": 1}] * 2}, "a stage is listed twice among mc, mc"),
        ({"stages": [{"name": "mc", "lr": 1, "replay": 0.5}]}, "no stage before it"),
        ({"stages": [{"name": "ift", "lr": 1, "rationale": True}]}, "belongs to multiple choice"),
        ({"capacity": 8}, "capacity: .*greater than or equal to 16, found 8"),
        ({"template": "vicuna"}, "template: .*'llama3' or 'alpaca', found 'vicuna'"),
        ({"sources": ["starter"]}, "a recipe of `mmed build`"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line_that_names_the_key(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_training_recipe(written(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_run_names_its_pools_beside_it_and_no_folder_of_the_data(tmp_path: Path) -> None:
    run = resolve(load_training_recipe(written(tmp_path, batch=4)))
    assert run["stages"][0]["pool"] == "pools/ift-train"
    assert run["packs_per_step"] == 4
    assert run["tokenizer"] == "smollm2"
    assert str(tmp_path) not in str(run)
