"""The build recipe: frozen models over YAML that refuse unknown keys.

A recipe names sources and user tables, what licences may enter, the benchmarks that no row may
repeat, and the stages in order with their settings. `load_recipe` takes a file or the name of a
recipe that comes with the project (`demo.yaml`, `real.yaml`, `full.yaml`).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeFloat,
    ValidationError,
    model_validator,
)

from pipeline.errors import InputError
from pipeline.stages import STAGES, stage_class
from schemas.item import Form, Role
from schemas.licenses import LicenseChoice
from sources.table import Fields, TableSettings

UNMASKED = ("ingest", "normalize")  # all that may see text with personal data
RECIPES = Path(__file__).parent / "recipes"
_TAB = re.compile(r"^\s*\t", re.MULTILINE)  # in the indentation, where YAML has none
_SURE = 0.8  # of the letters, for a misspelt key that would also be misplaced

# Without LLM stages the inner block runs once, after `review`; see docs/architecture.md.
DEFAULT_STAGES = (
    "ingest",
    "normalize",
    "mask",
    "review",
    "language",
    "score",
    "select",
    "deduplicate",
    "decontaminate",
    "mix",
    "split",
    "emit",
)


class Model(BaseModel):
    """A frozen settings model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SourceEntry(Model):
    """A registered source that the recipe reads."""

    name: str
    splits: Mapping[str, Role] = {}  # roles that differ from the registry's
    include: tuple[Form, ...] | None = None  # train rows of other forms are dropped
    allow_unknown_license: bool = False
    label_cap: int | None = Field(None, ge=1)  # rows of one answer, for classification
    max_rows: int | None = Field(None, ge=1)  # train rows, by id hash
    max_loss: float | None = Field(None, gt=0, le=1)  # share that deduplication may take
    loss_checked_from: int | None = Field(None, ge=1)  # rows; of fewer, no share is looked at

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:  # noqa: ANN401 - YAML gives anything
        if not isinstance(value, (str, Mapping)):
            raise ValueError("a source is its name, or a mapping with `name` and settings")
        return {"name": value} if isinstance(value, str) else value


