"""What a recipe declares about a table, and the ordinary `Source` that the engine sees."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from schemas.item import Form, Language, Role, Task
from sources import registry
from sources.source import File, Source

SPLIT = "table"  # a table's only split

KeyBase = Literal["letter", "one", "zero", "text"]


def _no_yaml_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(
            "YAML reads an unquoted No, Yes, On or Off as true or false; "
            "put the column's name in quotes"
        )
    return value


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, (str, int)) else value


Column = Annotated[str, BeforeValidator(_no_yaml_boolean), StringConstraints(min_length=1)]


class _Model(BaseModel):
    # Column and sheet names such as 1 or 2024 come out of YAML as numbers.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Fields(_Model):
    """Which column holds what; names are as in the file, spacing aside."""

    question: Column
    answer: Column | None = None
    options: Annotated[tuple[Column, ...], BeforeValidator(_as_tuple)] = ()
    key: Column | None = None
    rationale: Column | None = None
    context: Column | None = None
    topic: Column | None = None
    id: Column | None = None
    year: Column | None = None

    @model_validator(mode="after")
    def _check(self) -> Fields:
        if not self.options and self.answer is None:
            raise ValueError("map `answer` (open questions) or `options` (multiple choice)")
        if self.options and self.answer is not None:
            raise ValueError(
                "`answer` and `options` are both mapped; map the column of the correct option "
                "(letter, number or text) as `key`, and an explanation as `rationale`"
            )
        if self.key is not None and not self.options:
            raise ValueError("`key` is mapped but `options` is not; map the column(s) of options")
        return self

    def columns(self) -> dict[str, str]:
        """Return every mapped column with the field that it serves."""
        single = self.model_dump(exclude={"options"}, exclude_none=True)
        return dict.fromkeys(self.options, "options") | {
            column: field for field, column in single.items()
        }


class TableSettings(_Model):
    """One entry of a recipe's `tables`.

    `redistributable: no` and `egress: local` are the defaults because a user's own table must not
    leave her computer unless she says so.

    A question with fewer options than the others leaves the last ones empty: an empty option at
    the end is no option. A train row with an empty option before another one is refused.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")
    path: Path
    fields: Fields
    language: Language
    license: str = Field(
        min_length=1,
        description="write an SPDX identifier such as CC-BY-4.0, or LicenseRef-internal",
    )
    form: Form
    role: Role = "train"
    egress: Literal["any", "local"] = "local"
    redistributable: Literal["yes", "no", "unknown"] = "no"
    key_base: KeyBase | None = None  # None: found from the keys, if only one reading fits
    sheet: str | None = None
    header_row: int | None = Field(None, ge=1)  # None: the first row with all mapped columns
    encoding: str = "utf-8"
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    option_separator: str | None = Field(None, min_length=1)
    max_loss: float | None = Field(None, gt=0, le=1)  # share that deduplication may take
    loss_checked_from: int | None = Field(None, ge=1)  # rows; of fewer, no share is looked at

    @field_validator("name")
    @classmethod
    def _own_name(cls, value: str) -> str:
        if value in registry.names():
            raise ValueError("a registered source has this name; give the table another one")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError as error:
            raise ValueError(
                "no such encoding; write for example utf-8, windows-1252, gb18030 or shift_jis"
            ) from error
        return value

    @model_validator(mode="after")
    def _check(self) -> TableSettings:
        if self.task == "mcq" and self.fields.key is None and self.role == "train":
            raise ValueError(
                "`options` are mapped but `key` is not, and nothing can be trained without a key; "
                "map the column of correct options as `key`, or give the table another role"
            )
        if self.option_separator is not None and len(self.fields.options) != 1:
            raise ValueError(
                "`option_separator` is for options packed in one column; "
                f"`options` names {len(self.fields.options)} columns"
            )
        return self

    @property
    def task(self) -> Task:
        """Return `mcq` where options are mapped, else `qa`."""
        return "mcq" if self.fields.options else "qa"


def source_of(settings: TableSettings) -> Source:
    """Return the table as a source; its one file is relative to the folder of `settings.path`."""
    return Source(
        name=settings.name,
        title=f"Table {settings.name}",
        homepage="",
        revision="",
        languages=(settings.language,),
        # Only the file's name: the folder is the user's own and is nobody else's business.
        files={SPLIT: (File(path=settings.path.name),)},
        splits={SPLIT: settings.role},
        license=settings.license,
        license_evidence="declared in the recipe",
        redistributable=settings.redistributable,
        forms=(settings.form,),
        citation="",
        expected_rows={},
        egress=settings.egress,
    )
