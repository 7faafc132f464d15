"""Any shop's log: CSV, JSON Lines or Parquet files, described by one TOML file.

A row that cannot be read becomes a raw row with a ``problem``, which landing rejects by name: nothing is lost. A file
that as a whole is not what the description says (a column missing or of another type, a damaged Parquet file) is an
error that names it, for no row of it can be trusted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa

from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas.behaviors import RAW
from spark_jobs.landing.sources.description import Behaviors, Format, load_description
from spark_jobs.landing.sources.formats import PROBLEM, first_line, read_file, rows_of_file
from spark_jobs.landing.sources.source import ATTRIBUTES, CAMPAIGNS, ITEMS, SourcePart

# Characters kept of a value that is carried along.
EXTRA_LIMIT = 1_000
OPTIONAL = ("item", "query", "quantity", "amount", "session")


class Files:
    """``spark_jobs.landing.sources.source.Source`` over files."""

    def __init__(self, description: Path, late_days: int, last_day: date | None) -> None:
        self._late_days = late_days
        self._last_day = last_day
        self._folder = description.resolve().parent
        self._description = load_description(description)
        self._path = description
        self.name = self._description.name

    # -- what there is -------------------------------------------------------------------------------------------

    def arrived(self, day: date) -> bool:
        if not self._by_day:
            return bool(self._files(self._behaviors.files))
        # East of UTC the day's last hours come with the next delivery, unless the log has ended.
        until = day + timedelta(days=1)
        complete = self._ends(day) >= datetime.combine(until, time(), UTC) or day == self._last_day
        return bool(self._files_of(day)) and (complete or bool(self._files_of(until)))

    def _ends(self, day: date) -> datetime:
        """The end of a day by the shop's clock."""
        return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(self._behaviors.time_zone)).astimezone(UTC)

    @property
    def _behaviors(self) -> Behaviors:
        return self._description.behaviors

    @property
    def _by_day(self) -> bool:
        return "{day}" in self._behaviors.files

    def _files(self, pattern: str) -> list[Path]:
        return sorted(self._folder.glob(pattern))

    def _files_of(self, day: date) -> list[Path]:
        return self._files(self._behaviors.files.replace("{day}", day.isoformat()))

    def digest(self, day: date) -> str:
        return digest([[path.name, _file_digest(path)] for path, _ in self._deliveries(day, day)])

    def _deliveries(self, first: date, last: date) -> list[tuple[Path, str]]:
        """The files that may hold rows of the days from first to last, and the day each was delivered for."""
        if not self._by_day:
            return [(path, "") for path in self._files(self._behaviors.files)]
        # By the shop's clock the first UTC day may begin, or the last one end, a day earlier or later than ours.
        days = [first + timedelta(days=n) for n in range(-1, (last - first).days + 2 + self._late_days)]
        return [(path, day.isoformat()) for day in days for path in self._files_of(day)]

    def catalog_digest(self) -> str:
        return digest([self._catalog, self._path.read_text()])

    @cached_property
    def _catalog(self) -> list[list[str]]:
        parts = (self._description.items, self._description.users, self._description.campaigns)
        return [[p.name, _file_digest(p)] for part in parts if part for p in self._files(part.files)]

    # -- behaviors -----------------------------------------------------------------------------------------------

    def parts(self, first: date, last: date) -> Sequence[SourcePart]:
        return [
            (str(path), _file_digest(path), delivered, first.isoformat(), last.isoformat())
            for path, delivered in self._deliveries(first, last)
        ]

    def rows(self, part: SourcePart) -> int:
        return rows_of_file(Path(part[0]), self._behaviors.format)

    def read(self, part: SourcePart) -> pa.Table:
        path, expected, delivered, first, last = part
        frame = read_file(Path(path), self._behaviors.format, self._behaviors.columns.named(), "behaviors", OPTIONAL)
        new = self._new_columns(Path(path), frame)
        if _file_digest(Path(path)) != expected:
            raise DataError(f"{path} changed while it was read: run again when its writer has finished.")
        rows = _raw(frame, self._behaviors, new)
        rows = self._with_delivery(rows, delivered, last)
        # A row is read with its own UTC day; one whose time cannot be used, with the day of its delivery.
        ends, oldest = pl.col("delivery_ends"), pl.duration(days=1 + self._late_days)
        usable = pl.col("at").is_not_null() & (
            ends.is_null() | pl.col("at").is_between(ends - oldest, ends, closed="left")
        )
        own = pl.col("at").dt.date().dt.to_string("%Y-%m-%d")
        rows = rows.with_columns(day=pl.when(usable).then(own).otherwise(pl.col("delivered")))
        kept = rows.filter(pl.col("day").is_between(pl.lit(first), pl.lit(last)))
        return kept.select(RAW.names).to_arrow().cast(RAW)

    def _with_delivery(self, rows: pl.DataFrame, delivered: str, last: str) -> pl.DataFrame:
        """Name each row's delivery. In a pile of files no row is late, and a file stands for its commonest day."""
        if not delivered:
            never = pl.lit(None, pl.Datetime("us", "UTC"))
            return rows.with_columns(delivered=pl.lit(_commonest_day(rows, last)), delivery_ends=never)
        moment = pl.lit(self._ends(date.fromisoformat(delivered))).cast(pl.Datetime("us", "UTC"))
        return rows.with_columns(delivered=pl.lit(delivered), delivery_ends=moment)

    def _new_columns(self, path: Path, frame: pl.DataFrame) -> list[str]:
        """Columns that the description does not name."""
        behaviors = self._behaviors
        known = {*behaviors.columns.named().values(), *behaviors.known_columns, PROBLEM}
        new = sorted(set(frame.columns) - known)
        if new and behaviors.new_columns == "refuse":
            raise DataError(
                f"{path} has new columns {', '.join(new)}: name them in behaviors.known_columns, "
                "or set behaviors.new_columns to drop or carry."
            )
        return new

    # -- catalog -------------------------------------------------------------------------------------------------

    def items(self) -> pa.Table:
        items = self._description.items
        columns = items.columns
        named = {"item": columns.item, "text": columns.text, **{f"path {n}": c for n, c in enumerate(columns.path)}}
        if columns.brand:
            named["brand"] = columns.brand
        frame = self._read_all(items.files, items.format, named, "items")
        path = pl.concat_list([f"path {n}" for n in range(len(columns.path))])
        brand = pl.col("brand") if columns.brand else pl.lit(None, pl.String)
        return frame.select("item", "text", path=path, brand=brand).to_arrow().cast(ITEMS)

    def attributes(self) -> pa.Table:
        users = self._description.users
        if users is None:
            return ATTRIBUTES.empty_table()
        named = {"user": users.user, **{name: name for name in users.attributes}}
        frame = (
            self._read_all(users.files, users.format, named, "users").drop_nulls("user").unique("user", keep="first")
        )
        rows = frame.unpivot(index="user", variable_name="name", value_name="value").drop_nulls("value")
        return rows.to_arrow().cast(ATTRIBUTES)

    def campaigns(self) -> pa.Table:
        campaigns = self._description.campaigns
        if campaigns is None:
            return CAMPAIGNS.empty_table()
        named = {"first_day": campaigns.first_day, "last_day": campaigns.last_day, "text": campaigns.text}
        frame = self._read_all(campaigns.files, campaigns.format, named, "campaigns")
        try:
            return frame.with_columns(pl.col("first_day", "last_day").str.to_date()).to_arrow().cast(CAMPAIGNS)
        except pl.exceptions.PolarsError as error:
            raise DataError(f"campaigns in {campaigns.files}: days must be YYYY-MM-DD ({first_line(error)}).") from None

    def _read_all(self, pattern: str, kind: Format, named: dict[str, str], what: str) -> pl.DataFrame:
        files = self._files(pattern)
        if not files:
            raise SourceMissing(f"No {what} file matches {pattern} below {self._folder}.")
        frames = []
        for path in files:
            frame = read_file(path, kind, named, what).filter(pl.col(PROBLEM).is_null())
            frames.append(frame.select(pl.col(theirs).cast(pl.String).alias(ours) for ours, theirs in named.items()))
        return pl.concat(frames)


