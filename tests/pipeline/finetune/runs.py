"""Runs of a tiny model on pools of random items, and what they left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.finetune.pool import Items, write_pool

LANGUAGES = ["en", "zh", "ja", "fr", "ru", "es"]


def write_items(folder: Path, *, count: int = 60, seed: int = 0, longest: int = 48) -> None:
    """Write a pool of random tokens below 512, whose second half is supervised."""
    drawn = np.random.default_rng(seed)
    lengths = drawn.integers(8, longest, count).astype(np.int32)
    items = Items(
        tokens=drawn.integers(1, 512, lengths.sum()).astype(np.int32),
        lengths=lengths,
        num_spans=np.ones(count, np.int32),
        spans=np.stack([lengths // 2, lengths], axis=1).astype(np.int32),
        language=(np.arange(count) % 6).astype(np.int8),
        source=np.zeros(count, np.int16),
        form=np.zeros(count, np.int8),
        ids=drawn.integers(0, 256, (count, 16)).astype(np.uint8),
    )
    facts = {
        "vocabulary": 512,
        "languages": LANGUAGES,
        "sources": ["ours"],
        "forms": ["exam"],
        "pad_token": None,
        "tokenizer": {"name": "none"},
    }
    write_pool(folder, [items], facts)


def write_run(folder: Path, **changes: Any) -> Path:
    """Write run.json of two stages, ift and mc, and their pools where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, stage in enumerate(("ift", "mc")):
        if not (folder / "pools" / stage).exists():
            write_items(folder / "pools" / stage, seed=number)
    stages = [
        {"name": "ift", "pool": "pools/ift", "lr": 3e-3, "epochs": 2},
        {"name": "mc", "pool": "pools/mc", "lr": 1e-3, "replay": 0.25, "loss": "sample"},
    ]
    run = {
        "model": "random:tiny",
        "tokenizer": "none",
        "stages": stages,
        "lora": {"rank": 4, "alpha": 8, "targets": ["q_proj", "v_proj", "down_proj"]},
        "capacity": 128,
        "packs_per_step": 2,
        "save_every": 3,
        "device": "cpu",
        "seed": 5,
        **changes,
    }
    path = folder / "run.json"
    path.write_text(json.dumps(run))
    return path


def losses(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of losses.jsonl."""
    text = (folder / "losses.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def start(path: Path, processes: int = 1) -> subprocess.Popen[str]:
    """Start a run as a user does, on one process or under torchrun."""
    alone = [sys.executable, "-m", "pipeline.finetune"]
    together = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = alone if processes == 1 else [*alone[:2], *together, "-m", "pipeline.finetune"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, str(path)], stderr=subprocess.PIPE, text=True, env=environment
    )


def run(path: Path, processes: int = 1) -> tuple[int, str]:
    """Run to the end; return the exit code and what was said."""
    process = start(path, processes)
    _, said = process.communicate(timeout=240)
    return process.returncode, said
