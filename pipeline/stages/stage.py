"""What a stage is: a pure function of a shard, or of all shards through small features.

A stage never knows where it runs. Its fingerprint is made of its settings, of the digest of the
code it is written in and of its `inputs`; whatever else a stage reads must be among them, or a
stale result would be served.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict

import schemas
from pipeline.errors import InputError
from pipeline.frames import StageResult
from pipeline.store import code_digest

if TYPE_CHECKING:
    from pipeline.llm.request import Ask
    from pipeline.recipe import Llm, Recipe

PIPELINE = Path(__file__).parent.parent


class StageSettings(BaseModel):
    """Settings of a stage: frozen, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SettingsType = TypeVar("SettingsType", bound=StageSettings)


class Stage(Generic[SettingsType]):
    """A configured stage. Subclasses are `MapStage` or `GlobalStage`."""

    name: ClassVar[str]
    Settings: ClassVar[type[StageSettings]] = StageSettings

    def __init__(self, settings: SettingsType, recipe: Recipe) -> None:
        self.settings = settings
        self.recipe = recipe

    def inputs(self) -> Mapping[str, str]:
        """Return digests of what the stage reads beside its shard and its settings."""
        return {}

    def identity(self) -> list[object]:
        """Return what makes two runs of this stage the same, apart from the shard."""
        # The digest of the code stands for a version number: a forgotten bump would serve a
        # stale result, and an edited comment costs minutes but never an LLM call.
        module = PIPELINE / "stages" / f"{self.name}.py"
        own = [PIPELINE / name for name in ("decisions.py", "frames.py", "ledger.py", "text")]
        shared = (*own, Path(schemas.__file__).parent)
        code = code_digest(module, *self.code(), *shared)
        return [self.name, self.settings.model_dump(mode="json"), code, dict(self.inputs())]

    def code(self) -> tuple[Path, ...]:
        """Return further source files that decide the stage's result."""
        return ()


class MapStage(Stage[SettingsType]):
    """A stage that looks at one shard alone."""

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the rows kept and the rows dropped, each with its reason."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Context:
    """What a global stage may ask for beside its features."""

    texts: Callable[[pl.Series], pl.DataFrame]  # whole records of these ids, in id order


class GlobalStage(Stage[SettingsType]):
    """A stage that needs all shards, through small features; see docs/architecture.md."""

    partitions: ClassVar[int] = 0  # tasks that look for pairs; 0: the stage wants no pairs

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return ids with small columns, of the rows that the stage looks at."""
        raise NotImplementedError

    def pairs(self, number: int, features: pl.DataFrame, context: Context) -> pl.DataFrame:
        """Return the verified pairs that fall to the partition of this number."""
        raise NotImplementedError

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
        """Return decisions in the `DECISIONS` schema, in one pass in a declared order."""
        raise NotImplementedError


# A piece of work for a model: what is done with a record, and in which language.
JOBS = pl.Schema({"id": pl.String, "operation": pl.String, "target": pl.String})


@dataclass(frozen=True, slots=True)
class Job:
    """A record with what is to be done with it; `target` is a language, or empty."""

    row: Mapping[str, Any]
    operation: str
    target: str


class CallStage(Stage[SettingsType]):
    """A stage that needs answers of a language model.

    Jobs are chosen among all records and run twice: once to get the answers, all of them in flight
    together, and once per shard, from the cache alone, to make rows of them. What a job gives is
    the stage's own business; `run` is the only one who reads it.
    """

    def candidates(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return ids with small columns, of the rows that may be worked on."""
        raise NotImplementedError

    def choose(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the jobs in the `JOBS` schema; work goes in the order of ids, which are hashes."""
        raise NotImplementedError

    def program(self, job: Job, ask: Ask) -> Coroutine[Any, Any, Any]:
        """Return the coroutine that does a job, given a way to get answers."""
        raise NotImplementedError

    def run(self, shard: pl.DataFrame, results: Sequence[tuple[Job, Any]]) -> StageResult:
        """Return the shard with what its jobs gave."""
        raise NotImplementedError

    @property
    def llm(self) -> Llm:
        """The recipe's model and what is said about it."""
        if self.recipe.llm is None:
            raise InputError(
                f"the stage {self.name!r} calls a language model, and the recipe names none. "
                "Give `--model NAME`, add `llm: {model: NAME, …}`, or leave the stage out."
            )
        return self.recipe.llm

    def inputs(self) -> Mapping[str, str]:
        """Return what decides the answers beside the requests that the stage makes."""
        return self.llm.identity()