def _commonest_day(rows: pl.DataFrame, otherwise: str) -> str:
    """The day that most rows of a file are of, which stands for the day it was delivered for."""
    days = rows["at"].drop_nulls().dt.date().value_counts(sort=True).sort("count", "at", descending=True)
    return days["at"][0].isoformat() if len(days) else otherwise


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _raw(frame: pl.DataFrame, behaviors: Behaviors, new: list[str]) -> pl.DataFrame:
    """Rows under our names and types; what cannot be converted is named in ``problem``.

    Args:
        new: columns that the description does not name.
    """
    named = behaviors.columns.named()
    empty = [
        pl.lit(None, pl.String).alias(name)
        for name in RAW.names
        if name not in (*named, "problem", "day", "delivery_ends", "new_columns", "extra")
    ]
    rows = frame.select(
        *(pl.col(theirs).alias(ours) for ours, theirs in named.items()),
        *empty,
        problem=pl.col(PROBLEM),
        **_unnamed(frame.select(new).schema, behaviors.new_columns == "carry"),
    )
    rows = rows.with_columns(
        at=_times(rows.schema["at"], behaviors), _at=pl.col("at").cast(pl.String, strict=False),
        **{name: pl.col(name).cast(pl.String) for name in ("user", "item", "query", "session")},
    )  # fmt: skip
    action = pl.lit(behaviors.fixed_action) if behaviors.fixed_action else pl.col("action").cast(pl.String)
    quantity = pl.col("quantity").cast(pl.Float64, strict=False)
    amount = pl.col("amount").cast(pl.Float64, strict=False)
    problems = (
        (pl.col("at").is_null() & pl.col("_at").is_not_null(), pl.format("the time {} cannot be read", "_at")),
        (_no_number("quantity", quantity), pl.format("the quantity {} is no number", "quantity")),
        (_no_number("amount", amount), pl.format("the amount {} is no number", "amount")),
    )
    problem = pl.col("problem")
    for broken, sentence in problems:
        problem = pl.coalesce(problem, pl.when(broken).then(sentence.str.slice(0, 200)))
    return rows.with_columns(
        problem=problem,
        action=action.replace(behaviors.actions) if behaviors.actions else action,
        # Beyond what an integer holds is as absurd as its limit, which a rule of the landing names.
        quantity=pl.when(quantity.is_finite()).then(quantity.clip(-(2.0**53), 2.0**53)).cast(pl.Int64),
        amount=pl.when(amount.is_finite()).then(amount),
    )


