"""A written case: a customer's history and a day's environment, in the form of a context, as a TOML file.

What `contexts` keeps of a user stands there, with the catalog's texts in place of their ids (PAPER 1.1: B, U and E).
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas.signals import KINDS

_PERIOD = re.compile(r"\d{4}-\d{2}(-\d{2})?")
Action = Literal["purchase", "cart", "favorite", "search", "redeem"]
Text = Annotated[str, Field(min_length=1)]


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is no day; write it as YYYY-MM-DD") from None


def _period(text: str) -> str:
    if not _PERIOD.fullmatch(text):
        raise ValueError(f"{text!r} is neither a day, YYYY-MM-DD, nor a month, YYYY-MM")
    _day(text if len(text) > len("YYYY-MM") else f"{text}-01")
    return text


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"{text!r} is no kind of signal; they are {', '.join(KINDS)}")
    return text


def _written(value: object) -> object:
    """TOML has days of its own, which need no quotes."""
    return value.isoformat() if type(value) is date else value


Day = Annotated[str, BeforeValidator(_written), AfterValidator(_day)]


class _Part(BaseModel):
    """A part of the file; a field that nobody knows is a mistake and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Acted(_Part):
    """What was done in a period: texts of the catalog by action, one that was bought twice stands there twice."""

    period: Annotated[str, BeforeValidator(_written), AfterValidator(_period)]
    actions: dict[Action, tuple[Text, ...]] = Field(min_length=1)


class Bought(_Part):
    """A category's evidence, the most certain one first (``representation.evidence.CategoryEvidence``)."""

    category: Text
    days: int = Field(ge=1)
    last_day: Day
    usual_interval: float | None = Field(default=None, gt=0)


class Interest(_Part):
    """A long-term interest, the strongest first."""

    category: Text
    count: int = Field(ge=1)


class Signal(_Part):
    """A line of the environment."""

    kind: Annotated[str, AfterValidator(_kind)]
    text: Text
    weight: float = 1.0


class Case(_Part):
    """A case.

    Args:
        title: one line. day: the last one of the history. attributes: of the profile, by name.
        history: the newest period first. evidence: what experts may be shown, the most certain category first.
    """

    title: Text
    day: Day
    attributes: dict[str, Text] = Field(default_factory=dict)
    signals: tuple[Signal, ...]
    history: tuple[Acted, ...] = Field(min_length=1)
    evidence: tuple[Bought, ...] = Field(min_length=1)
    interests: tuple[Interest, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Case:
        seasons = [signal.text for signal in self.signals if signal.kind == "season"]
        if len(seasons) != 1:
            raise ValueError(f"signals has {len(seasons)} of the kind season, and a day has one")
        for newer, older in pairwise(self.history):
            if older.period[: len(newer.period)] >= newer.period[: len(older.period)]:
                raise ValueError(f"the period {older.period} stands after {newer.period}: the newest one comes first")
        late = [acted.period for acted in self.history if acted.period > self.day]
        late += [one.last_day for one in self.evidence if one.last_day > self.day]
        if late:
            raise ValueError(f"{late[0]} is after the day {self.day}, and of it nobody knows anything")
        categories = [one.category for one in self.evidence]
        if twice := sorted({name for name in categories if categories.count(name) > 1}):
            raise ValueError(f"evidence names {twice[0]!r} twice: a category has one line")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """Texts of all that was acted on, each once, in the order of the file."""
        every = (text for acted in self.history for texts in acted.actions.values() for text in texts)
        return tuple(dict.fromkeys(every))

    @property
    def digest(self) -> str:
        """Names the case by its content."""
        return digest(self.model_dump(mode="json"))

    @property
    def user_id(self) -> str:
        """A pseudonym that no customer of the shop has."""
        return digest(["case", self.title])[:16]


def read_case(path: Path) -> Case:
    """Read a case's file.

    Raises:
        SourceMissing: it cannot be read. DataError: it is no case; the sentence says what is wrong where.
    """
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise SourceMissing(f"{path} cannot be read: {error.strerror}; name the file of a case.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no TOML: {error}. Write it as examples/case/case.toml is.") from None
    try:
        return Case.model_validate(content)
    except ValidationError as error:
        sentences = [f"{_place(problem['loc'])}: {_said(problem['msg'])}" for problem in error.errors()]
        raise DataError(f"{path} is no case. {'; '.join(sentences)}. docs/case.md says what each field is.") from None


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in parts) or "the file"


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
