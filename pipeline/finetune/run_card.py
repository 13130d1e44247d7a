"""The run card: what was trained on what, by which plan and code, how fast; JSON and Markdown.

Read with it, a table of scores tells which run it is of; nothing in it is an estimate.
"""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from torch import nn

from pipeline.finetune.flops import utilisation
from pipeline.finetune.journal import LOSSES, SPEED, Speed
from pipeline.finetune.model import model_title
from pipeline.finetune.parallel import World
from pipeline.finetune.pool import fertility
from pipeline.finetune.settings import RunSettings
from pipeline.finetune.stages import StagePlan
from pipeline.finetune.trainee import compute_dtype

CARD = "run_card"
_PER = {"token": "supervised tokens", "sample": "items"}


def make_card(
    settings: RunSettings,
    stages: Sequence[StagePlan],
    errors: Sequence[float],
    model: nn.Module,
    world: World,
) -> dict[str, Any]:
    """Return what there is to tell of a run whose stages are done."""
    return {
        "model": model_title(settings.model),
        "trained": _trained(settings, model),
        "dtype": compute_dtype(settings, world),
        "device": _device(world),
        "processes": world.size,
        "capacity": settings.capacity,
        "packs_per_step": settings.packs_per_step,
        "seed": settings.seed,
        "code": _code_digest(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
        },
        "peak_memory_bytes": _peak_memory(world),
        "stages": [
            _stage(settings.folder, stage, error, world)
            for stage, error in zip(stages, errors, strict=True)
        ],
    }


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write run_card.md, then run_card.json."""
    _write(folder / f"{CARD}.md", _markdown(card))
    _write(folder / f"{CARD}.json", json.dumps(card, indent=1, ensure_ascii=False) + "\n")


def has_card(folder: Path) -> bool:
    """Tell whether a run in a folder is finished."""
    return (folder / f"{CARD}.json").is_file()


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card of a finished run."""
    return dict(json.loads((folder / f"{CARD}.json").read_text(encoding="utf-8")))


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _stage(folder: Path, stage: StagePlan, error: float, world: World) -> dict[str, Any]:
    losses = [line["loss"] for line in _lines_of(folder / LOSSES, stage)]
    steps = stage.plan.steps[: stage.num_steps]
    return {
        "name": stage.settings.name,
        "pool": stage.pool.facts["digest"],
        "release": stage.pool.facts.get("input"),
        "tokenizer": stage.pool.facts.get("tokenizer"),
        "template": stage.pool.facts.get("template"),
        "plan": stage.plan.digest,
        "steps": stage.num_steps,
        "packs": int((steps >= 0).sum()),
        "efficiency": round(stage.plan.efficiency, 5),
        "learning_rate": stage.settings.lr,
        "loss": stage.settings.loss,
        "loss_is_divided_by": f"{_PER[stage.settings.loss]} of the optimiser step, of all packs "
        "and processes",
        "replay": stage.settings.replay,
        "temperature": stage.settings.temperature,
        "languages": stage.languages,
        "tokens_per_character": {name: round(x, 3) for name, x in fertility(stage.pool).items()},
        "first_loss": losses[0] if losses else None,
        "last_loss": losses[-1] if losses else None,
        "packed_against_apart": error,
        **_rates(_lines_of(folder / SPEED, stage), world),
    }


def _rates(lines: Sequence[Mapping[str, Any]], world: World) -> dict[str, Any]:
    """Return what was measured, of interrupted calls too; loading and compiling are in it."""
    total = {key: sum(line[key] for line in lines) for key in Speed.__slots__}
    seconds = total["seconds"]
    mfu = utilisation(total["operations"], seconds, world)
    return {
        "seconds": round(seconds, 2),
        "tokens_per_second": round(total["tokens"] / seconds, 1),
        "supervised_per_second": round(total["supervised"] / seconds, 1),
        "mfu": None if mfu is None else round(mfu, 4),
    }


def _lines_of(path: Path, stage: StagePlan) -> list[dict[str, Any]]:
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line["stage"] == stage.settings.name]


def _trained(settings: RunSettings, model: nn.Module) -> dict[str, Any]:
    number = sum(one.numel() for one in model.parameters() if one.requires_grad)
    if settings.lora is None:
        return {"what": "every weight", "parameters": number}
    lora = settings.lora
    return {
        "what": "LoRA adapters",
        "parameters": number,
        "rank": lora.rank,
        "alpha": lora.alpha,
        "targets": list(lora.targets),
    }


def _device(world: World) -> str:
    if world.device.type == "cuda":
        return torch.cuda.get_device_name(world.device)
    return f"cpu, {torch.get_num_threads()} threads"


def _peak_memory(world: World) -> int:
    """Return the most bytes that this process has held, on the GPU or else in main memory."""
    if world.device.type == "cuda":
        return torch.cuda.max_memory_allocated(world.device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _code_digest() -> str:
    whole = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def _markdown(values: Mapping[str, Any]) -> str:
    trained = values["trained"]
    versions = ", ".join(f"{name} {version}" for name, version in values["versions"].items())
    lines = [
        "# Run card",
        "",
        f"- Model: {values['model']}",
        f"- Trained: {trained['what']}, {trained['parameters']:,} parameters, {values['dtype']}",
        f"- Device: {values['device']}; processes: {values['processes']}",
        f"- Packs: {values['capacity']:,} tokens, {values['packs_per_step']} a step",
        f"- Memory at most {values['peak_memory_bytes'] / 2**30:.2f} GiB, of one process",
        f"- Seed {values['seed']}, code {values['code'][:16]}, {versions}",
        "",
    ]
    for stage in values["stages"]:
        lines += _stage_lines(stage)
    lines += ["Not medical advice; a model trained on this data may be wrong."]
    return "\n".join(lines) + "\n"


def _stage_lines(stage: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {name} | {counts['items']:,} | {counts['tokens']:,} | {counts['supervised']:,} | "
        f"{stage['tokens_per_character'].get(name, '-')} |"
        for name, counts in stage["languages"].items()
    ]
    mfu = "not known here" if stage["mfu"] is None else f"{stage['mfu']:.1%}"
    return [
        f"## Stage {stage['name']}",
        "",
        f"- Pool {stage['pool'][:16]}, plan {stage['plan'][:16]}",
        f"- {stage['steps']:,} steps, {stage['packs']:,} packs, efficiency {stage['efficiency']}",
        f"- Loss divided by {stage['loss_is_divided_by']}",
        f"- Loss of the first step {stage['first_loss']:.4f}, of the last {stage['last_loss']:.4f}",
        f"- Packed logits differ from those apart by {stage['packed_against_apart']:.2g}, relative",
        f"- {stage['seconds']:,} s, {stage['tokens_per_second']:,} tokens/s without padding",
        f"- MFU, attention by squared lengths: {mfu}",
        "",
        "Seen in all its steps; tokens per character are those of the pool's answers.",
        "",
        "| language | items | tokens | supervised | tokens/character |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]