class Release(Model):
    """How the release is named, and what the assistant's text holds for multiple choice."""

    # As the Hub names datasets; it is also the key of the citation.
    name: str = Field("mmed-ift", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = "0.1.0"
    mc_style: Literal["letter", "letter_text", "rationale"] = "letter_text"


class Limits(Model):
    """Beyond which value the report shows a language in amber, and beyond which in red."""

    amber: float = Field(ge=0)
    red: float = Field(ge=0)

    @model_validator(mode="after")
    def _check(self) -> Limits:
        if self.red < self.amber:
            raise ValueError("`red` is below `amber`")
        return self


class Report(Model):
    """When the report calls a language troubled; docs/report.md explains each limit.

    Limits are shares of 1. They decide colours and order of the report, never a row.
    """

    min_rows: int = Field(1, ge=0)  # published; with fewer, red
    made: Limits = Limits(amber=0.5, red=0.9)  # of published rows, translated or generated
    failed: Limits = Limits(amber=0.2, red=0.5)  # of what models made, quarantined by checks
    overlap: Limits = Limits(amber=0.01, red=0.05)  # of published rows, a run shared with a test
    loss: Limits = Limits(amber=0.5, red=0.9)  # of a source's rows for training
    detected: Limits = Limits(amber=0.02, red=0.1)  # of published rows, in another language
    disagreed: Limits = Limits(amber=0.1, red=0.3)  # of rationales, read as for another key
    key_share: Limits = Limits(amber=0.05, red=0.15)  # a key letter's distance from even
    errors: Limits = Limits(amber=0.05, red=0.2)  # upper 95 % bound of the share of wrong rows


class Llm(Model):
    """The language model that `translate` and `augment` ask, and how it may be asked.

    Without `base_url` the endpoint is that of `OPENAI_BASE_URL`. A `pack` is a read-only cache:
    with it nothing is asked, and an answer that it does not hold is an error.
    """

    model: str
    base_url: str | None = None
    price: tuple[NonNegativeFloat, NonNegativeFloat] | None = None  # USD per million tokens in, out
    pack: Path | None = None
    allow_models: tuple[str, ...] = ()  # small local models whose texts may enter the release
    temperature: float | None = Field(0.0, ge=0)  # null: not sent, for models that refuse it
    extra: Mapping[str, JsonValue] = {}  # further fields of each request
    concurrency: int = Field(32, ge=1)  # requests in flight at most
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    timeout_s: float = Field(120, gt=0)

    @model_validator(mode="after")  # of the whole: an error of the field alone would repeat it
    def _check_base_url(self) -> Llm:
        if {"@", "?"} & {*(self.base_url or "")}:
            raise ValueError(
                "`base_url` holds a user name, a password or a query; leave them out, a key "
                "belongs into OPENAI_API_KEY"
            )
        return self

    def identity(self) -> dict[str, str]:
        """Return what decides the answers; where and how fast they are got does not."""
        deciding = ("model", "allow_models", "temperature", "extra")
        text = json.dumps(self.model_dump(mode="json", include={*deciding}), sort_keys=True)
        pack = sha256(_read_pack(self.pack)).hexdigest() if self.pack else ""
        return {"llm": text, "pack": pack}


def _read_pack(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the pack of answers cannot be read ({error.strerror}). Correct `llm.pack`, "
            "or leave it out to ask the model."
        ) from error


class StageEntry(Model):
    """A stage instance; `as` tells apart two instances of one stage."""

    stage: str
    instance: str
    settings: Mapping[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:  # noqa: ANN401 - YAML gives anything
        if not isinstance(value, (str, Mapping)):
            raise ValueError("a stage is its name, or a mapping with `stage` and settings")
        entry = {"stage": value} if isinstance(value, str) else dict(value)
        name = entry.pop("stage", None)
        if not isinstance(name, str) or name not in STAGES:
            raise ValueError(f"stage {name!r} is not one of {', '.join(STAGES)}")
        instance = entry.pop("as", name)
        settings = stage_class(name).Settings.model_validate(entry)
        return {"stage": name, "instance": instance, "settings": settings.model_dump(mode="json")}


class Recipe(Model):
    """Everything that decides the bytes of a release, except the upstream files themselves."""

    sources: tuple[SourceEntry, ...] = ()
    tables: tuple[TableSettings, ...] = ()
    licenses: LicenseChoice = "all"
    benchmarks: Literal["all"] | tuple[str, ...] = "all"
    allow_missing: tuple[str, ...] = ()
    llm: Llm | None = None
    release: Release = Release()
    report: Report = Report()
    review: tuple[Path, ...] = ()
    stages: tuple[StageEntry, ...] = Field(
        default_factory=lambda: tuple(
            StageEntry.model_validate({"stage": name}) for name in DEFAULT_STAGES
        )
    )

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        names = [source.name for source in self.sources] + [one.name for one in self.tables]
        if not names:
            raise ValueError("the recipe names no sources and no tables")
        _refuse_repeated(names, "source")
        _refuse_repeated([entry.instance for entry in self.stages], "stage instance (set `as:`)")
        order = [entry.stage for entry in self.stages]
        if order[:1] != ["ingest"] or order[-1:] != ["emit"] or "split" not in order:
            raise ValueError("stages begin with `ingest`, hold `split` and end with `emit`")
        if not set(order[: order.index("mask")] if "mask" in order else order) <= {*UNMASKED}:
            raise ValueError(f"`mask` comes before every stage but {' and '.join(UNMASKED)}")
        return self


def _refuse_repeated(names: list[str], what: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{what} {repeated[0]!r} is listed twice")


def load_recipe(name: str | Path) -> Recipe:
    """Read and check a recipe; an `InputError` names the key, what it holds and what is expected.

    Paths inside a recipe are taken from the recipe's own folder.
    """
    path = find_recipe(name)
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: a recipe is a mapping of keys, found {type(values).__name__}.")
    try:
        return Recipe.model_validate(_with_absolute_paths(values, path.parent))
    except ValidationError as error:
        raise InputError(f"{path}: {_first_error(error, values)}") from error


def with_model(recipe: Recipe, model: str) -> Recipe:
    """Return a recipe that asks another model, or one at all."""
    llm = (recipe.llm or Llm(model=model)).model_copy(update={"model": model})
    return recipe.model_copy(update={"llm": llm})


def read_yaml(path: Path) -> Any:  # noqa: ANN401
    """Return what a recipe's file holds; an `InputError` says why it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the recipe is not UTF-8; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path}: the recipe cannot be read ({error}).") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        hint = " To indent, use spaces, not tabs." if _TAB.search(text) else ""
        raise InputError(f"{path}: the recipe cannot be read as YAML ({reason}).{hint}") from error


def find_recipe(name: str | Path, *, of_training: bool = False) -> Path:
    """Return the file of a recipe: the path as given, or a recipe that comes with the project."""
    path = Path(name)
    for candidate in (path, RECIPES / path.name):
        if candidate.is_file() and (candidate == path or len(path.parts) == 1):
            return candidate
    names = sorted(recipe.name for recipe in RECIPES.glob("*.yaml"))
    known = [one for one in names if one.startswith("train-") == of_training]
    completed = f"{path}.yaml"
    is_meant = completed in known or Path(completed).is_file()
    hint = f" Did you mean {completed}?" if is_meant else ""
    raise InputError(f"{path}: no such recipe.{hint} Give a file, or one of {', '.join(known)}.")


def _with_absolute_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    values = dict(values)
    if isinstance(values.get("review"), list):
        values["review"] = [str(folder / str(path)) for path in values["review"]]
    if isinstance(values.get("tables"), list):
        values["tables"] = [
            {**table, "path": str(folder / str(table["path"]))}
            if isinstance(table, dict) and "path" in table
            else table
            for table in values["tables"]
        ]
    llm = values.get("llm")
    if isinstance(llm, dict) and llm.get("pack") is not None:
        values["llm"] = {**llm, "pack": str(folder / str(llm["pack"]))}
    return values


def _first_error(error: ValidationError, values: Mapping[str, Any]) -> str:
    # A misspelt key also misses under its right name; the spelling is what is wrong.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"]) or "recipe"
    if first["type"] == "extra_forbidden":
        hint = _hint(str(first["loc"][-1]), _model_at(first["loc"], values))
        return f"{where}: unknown key. {hint}"
    message = first["msg"].removeprefix("Value error, ")
    found = f", found {first['input']!r}" if not isinstance(first["input"], dict) else ""
    if first["type"] == "missing" and isinstance(first["loc"][-1], str):
        field = _model_at(first["loc"], values).model_fields[first["loc"][-1]]
        found = f"; {field.description}" if field.description else ""
    return f"{where}: {message}{found}."


def _hint(key: str, model: type[BaseModel]) -> str:
    """Return what a key that a model does not know was meant to be, or where it belongs."""
    known = sorted(model.model_fields)
    elsewhere = {place: other.model_fields for place, other in _levels() if other is not model}
    places = [place for place, names in elsewhere.items() if key in names]
    nearest = difflib.get_close_matches(key, known, 1)
    if places:
        also = f" Or did you mean {nearest[0]!r}?" if nearest else ""
        return f"{key!r} belongs to {' or '.join(places)}.{also}"
    if nearest:
        return f"Did you mean {nearest[0]!r}?"
    for place, names in elsewhere.items():
        if near := difflib.get_close_matches(key, names, 1, _SURE):
            return f"Did you mean {near[0]!r}, which belongs to {place}?"
    return f"Known keys: {', '.join(known)}."


def _levels() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the places of a recipe with the model that each is read by."""
    yield "the top level", Recipe
    yield "an entry of `tables`", TableSettings
    yield "`fields` of a table", Fields
    yield "an entry of `sources`", SourceEntry
    yield "`llm`", Llm
    yield "`release`", Release
    yield "`report`", Report
    yield "a limit of `report`", Limits
    yield from ((f"the stage `{name}`", stage_class(name).Settings) for name in STAGES)


def _model_at(location: tuple[int | str, ...], values: Mapping[str, Any]) -> type[BaseModel]:
    """Return the model that reads the mapping in which a key was not known or not found."""
    model: type[BaseModel] = Recipe
    steps = [part for part in location[:-1] if isinstance(part, str)]
    if steps[:1] == ["stages"]:
        model = stage_class(values["stages"][location[1]]["stage"]).Settings
        steps = steps[1:]
    for step in steps:
        model = _model_in(model.model_fields[step].annotation)
    return model


def _model_in(annotation: Any) -> type[BaseModel]:  # noqa: ANN401 - `Model`, `tuple[Model, ...]`
    while not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        annotation = get_args(annotation)[0]
    return annotation
