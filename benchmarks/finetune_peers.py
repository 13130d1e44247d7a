"""The arms of a fine-tuning measurement that are others': transformers and TRL as they come.

All start from our weights and our adapters' first values, and train on our steps. What their
datasets hold, lists of numbers in main memory, is made before anything is timed. TRL's rows are
our packs, which are fuller than its own (benchmarks/packing.py), so that all take the same steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import (
    DataCollatorForSeq2Seq,
    DataCollatorWithFlattening,
    PreTrainedTokenizerFast,
)

from benchmarks.finetune_arms import Stopwatch
from benchmarks.finetune_case import SEED, Case, Features
from pipeline.finetune.attention import NAME
from pipeline.finetune.compile import decoder_layers
from pipeline.finetune.flops import work_of
from pipeline.finetune.model import load_model
from pipeline.finetune.settings import TARGETS
from pipeline.finetune.step import BETAS


def has_trl() -> bool:
    """Tell whether TRL is installed, with the datasets library that it needs."""
    return bool(find_spec("trl") and find_spec("datasets"))


class _Transformers:
    """A plain loop over a model of transformers with PEFT's adapters; batches differ."""

    def __init__(self, case: Case, device: torch.device, *, is_recomputing: bool = False) -> None:
        self._case, self._device = case, device
        self._model = _adapted(case, device, "sdpa", are_wide=True)
        if is_recomputing:
            self._model.gradient_checkpointing_enable({"use_reentrant": False})
        self._trained = [one for one in self._model.parameters() if one.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._trained, lr=case.rate, betas=BETAS, weight_decay=0.0, fused=True
        )
        self._rows = [self._cut(case.packs(step), step) for step in range(case.num_steps)]
        self.work = work_of(self._model)
        self.watch = Stopwatch(device)
        self._collate = self._collator()

    def take(self, step: int) -> Tensor:
        """Train on a step; return its loss, still on the device."""
        num_targets = int(self._case.plan.supervised[step])
        losses = [self._pass(rows, num_targets) for rows in self._rows[step]]
        torch.nn.utils.clip_grad_norm_(self._trained, self._case.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return torch.stack(losses).sum()

    def _pass(self, rows: Features, num_targets: int) -> Tensor:
        batch = self.watch(lambda: self._collate(rows))
        on_device = {name: values.to(self._device) for name, values in batch.items()}
        outputs = self._model(**on_device, use_cache=False, num_items_in_batch=num_targets)
        outputs.loss.backward()
        loss: Tensor = outputs.loss.detach()
        return loss

    def _cut(self, packs: list[Features], step: int) -> list[Features]:
        """Return the micro-batches of a step."""
        raise NotImplementedError

    def _collator(self) -> Any:  # noqa: ANN401 -- untyped in transformers
        raise NotImplementedError


class Padded(_Transformers):
    """Documents in random order, padded to the longest of their micro-batch."""

    def _cut(self, packs: list[Features], step: int) -> list[Features]:
        documents = [*chain.from_iterable(packs)]
        order = np.random.default_rng([SEED, step]).permutation(len(documents))
        return self._micro_batches([documents[at] for at in order])

    def _collator(self) -> Any:  # noqa: ANN401
        return DataCollatorForSeq2Seq(make_tokenizer())

    def _micro_batches(self, documents: Features) -> list[Features]:
        size = self._case.padded_docs
        return [documents[at : at + size] for at in range(0, len(documents), size)]


class Grouped(Padded):
    """Documents of a step by length, so that little is padded."""

    def _cut(self, packs: list[Features], step: int) -> list[Features]:  # noqa: ARG002
        documents = chain.from_iterable(packs)
        return self._micro_batches(sorted(documents, key=lambda row: -len(row["input_ids"])))


class Flattened(_Transformers):
    """Documents of a pack end to end, told apart by a mask that transformers makes."""

    def _cut(self, packs: list[Features], step: int) -> list[Features]:  # noqa: ARG002
        return packs

    def _collator(self) -> Any:  # noqa: ANN401
        return DataCollatorWithFlattening()  # type: ignore[no-untyped-call]


class Trl:
    """TRL's trainer on packed rows: its collator, loss, optimiser and metrics, step by step.

    As documented: masks, activations recomputed, PEFT's float32 adapters, autocast. Tuned: our
    registered attention, blocks compiled, adapters and everything else in bfloat16, activations
    kept. Its loss projects supervised tokens in chunks either way.
    """

    def __init__(
        self,
        case: Case,
        device: torch.device,
        *,
        is_tuned: bool = False,
        is_compiled: bool = False,
        packs_per_row: int = 1,
        is_recomputing: bool = False,
    ) -> None:
        import trl
        from datasets import Dataset

        library: Any = trl  # hardly typed
        self._case = case
        self._model: Any = _adapted(
            case, device, NAME if is_tuned else "sdpa", are_wide=not is_tuned
        )
        if is_compiled:
            for layer in decoder_layers(self._model):
                layer.compile()
        self._folder = tempfile.TemporaryDirectory()
        arguments = library.SFTConfig(
            self._folder.name,
            packing=True,
            max_length=case.plan.capacity,
            bf16=case.dtype == "bfloat16" and not is_tuned,
            gradient_checkpointing=is_recomputing or not is_tuned,
            learning_rate=case.rate,
            max_grad_norm=case.clip,
            per_device_train_batch_size=packs_per_row,
            use_cpu=device.type == "cpu",
            report_to="none",
            dataset_kwargs={"skip_prepare_dataset": True},
        )
        self._rows = [
            [*_slices([_joined(pack) for pack in case.packs(step)], packs_per_row)]
            for step in range(case.num_steps)
        ]
        self._trainer = library.SFTTrainer(
            self._model,
            args=arguments,
            train_dataset=Dataset.from_list(self._rows[0][0]),
            processing_class=make_tokenizer(),
        )
        self.work = work_of(self._model)
        self._trainer.create_optimizer()
        self._prepared, self._optimizer = self._trainer.accelerator.prepare(
            self._trainer.model, self._trainer.optimizer
        )
        self.watch = Stopwatch(device)

    def take(self, step: int) -> Tensor:
        """Train on a step; return its loss, still on the device."""
        num_targets = torch.tensor(int(self._case.plan.supervised[step]))
        losses = []
        for rows in self._rows[step]:
            batch = self.watch(lambda rows=rows: self._trainer.data_collator(rows))  # type: ignore[misc]
            losses.append(
                self._trainer.training_step(self._prepared, batch, num_items_in_batch=num_targets)
            )
        self._trainer.accelerator.clip_grad_norm_(self._prepared.parameters(), self._case.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return torch.stack(losses).sum()


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that knows a padding token and nothing else: collators ask for one."""
    words = Tokenizer(WordLevel({"<pad>": 0, "<end>": 1}, unk_token="<pad>"))  # noqa: S106
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=words,
        pad_token="<pad>",  # noqa: S106
        eos_token="<end>",  # noqa: S106
    )


def _adapted(case: Case, device: torch.device, attention: str, *, are_wide: bool) -> Any:  # noqa: ANN401
    """Return the model with adapters of the same first values as ours.

    Wide ones are PEFT's default: float32, and their inputs cast to it.
    """
    model = load_model(case.model, dtype=case.dtype, device=device.type, seed=SEED)
    model.set_attn_implementation(attention)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=case.rank,
        lora_alpha=case.alpha,
        lora_dropout=0.0,
        target_modules=list(TARGETS),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return get_peft_model(model, config, autocast_adapter_dtype=are_wide).train()


def _joined(pack: Features) -> dict[str, list[int]]:
    """Return a pack as a row of a dataset that TRL has packed."""
    joined = {
        name: [number for row in pack for number in row[name]] for name in ("input_ids", "labels")
    }
    return joined | {"seq_lengths": [len(row["input_ids"]) for row in pack]}


def _slices(rows: list[dict[str, list[int]]], size: int) -> Iterator[list[dict[str, list[int]]]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))
