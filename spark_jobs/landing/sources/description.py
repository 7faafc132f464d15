"""A shop's log described by one TOML file: where its files are, which column means what.

``docs/own_log.md`` documents every field with an example.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator, model_validator

from runtime.errors import ConfigurationError
from schemas.behaviors import ACTIONS
from spark_jobs.landing.sources.alternatives import Column, names_of
from spark_jobs.landing.sources.file_form import ColumnName, FieldGroup, FileForm
from spark_jobs.landing.sources.paths import EACH

# In a path of files: the shop's day, as YYYY-MM-DD.
DAY_IN_NAME = "{day}"
# In a path of corrections: a number, of which the highest counts.
VERSION_IN_NAME = "{version}"
EVENT = "event"
# Stands where a person has to say what nobody could guess.
FILL_IN = "<fill in>"
EpochUnit = Literal["seconds", "milliseconds", "microseconds", "nanoseconds"]
# Columns that an older or a newer file of the log may lack.
OptionalColumn = Literal["item", "query", "quantity", "amount", "session"]


class BehaviorColumns(FieldGroup):
    """The log's column for each of ours, or several of which the first that has something counts. ``user``, ``at`` and
    ``action`` (or a fixed ``action``) are needed.

    ``event`` names what tells one event from all others: an id, or several columns that do so together.
    """

    user: Column
    at: ColumnName
    action: Column | None = None
    item: Column | None = None
    query: Column | None = None
    quantity: Column | None = None
    amount: Column | None = None
    session: Column | None = None
    event: ColumnName | Annotated[tuple[ColumnName, ...], Field(min_length=1)] | None = None

    def named(self) -> dict[str, str]:
        """Our name to the log's name, of the columns that the log has; those of the event are numbered, and the second
        of several (``alternatives``)."""
        said = {name: value for name, value in self.model_dump(exclude={"event"}).items() if value is not None}
        found = {name: theirs for ours, column in said.items() for name, theirs in names_of(ours, column).items()}
        return found | {f"{EVENT} {number}": name for number, name in enumerate(self.of_event)}

    @property
    def of_event(self) -> tuple[str, ...]:
        """The columns that tell events apart; none where nothing does."""
        return (self.event,) if isinstance(self.event, str) else self.event or ()


class Arrival(FieldGroup):
    """When a delivery is whole: as soon as all that is said here holds of its files."""

    marker: ColumnName | None = Field(default=None, description="Glob of a file that is written last")
    files: int | None = Field(default=None, ge=1, description="As many files a day, at least")
    quiet_minutes: float | None = Field(default=None, gt=0, description="For so long no file has changed")
    next_day: bool = Field(default=False, description="The next day has begun")

    @property
    def is_declared(self) -> bool:
        """Whether anything is said."""
        return self != Arrival()


class Behaviors(FileForm):
    """The log's files. With ``{day}`` in ``files`` a day is its own file or files, else every file may hold it."""

    columns: BehaviorColumns
    optional_columns: tuple[OptionalColumn, ...] = Field(default=(), description="Ours, of those a file may lack")
    corrections: str | None = Field(default=None, description="Glob of files that replace a day's, with {day}")
    arrival: Arrival = Field(default=Arrival(), description="When a delivery is whole")
    time_zone: str = "UTC"
    days: Literal["utc", "shop"] | None = Field(
        default=None, description="By whose clock the lake's days begin; none: the shop's where a day has its own files"
    )
    time_format: str | None = Field(default=None, description="strptime format; none for ISO 8601 or epoch numbers")
    time_unit: EpochUnit | None = Field(default=None, description="Of epoch numbers; none: recognised and reported")
    first_year: int = Field(default=1990, ge=1, le=4000, description="A time of a year before is unreadable")
    last_year: int = Field(default=2100, ge=1, le=4000, description="A time of a year after is unreadable")
    ignored: tuple[ColumnName, ...] = Field(default=(), description="The log's action names that are not wanted")
    anonymous: tuple[str, ...] = Field(default=(), description="User ids that are nobody's, beside the usual ones")
    maximum_anonymous: float = Field(default=0.5, ge=0, le=1, description="Share of a day's rows that may be nobody's")
    maximum_user_share: float = Field(
        default=0.1, gt=0, le=1, description="Share of a day's rows past which one user is reported"
    )
    fixed_action: str | None = Field(default=None, description="The action of every row, where no column has it")
    actions: dict[str, str] = Field(default_factory=dict, description="The log's action names to ours")
    new_columns: Literal["drop", "carry", "refuse"] = Field(
        default="drop", description="What to do with columns that nobody named; they are reported in any case"
    )
    carried: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="By column that is carried: values that are kept as they are"
    )
    known_columns: tuple[str, ...] = Field(default=(), description="Columns that are known and not used")

    @property
    def days_are_the_shops(self) -> bool:
        """Whether the lake's days begin by the clock of ``time_zone``; else they are UTC."""
        return self.days == "shop" or (self.days is None and DAY_IN_NAME in self.files)

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no time zone; use a name such as Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _times_agree(self) -> Behaviors:
        if self.time_format and self.time_unit:
            raise ValueError("give either time_format or time_unit")
        if self.first_year > self.last_year:
            raise ValueError(f"first_year {self.first_year} is after last_year {self.last_year}")
        return self

    @model_validator(mode="after")
    def _days_have_files(self) -> Behaviors:
        if self.format == "delta" and (self.arrival.files or self.corrections):
            raise ValueError("a Delta table has no files of a day: arrival.files and corrections are of other formats")
        if self.arrival.files and DAY_IN_NAME not in self.files:
            raise ValueError("arrival.files counts the files of a day, so files needs {day}")
        if self.corrections is not None and not all(DAY_IN_NAME in one for one in (self.corrections, self.files)):
            raise ValueError("corrections replace the files of a day, so files and corrections need {day}")
        if self.arrival.marker and DAY_IN_NAME in self.files and DAY_IN_NAME not in self.arrival.marker:
            raise ValueError("arrival.marker needs {day}: each day has its own")
        return self

    @model_validator(mode="after")
    def _has_action(self) -> Behaviors:
        if (self.columns.action is None) == (self.fixed_action is None):
            raise ValueError("give either columns.action or fixed_action")
        if both := sorted({*self.actions} & {*self.ignored}):
            raise ValueError(f"{', '.join(both)}: either an action or ignored")
        if self.ignored and self.columns.action is None:
            raise ValueError("ignored names actions, so give columns.action")
        unknown = sorted({*self.actions.values(), *filter(None, [self.fixed_action])} - set(ACTIONS))
        if unknown:
            raise ValueError(f"unknown actions {', '.join(unknown)}; known: {', '.join(ACTIONS)}")
        paths = [name for name in self.columns.named().values() if EACH in name]
        if paths and self.format == "csv":
            raise ValueError(f"{paths[0]}: a path to the elements of a list is of other formats than csv")
        if len({name.partition(EACH)[0] for name in paths}) > 1 or any(name.count(EACH) > 1 for name in paths):
            raise ValueError(
                f"{', '.join(paths)}: rows are the elements of one list, so all have one {EACH} at one place"
            )
        if self.columns.item is None and self.columns.query is None:
            raise ValueError("give columns.item or columns.query, or both")
        return self

    @model_validator(mode="after")
    def _nobody_is_carried(self) -> Behaviors:
        if self.carried and self.new_columns != "carry":
            raise ValueError('carried says which values are kept of what new_columns = "carry" carries along')
        if named := self.carried.keys() & set(names_of("user", self.columns.user).values()):
            raise ValueError(f"carried names {min(named)}, the user's column: no id is kept as it is")
        return self