def _unnamed(new: pl.Schema, carry: bool) -> dict[str, pl.Expr]:
    """Which columns nobody named, in each row that could be read, and their values if they are carried along."""
    nothing = pl.lit(None, pl.String)
    if not new:
        return {"new_columns": nothing, "extra": nothing}
    values = [
        pl.col(name) if kind.is_nested() else pl.col(name).cast(pl.String, strict=False).str.slice(0, EXTRA_LIMIT)
        for name, kind in new.items()
    ]
    there = pl.any_horizontal(pl.col(list(new)).is_not_null())
    return {
        "new_columns": pl.when(pl.col(PROBLEM).is_null()).then(pl.lit(json.dumps(list(new)))),
        "extra": pl.when(there).then(pl.struct(values).struct.json_encode()) if carry else nothing,
    }


def _no_number(name: str, converted: pl.Expr) -> pl.Expr:
    """Something is there, and it is no finite number."""
    return pl.col(name).is_not_null() & ~converted.is_finite().fill_null(False)


def _times(kind: pl.DataType, behaviors: Behaviors) -> pl.Expr:
    """The time column in UTC; times without a zone are in the log's. What is no time becomes null."""
    column = pl.col("at")
    if isinstance(kind, pl.Datetime):
        times = column.dt.cast_time_unit("us")
        has_zone = kind.time_zone is not None
    elif behaviors.time_format:
        times = column.cast(pl.String).str.to_datetime(behaviors.time_format, strict=False, time_unit="us")
        has_zone = "%z" in behaviors.time_format
    else:
        texts = column.cast(pl.String)
        return texts.map_elements(lambda text: _iso(text, behaviors.time_zone), pl.Datetime("us", "UTC"))
    if not has_zone:
        # An hour that a clock shows twice is taken as the first; one that it skips is no time.
        times = times.dt.replace_time_zone(behaviors.time_zone, ambiguous="earliest", non_existent="null")
    return times.dt.convert_time_zone("UTC")


def _iso(text: str, zone: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        return None
