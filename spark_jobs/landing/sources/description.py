"""A shop's log described by one TOML file: where its files are, which column means what.

``docs/own_log.md`` documents every field with an example.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runtime.errors import ConfigurationError
from schemas.behaviors import ACTIONS

Format = Literal["csv", "jsonl", "parquet"]
ColumnName = Annotated[str, Field(min_length=1)]


class FieldGroup(BaseModel):
    """A group of fields; a field that nobody knows is a mistake and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BehaviorColumns(FieldGroup):
    """The log's column for each of ours. ``user``, ``at`` and ``action`` (or a fixed ``action``) are needed."""

    user: ColumnName
    at: ColumnName
    action: ColumnName | None = None
    item: ColumnName | None = None
    query: ColumnName | None = None
    quantity: ColumnName | None = None
    amount: ColumnName | None = None
    session: ColumnName | None = None

    def named(self) -> dict[str, str]:
        """Our name to the log's name, of the columns that the log has."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class Behaviors(FieldGroup):
    """The log's files. With ``{day}`` in ``files`` a day is its own file or files, else every file may hold it."""

    files: str = Field(description="Glob below the description's folder, e.g. log/{day}.csv")
    format: Format
    columns: BehaviorColumns
    time_zone: str = "UTC"
    time_format: str | None = Field(default=None, description="strptime format; none for ISO 8601")
    fixed_action: str | None = Field(default=None, description="The action of every row, where no column has it")
    actions: dict[str, str] = Field(default_factory=dict, description="The log's action names to ours")
    new_columns: Literal["drop", "carry", "refuse"] = Field(
        default="drop", description="What to do with columns that nobody named; they are reported in any case"
    )
    known_columns: tuple[str, ...] = Field(default=(), description="Columns that are known and not used")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{zone!r} is no time zone; use a name such as Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _has_action(self) -> Behaviors:
        if (self.columns.action is None) == (self.fixed_action is None):
            raise ValueError("give either columns.action or fixed_action")
        unknown = sorted({*self.actions.values(), *filter(None, [self.fixed_action])} - set(ACTIONS))
        if unknown:
            raise ValueError(f"unknown actions {', '.join(unknown)}; known: {', '.join(ACTIONS)}")
        if self.columns.item is None and self.columns.query is None:
            raise ValueError("give columns.item or columns.query, or both")
        return self


class ItemColumns(FieldGroup):
    item: ColumnName
    text: ColumnName
    path: tuple[ColumnName, ...] = Field(min_length=1, description="From department to leaf")
    brand: ColumnName | None = None


class Items(FieldGroup):
    files: str
    format: Format
    columns: ItemColumns


class Users(FieldGroup):
    """Optional: the users' attributes."""

    files: str
    format: Format
    user: ColumnName
    attributes: tuple[ColumnName, ...] = Field(min_length=1)


class Campaigns(FieldGroup):
    """Optional: columns first_day, last_day, text, under these or other names."""

    files: str
    format: Format
    first_day: ColumnName = "first_day"
    last_day: ColumnName = "last_day"
    text: ColumnName = "text"


class Description(FieldGroup):
    """All of a source file."""

    name: str = Field(min_length=1)
    behaviors: Behaviors
    items: Items
    users: Users | None = None
    campaigns: Campaigns | None = None


def load_description(path: Path) -> Description:
    """Read a source file.

    Raises:
        ConfigurationError: it is missing, no TOML, or a field is wrong; every wrong field is named.
    """
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"There is no source file {path} (INTENTFLOW_SOURCE__NAME).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The source file {path} is no TOML: {error}.") from None
    try:
        return Description.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"The source file {path} is refused: {problems}.") from None
