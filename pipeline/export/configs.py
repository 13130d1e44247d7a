"""The configuration files that go with exported data: one per trainer, tasks for lm-eval.

Paths are relative: every command is run in the exported folder, which can be moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from schemas.release import SUBSETS

Name = tuple[str, str, str]  # subset, language (empty: all), split

_MCQ = SUBSETS["mcq"]
_LLAMA_FACTORY = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
}


def configs(style: str, files: Mapping[Name, str]) -> dict[str, str]:
    """Return the text of each configuration file by its path, for data files by their names."""
    if style == "trl":
        return {"sft.yaml": _yaml(_trl(_paths(files, "train")))}
    if style == "axolotl":
        return {"axolotl.yaml": _yaml(_axolotl(files))}
    if style == "llamafactory":
        return {"dataset_info.json": _json({_key(n): _entry(p) for n, p in files.items()})}
    if style == "lm-eval":
        return _tasks(files)
    return {}


def _paths(files: Mapping[Name, str], split: str) -> list[str]:
    return [path for (_, _, own), path in files.items() if own == split]


def _key(name: Name) -> str:
    return "_".join(filter(None, name))


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _trl(paths: Sequence[str]) -> dict[str, Any]:
    return {
        "datasets": [{"path": "json", "data_files": path, "split": "train"} for path in paths],
        "output_dir": "trained",
    }


def _axolotl(files: Mapping[Name, str]) -> dict[str, Any]:
    reading = {
        "ds_type": "json",
        "type": "chat_template",
        "field_messages": "messages",
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    parts = {
        "datasets": [{"path": path, **reading} for path in _paths(files, "train")],
        # A file alone has the one split that the loader calls train.
        "test_datasets": [
            {"path": path, "split": "train", **reading} for path in _paths(files, "validation")
        ],
    }
    return {key: entries for key, entries in parts.items() if entries}


def _entry(path: str) -> dict[str, Any]:
    return {"file_name": path, **_LLAMA_FACTORY}


def _tasks(files: Mapping[Name, str]) -> dict[str, str]:
    """Return a task per language and split, and a group per split that averages over all rows."""
    tasks: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for name, path in files.items():
        tasks[f"{_key(name)}.yaml"] = _yaml(_task(_key(name), path))
        groups.setdefault(f"{_MCQ}_{name[2]}", []).append(_key(name))
    for group, members in groups.items():
        mean = [{"metric": "acc", "aggregation": "mean", "weight_by_size": True}]
        value = {"group": group, "task": members, "aggregate_metric_list": mean}
        tasks[f"{group}.yaml"] = _yaml(value)
    return tasks


def _task(name: str, path: str) -> dict[str, Any]:
    """Return a task that compares the letters' log-likelihoods.

    There is no length to normalise by: every choice is one letter.
    """
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": path}},
        "output_type": "multiple_choice",
        "test_split": "test",
        "num_fewshot": 0,
        "doc_to_text": "query",
        "doc_to_choice": "letters",
        "doc_to_target": "target",
        "target_delimiter": "\n",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1},
    }
