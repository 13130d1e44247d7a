"""What a run tells while it goes: `losses.jsonl`, and one line on standard error.

`losses.jsonl` holds what the same run always gives, to the bit, so that two files can be compared;
seconds are in `speed.jsonl`. Losses are fetched every few steps, because each fetch makes the host
wait for the device.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import MmedError
from pipeline.finetune.board import Board
from pipeline.finetune.flops import Work, utilisation
from pipeline.finetune.parallel import World
from pipeline.finetune.plan import EMPTY
from pipeline.finetune.stages import StagePlan
from pipeline.finetune.step import Outcome

LOSSES, SPEED = "losses.jsonl", "speed.jsonl"
EVERY = {"cpu": 1, "cuda": 10}  # steps between fetches
DRAWN = ("loss", "learning_rate", "gradient_norm")  # of a line of losses.jsonl
NAMED = 5  # records of a pack whose loss is no number


class NotFiniteError(MmedError):
    """A loss or a gradient is no number; going on would spoil the weights."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Speed:
    """What happened in some seconds."""

    seconds: float
    steps: int
    tokens: int  # without padding
    supervised: int
    operations: float


class Journal:
    """Follows one stage."""

    def __init__(
        self, folder: Path, stage: StagePlan, world: World, work: Work, board: Board | None
    ) -> None:
        self._folder, self._world, self._work, self._board = folder, world, work, board
        self._stage, self._plan, self._num_steps = stage.name, stage.plan, stage.num_steps
        self._ids = stage.items.ids
        self._pending: list[tuple[Outcome, float]] = []
        self._since = time.perf_counter()

    def note(self, outcome: Outcome, rate: float) -> None:
        """Keep a step; now and then write all that are kept."""
        self._pending.append((outcome, rate))
        is_last = outcome.step + 1 == self._num_steps
        if is_last or len(self._pending) >= EVERY[self._world.device.type]:
            self.flush()

    def flush(self) -> None:
        """Fetch and write what is pending; raise `NotFiniteError` where a loss is no number."""
        if not self._pending:
            return
        lines = [self._line(outcome, rate) for outcome, rate in self._pending]
        speed = self._speed([outcome.step for outcome, _ in self._pending])
        self._pending.clear()
        if self._world.is_first:
            _append(self._folder / LOSSES, lines)
            _append(self._folder / SPEED, [self._timed(lines[-1]["step"], speed)])
            self._show(lines[-1], speed)
            self._draw(lines, speed)

    def _line(self, outcome: Outcome, rate: float) -> dict[str, Any]:
        loss, norm = float(outcome.loss), float(outcome.norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise NotFiniteError(self._complaint(outcome, loss, norm))
        return {
            "stage": self._stage,
            "step": outcome.step,
            "loss": loss,
            "gradient_norm": norm,
            "learning_rate": rate,
            "supervised": int(self._plan.supervised[outcome.step]),
        }

    def _complaint(self, outcome: Outcome, loss: float, norm: float) -> str:
        """Name the packs of this rank that are to blame, and the records in the first of them."""
        bad = [
            pack
            for pack, share in zip(outcome.packs, outcome.losses.tolist(), strict=True)
            if not math.isfinite(share)
        ]
        where = f"stage {self._stage}, step {outcome.step}"
        if not bad:
            # Where another process has the bad pack, it is the one to be heard.
            time.sleep(2 * (self._world.size > 1))
            return (
                f"{where}: loss {loss}, gradient norm {norm}, though the losses of this process's "
                f"packs {outcome.packs} are finite. Lower `lr` or `clip`, and start from the last "
                "checkpoint by repeating the command."
            )
        documents = [one for one in self._plan.docs[bad[0]].tolist() if one != EMPTY]
        ids = [bytes(self._ids[one]).hex() for one in documents[:NAMED]]
        more = f" and {len(documents) - NAMED} more" if len(documents) > NAMED else ""
        return (
            f"{where}, pack {bad[0]}: the loss is {loss}, expected a finite number. Records: "
            f"{', '.join(ids)}{more}. Look at them with `mmed explain`, or lower `lr`, and repeat "
            "the command: it starts from the last checkpoint."
        )

    def _speed(self, steps: list[int]) -> Speed:
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
        packs = self._plan.steps[steps].reshape(-1)
        packs = packs[packs != EMPTY]
        tokens = int(self._plan.num_tokens[packs].sum(dtype="int64"))
        supervised = int(self._plan.supervised[steps].sum())
        squares = int(self._plan.squares[packs].sum())
        operations = self._work.of(tokens, squares, supervised)
        return Speed(seconds, len(steps), tokens, supervised, operations)

    def _timed(self, step: int, speed: Speed) -> dict[str, Any]:
        return {"stage": self._stage, "step": step, **asdict(speed)}

    def _show(self, line: dict[str, Any], speed: Speed) -> None:
        left = (self._num_steps - line["step"] - 1) * speed.seconds / speed.steps
        mfu = utilisation(speed.operations, speed.seconds, self._world)
        text = (
            f"{self._stage}: step {line['step'] + 1:,} of {self._num_steps:,}, "
            f"loss {line['loss']:.4f}, {speed.supervised / speed.seconds:,.0f} supervised and "
            f"{speed.tokens / speed.seconds:,.0f} tokens/s, "
            f"{'' if mfu is None else f'MFU {mfu:.1%}, '}{left / 60:.1f} min left"
        )
        is_terminal = sys.stderr.isatty()
        start, end = ("\r\x1b[K", "") if is_terminal else ("", "\n")
        is_last = line["step"] + 1 == self._num_steps
        sys.stderr.write(f"{start}{text}{chr(10) if is_terminal and is_last else end}")
        sys.stderr.flush()

    def _draw(self, lines: list[dict[str, Any]], speed: Speed) -> None:
        if self._board is None:
            return
        for line in lines:
            self._board.draw(line["step"], {name: line[name] for name in DRAWN})
        self._board.draw(lines[-1]["step"], {"tokens_per_second": speed.tokens / speed.seconds})
        self._board.flush()


def _append(path: Path, lines: list[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def cut_back(folder: Path, stages: list[str], stage: str, step: int) -> None:
    """Drop the lines of steps that a run is going to take again."""
    earlier = stages[: stages.index(stage)]
    for name in (LOSSES, SPEED):
        path = folder / name
        if not path.exists():
            continue
        kept = []
        for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
            line = _parsed(text)
            if line and (
                line["stage"] in earlier or (line["stage"], line["step"] < step) == (stage, True)
            ):
                kept.append(text)
        partial = path.with_name(f".{name}.partial")
        partial.write_text("".join(kept), encoding="utf-8")
        partial.replace(path)


def _parsed(text: str) -> dict[str, Any] | None:
    """Return a line, or None where a kill cut it off."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return dict(line) if text.endswith("\n") else None
