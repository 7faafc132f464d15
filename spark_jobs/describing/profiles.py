"""What a column's values could be, measured by what landing itself reads them with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import polars as pl

from spark_jobs.describing.names import action_of
from spark_jobs.landing.sources import identity
from spark_jobs.landing.sources.numbers import number
from spark_jobs.landing.sources.times import read_time

# A number without a name that says so is a time only in these years.
FIRST_YEAR = 1995
# strptime formats that logs have beside ISO 8601. Of those that explain the same share the first one is taken, unless
# they mean different days.
TIME_FORMATS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%d-%m-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d/%b/%Y:%H:%M:%S %z",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
)
_MOST_DISTINCT = 2_000
_ZONED = re.compile(r"(?:[zZ]|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|\])$")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FEW = 30
_YES_OR_NO = frozenset({"0", "1"})


@dataclass(frozen=True)
class TimeGuess:
    """How a column's values are read as times.

    Attributes:
        share: of the rows. unit: of numbers since 1970. formats: for strptime, several where they disagree and explain
            as much; none for ISO 8601 or a type of its own. zoned: whether every one says its zone. first, last: seen.
    """

    share: float
    unit: str | None
    formats: tuple[str, ...]
    zoned: bool
    first: datetime | None
    last: datetime | None


class Profile:
    """A column of a sample.

    Args:
        values: its texts, None where there is nothing. typed: whether they are times by their type.
    """

    def __init__(self, name: str, values: Sequence[str | None], typed: bool = False) -> None:
        self.name = name
        self.rows = len(values)
        self.counts: Counter[str] = Counter(value.strip() for value in values if value is not None and value.strip())
        self.filled = self.counts.total()
        self._typed = typed

    def share(self, holds: Callable[[str], bool]) -> float:
        """Of all rows, those of whose value something holds."""
        return sum(rows for value, rows in self.counts.items() if holds(value)) / max(self.rows, 1)

    def of_filled(self, share: float) -> float:
        """A share of all rows as one of those that have a value."""
        return share * self.rows / max(self.filled, 1)

    @property
    def is_unique(self) -> bool:
        return self.filled > 1 and len(self.counts) == self.filled == self.rows

    @cached_property
    def usable_ids(self) -> frozenset[str]:
        frame = pl.DataFrame({"user": list(self.counts)}, schema={"user": pl.String})
        fine = frame.filter(identity.problem("user").is_null() & ~identity.is_anonymous(()))
        return frozenset(fine["user"].to_list())

    @cached_property
    def ids(self) -> float:
        """Share of the rows with an id that is somebody's or something's."""
        return self.share(self.usable_ids.__contains__)

    def canonical(self) -> frozenset[str]:
        """The distinct ids in their one form."""
        frame = pl.DataFrame({"user": list(self.usable_ids)}, schema={"user": pl.String})
        return frozenset(frame.select(user=identity.canonical("user"))["user"].drop_nulls().to_list())

    @cached_property
    def looks_like_ids(self) -> bool:
        """Whether the values alone, without a name, could be ids: short, without blanks, of more than a few."""
        short = self.share(lambda value: len(value) <= 64 and " " not in value and "/" not in value)
        fraction = self.share(lambda value: "." in value and self.is_number(value))
        return self.ids > 0.95 and short > 0.95 and fraction == 0 and len(self.counts) > 20 and not self.time

    @staticmethod
    def is_number(text: str, decimal: str = ".", thousands: str = "") -> bool:
        return number(text, decimal, thousands) is not None

    @cached_property
    def number_form(self) -> tuple[str, str, float]:
        """Decimal sign, sign of thousands, and the share of the rows that are numbers so."""
        tried = [(d, t, self.share(lambda v, d=d, t=t: self.is_number(v, d, t))) for d, t in _NUMBER_FORMS]  # type: ignore[misc]
        return max(tried, key=lambda found: round(found[2], 6))

    @cached_property
    def actions(self) -> float:
        """Share of the rows whose value is called like one of our actions; of few values only."""
        return self.share(lambda value: action_of(value) is not None) if len(self.counts) <= _FEW else 0.0

    @property
    def is_flag(self) -> bool:
        return bool(self.counts) and set(self.counts) <= _YES_OR_NO and self.filled == self.rows

    @cached_property
    def words(self) -> float:
        """Share of the rows that are words rather than numbers, addresses, ids or dates."""
        return self.share(_is_of_words)

    @property
    def mean_length(self) -> float:
        return sum(len(value) * rows for value, rows in self.counts.items()) / max(self.filled, 1)

    @cached_property
    def time(self) -> TimeGuess | None:
        """How the values are times; None where fewer than half of them are."""
        some = Counter(dict(self.counts.most_common(_MOST_DISTINCT)))
        of_all = self.filled / max(self.rows, 1) / max(some.total(), 1)
        found = _usual(some, of_all, self._typed)
        if found and found.share * self.rows >= 0.5 * self.filled:
            return found
        return _formatted(some, of_all)


def _is_of_words(value: str) -> bool:
    letters = sum(map(str.isalpha, value))
    return letters > 0.35 * len(value.replace(" ", "")) and "://" not in value


_NUMBER_FORMS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'"))


def _usual(some: Mapping[str, int], of_all: float, typed: bool) -> TimeGuess | None:
    """As ISO 8601, or as numbers since 1970."""
    until = datetime.now(UTC).year + 1
    times: dict[str, datetime] = {}
    units: Counter[str] = Counter()
    for text, rows in some.items():
        at, unit = read_time(text, "UTC", None)
        plausible = at is not None and (FIRST_YEAR if unit else 1900) <= at.year <= until
        # Eight digits are a date to Python, and as often an id.
        if at is None or not plausible or not (unit or typed or _DATE.match(text)):
            continue
        times[text] = at
        units[unit or ""] += rows
    if not times:
        return None
    commonest = units.most_common(1)[0][0]
    explained = units[commonest] if commonest else sum(some[text] for text in times)
    zoned = all(commonest or _ZONED.search(text) for text in times)
    return TimeGuess(explained * of_all, commonest or None, (), zoned, min(times.values()), max(times.values()))


def _formatted(some: Mapping[str, int], of_all: float) -> TimeGuess | None:
    """By a format."""
    frame = pl.DataFrame(
        {"text": list(some), "rows": list(some.values())}, schema={"text": pl.String, "rows": pl.Int64}
    )
    read: list[tuple[int, str, pl.Series]] = []
    for format_ in TIME_FORMATS:
        times = _read(frame["text"], format_)
        fine = times.is_not_null() & times.dt.year().is_between(FIRST_YEAR, datetime.now(UTC).year + 1)
        if rows := int(frame.filter(fine)["rows"].sum()):
            read.append((rows, format_, times))
    if not read:
        return None
    most = max(rows for rows, _, _ in read)
    if most < 0.5 * sum(some.values()):
        return None
    best = [(format_, times) for rows, format_, times in read if rows == most]
    different = [format_ for format_, times in best if not times.equals(best[0][1])]
    times = best[0][1].drop_nulls()
    first, last = (_moment(times.min()), _moment(times.max()))
    return TimeGuess(most * of_all, None, (best[0][0], *different), "%z" in best[0][0], first, last)


def _read(texts: pl.Series, format_: str) -> pl.Series:
    dated = texts if "%H" in format_ or "%I" in format_ else texts + " 00:00"
    wanted = format_ if dated is texts else f"{format_} %H:%M"
    times = dated.str.to_datetime(wanted, strict=False, time_unit="us")
    return times.dt.replace_time_zone(None) if "%z" in format_ else times


def _moment(value: object) -> datetime | None:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


def profiles_of(columns: Mapping[str, Sequence[str | None]], typed: Iterable[str] = ()) -> dict[str, Profile]:
    """A profile of each column, in the file's order."""
    times = set(typed)
    return {name: Profile(name, values, name in times) for name, values in columns.items()}


def means_nothing(profiles: Iterable[Profile]) -> list[str]:
    """Texts that stand for nothing in some of the columns, seen often enough."""
    found: Counter[str] = Counter()
    rows = 1
    for profile in profiles:
        rows = max(rows, profile.rows)
        found.update({text: profile.counts[text] for text in _NOTHING if profile.counts[text]})
    return sorted(text for text, number_ in found.items() if number_ >= 0.002 * rows)


_NOTHING = ("\\N", "NULL", "null", "NA", "N/A", "n/a", "NaN", "nan", "None")