class ItemColumns(FieldGroup):
    item: Column
    text: Column
    path: tuple[Column, ...] = Field(default=(), description="From department to leaf")
    flags: dict[ColumnName, ColumnName] = Field(
        default_factory=dict, description="Columns of 0 and 1, and the category that a 1 means; the first such counts"
    )
    brand: Column | None = None

    @property
    def levels(self) -> tuple[Column, ...]:
        """The columns that categories come from: levels of a path, or flags."""
        return self.path or tuple(self.flags)

    def named(self) -> dict[str, str]:
        """Our name to the log's name; levels of the path, or flags, are numbered."""
        levels = {f"path {number}": column for number, column in enumerate(self.levels)}
        said = {"item": self.item, "text": self.text, **levels, **({"brand": self.brand} if self.brand else {})}
        return {name: theirs for ours, column in said.items() for name, theirs in names_of(ours, column).items()}

    @model_validator(mode="after")
    def _has_categories(self) -> ItemColumns:
        if bool(self.path) == bool(self.flags):
            raise ValueError("give either path or flags: an item needs a category")
        return self


class Items(FileForm):
    columns: ItemColumns
    path_separator: ColumnName | None = Field(
        default=None, description="Between levels that stand in one column of the path"
    )
    unlisted_category: ColumnName | None = Field(
        default=None, description="Of items that are not in the catalog; none: their behaviors are rejected"
    )
    from_events: bool = Field(default=False, description="Files are the log's own: what it said last of an item counts")


class Users(FileForm):
    """Optional: the users' attributes."""

    user: ColumnName
    attributes: tuple[ColumnName, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_id_is_an_attribute(self) -> Users:
        if self.user in self.attributes:
            raise ValueError(f"attributes names {self.user}, the user's column: no id is kept as it is")
        return self


class Campaigns(FileForm):
    """Optional: columns first_day, last_day, text, under these or other names."""

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

    @model_validator(mode="after")
    def _nobody_is_carried(self) -> Description:
        if self.users and self.users.user in self.behaviors.carried:
            raise ValueError(f"behaviors.carried names {self.users.user}, the user's column: no id is kept as it is")
        return self


def lines_to_fill(text: str) -> list[tuple[int, str]]:
    """The lines of a source file that nobody has filled in, from 1, and what they say."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        said, marked, comment = line.partition(f'"{FILL_IN}"')
        if marked and not said.lstrip().startswith("#"):
            found.append((number, f"{said.rstrip(' =[')}: {comment.lstrip('] #')}".rstrip(": ")))
    return found


def load_description(path: Path) -> Description:
    """Read a source file.

    Raises:
        ConfigurationError: it is missing, no TOML, or a field is wrong; every wrong field is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(f"There is no source file {path} (INTENTFLOW_SOURCE__NAME).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The source file {path} is no TOML: {error}.") from None
    if unfilled := lines_to_fill(text):
        told = "; ".join(f"line {number}, {told}" for number, told in unfilled)
        raise ConfigurationError(f'The source file {path} is not filled in. Write in place of "{FILL_IN}": {told}.')
    try:
        return Description.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"The source file {path} is refused: {problems}.") from None
