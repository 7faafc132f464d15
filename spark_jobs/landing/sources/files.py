"""Any shop's log: CSV, JSON Lines or Parquet files, described by one TOML file.

A row that cannot be read becomes a raw row with a ``problem``, which landing rejects by name: nothing is lost. A file
that as a whole is not what the description says (a column missing or of another type, a damaged Parquet file) is an
error that names it, for no row of it can be trusted.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl
import pyarrow as pa

from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas.behaviors import RAW
from spark_jobs.landing.sources import identity
from spark_jobs.landing.sources.deliveries import Deliveries
from spark_jobs.landing.sources.description import Behaviors, load_description
from spark_jobs.landing.sources.event_keys import event_keys
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.formats import PROBLEM, first_line, read_file, rows_of_file
from spark_jobs.landing.sources.places import files_of
from spark_jobs.landing.sources.raw_rows import raw_rows
from spark_jobs.landing.sources.source import ATTRIBUTES, CAMPAIGNS, ITEMS, SourcePart

log = logging.getLogger("intentflow")

_ATTRIBUTE = "attribute "
# More than any file has; so rows of all files are in one order, that of their deliveries.
ROWS_A_FILE = 2**40
# A behavior is not made of nothing: these a line of JSON may leave out.
LEFT_OUT = ("item", "query", "quantity", "amount", "session")


class Files:
    """``spark_jobs.landing.sources.source.Source`` over files."""

    def __init__(self, description: Path, late_days: int, first_day: date, last_day: date | None) -> None:
        self._late_days = late_days
        self._folder = description.resolve().parent
        self._description = load_description(description)
        self._path = description
        self._newest_days: dict[tuple[str, str], str] = {}
        self.name = self._description.name
        self.maximum_anonymous = self._behaviors.maximum_anonymous
        self.maximum_user_share = self._behaviors.maximum_user_share
        self._deliveries = Deliveries(
            self._folder, self._behaviors, first_day, last_day, late_days, self._has_rows_after
        )
        self.zone_of_days = self._deliveries.zone_of_days
        self.unlisted_category = self._description.items.unlisted_category

    # -- what there is -------------------------------------------------------------------------------------------

    def lacking(self, day: date) -> str | None:
        return self._deliveries.lacking(day, datetime.now(UTC))

    def half(self, day: date) -> str | None:
        return self._deliveries.half(day, datetime.now(UTC))

    def corrected(self) -> list[date]:
        return self._deliveries.corrected()

    def complete_from(self, day: date) -> datetime:
        return self._deliveries.complete_from(day)

    @property
    def _behaviors(self) -> Behaviors:
        return self._description.behaviors

    def digest(self, day: date) -> str:
        return digest([[path.name, _file_digest(path)] for path, _ in self._deliveries.of(day, day)])

    def catalog_digest(self) -> str:
        return digest([self._catalog, self._path.read_text(encoding="utf-8-sig")])

    @cached_property
    def _catalog(self) -> list[list[str]]:
        parts = (self._description.items, self._description.users, self._description.campaigns)
        return [[p.name, _file_digest(p)] for part in parts if part for p in files_of(self._folder, part.files)]

    # -- behaviors -----------------------------------------------------------------------------------------------

    def parts(self, first: date, last: date) -> Sequence[SourcePart]:
        # What is dated after today has not happened; nor is a day landed that has not been.
        known_until = max(datetime.now(UTC).date(), last) + timedelta(days=1)
        days = (first.isoformat(), last.isoformat(), known_until.isoformat())
        return [
            (str(path), _file_digest(path), delivered, *days, str(number))
            for number, (path, delivered) in enumerate(self._deliveries.of(first, last))
        ]

    @property
    def _own_day(self) -> pl.Expr:
        """The day of a row's own time."""
        return pl.col("at").dt.convert_time_zone(self.zone_of_days).dt.date()

    def _has_rows_after(self, day: date) -> bool:
        """Whether any file has a row of a later day, and not of one that has not begun; all of them are read once."""
        parts = reversed(self.parts(date(1, 1, 1), datetime.now(UTC).date()))
        return any(self._newest_day(part) > day.isoformat() for part in parts)

    def _newest_day(self, part: SourcePart) -> str:
        """The newest day that a file has rows of; nothing where it has none, or is still written."""
        file = (part[0], part[1])
        if file not in self._newest_days:
            try:
                self._newest_days[file] = max(self.read(part)["day"].to_pylist(), default="")
            except DataError:
                if _file_digest(Path(part[0])) == part[1]:
                    raise
                return ""
        return self._newest_days[file]

    def rows(self, part: SourcePart) -> int:
        return rows_of_file(Path(part[0]), self._behaviors)

    def read(self, part: SourcePart) -> pa.Table:
        path, expected, delivered, first, last, known_until, number = part
        behaviors = self._behaviors
        optional = LEFT_OUT if behaviors.format == "jsonl" else behaviors.optional_columns
        found = read_file(
            Path(path),
            behaviors,
            behaviors.columns.named(),
            "behaviors",
            optional,
            unnamed=behaviors.new_columns == "carry",
        )
        self._refuse_new_columns(path, found.new)
        if _file_digest(Path(path)) != expected:
            raise DataError(f"{path} changed while it was read: run again when its writer has finished.")
        rows = raw_rows(found, behaviors).with_columns(
            event=event_keys(found.named, behaviors),
            delivery=pl.lit(delivered or Path(path).name),
            sequence=int(number) * ROWS_A_FILE + pl.int_range(pl.len(), dtype=pl.Int64),
        )
        rows = self._with_delivery(rows, delivered, last, known_until)
        # A row is read with its own UTC day; one whose time cannot be used, with the day of its delivery.
        ends, oldest = pl.col("delivery_ends"), pl.duration(days=1 + self._late_days)
        usable = pl.col("at").is_not_null() & (
            pl.when(ends.is_null())
            .then(self._own_day < date.fromisoformat(known_until))
            .otherwise(pl.col("at").is_between(ends - oldest, ends, closed="left"))
        )
        own = self._own_day.dt.to_string("%Y-%m-%d")
        rows = rows.with_columns(day=pl.when(usable).then(own).otherwise(pl.col("delivered")))
        kept = rows.filter(pl.col("day").is_between(pl.lit(first), pl.lit(last)))
        return kept.select(RAW.names).to_arrow().cast(RAW)

    def _with_delivery(self, rows: pl.DataFrame, delivered: str, last: str, known_until: str) -> pl.DataFrame:
        """Name each row's delivery. In a pile of files no row is late, and a file stands for its commonest day."""
        if not delivered:
            never = pl.lit(None, pl.Datetime("us", "UTC"))
            commonest = _commonest_day(rows.select(self._own_day)["at"], last, known_until)
            return rows.with_columns(delivered=pl.lit(commonest), delivery_ends=never)
        moment = pl.lit(self._deliveries.ends(date.fromisoformat(delivered))).cast(pl.Datetime("us", "UTC"))
        return rows.with_columns(delivered=pl.lit(delivered), delivery_ends=moment)

    def _refuse_new_columns(self, path: str, unnamed: Sequence[str]) -> None:
        new = sorted(set(unnamed) - set(self._behaviors.known_columns))
        if new and self._behaviors.new_columns == "refuse":
            raise DataError(
                f"{path} has new columns {', '.join(new)}: name them in behaviors.known_columns, "
                "or set behaviors.new_columns to drop or carry."
            )

    # -- catalog -------------------------------------------------------------------------------------------------

    def items(self) -> pa.Table:
        items = self._description.items
        columns = items.columns
        named = {"item": columns.item, "text": columns.text, **{f"path {n}": c for n, c in enumerate(columns.path)}}
        if columns.brand:
            named["brand"] = columns.brand
        frame = self._read_files(items, named, "items")
        path = pl.concat_list([f"path {n}" for n in range(len(columns.path))])
        brand = pl.col("brand") if columns.brand else pl.lit(None, pl.String)
        return frame.select("item", "text", path=path, brand=brand, problem=PROBLEM).to_arrow().cast(ITEMS)

    def attributes(self) -> pa.Table:
        users = self._description.users
        if users is None:
            return ATTRIBUTES.empty_table()
        named = {"user": users.user, **{_ATTRIBUTE + name: name for name in users.attributes}}
        tokens = (*self._behaviors.anonymous, *users.nulls)
        people = self._read_all(users, named, "users").drop_nulls("user").filter(~identity.is_anonymous(tokens))
        rows = (
            people.unique("user", keep="first")
            .unpivot(index="user", variable_name="name", value_name="value")
            .drop_nulls("value")
            .with_columns(pl.col("name").str.strip_prefix(_ATTRIBUTE))
        )
        return rows.to_arrow().cast(ATTRIBUTES)

    def campaigns(self) -> pa.Table:
        campaigns = self._description.campaigns
        if campaigns is None:
            return CAMPAIGNS.empty_table()
        named = {"first_day": campaigns.first_day, "last_day": campaigns.last_day, "text": campaigns.text}
        frame = self._read_all(campaigns, named, "campaigns")
        try:
            return frame.with_columns(pl.col("first_day", "last_day").str.to_date()).to_arrow().cast(CAMPAIGNS)
        except pl.exceptions.PolarsError as error:
            raise DataError(f"campaigns in {campaigns.files}: days must be YYYY-MM-DD ({first_line(error)}).") from None

    def _read_all(self, form: FileForm, named: dict[str, str], what: str) -> pl.DataFrame:
        """The rows of all files of a part of the catalog that can be read; of the others the log tells."""
        rows = self._read_files(form, named, what)
        unreadable = rows[PROBLEM].drop_nulls()
        if len(unreadable):
            log.warning("%s rows of %s are left out: %s, for example.", f"{len(unreadable):,}", what, unreadable[0])
        return rows.filter(pl.col(PROBLEM).is_null()).drop(PROBLEM)

    def _read_files(self, form: FileForm, named: dict[str, str], what: str) -> pl.DataFrame:
        """The rows of all files of a part of the catalog, ids in their one form, and why one cannot be used."""
        files = files_of(self._folder, form.files)
        if not files:
            raise SourceMissing(f"No {what} file matches {form.files} below {self._folder}.")
        frames = []
        ids = [name for name in identity.IDS if name in named]
        for path in files:
            rows = read_file(path, form, named, what).named
            no_id = pl.coalesce(pl.lit(None, pl.String), *map(identity.problem, ids))
            rows = rows.with_columns(
                pl.coalesce(PROBLEM, pl.format("{} of {}", no_id, pl.lit(path.name))).alias(PROBLEM)
            )
            rows = rows.with_columns(identity.canonical(name).alias(name) for name in ids)
            frames.append(rows.select(pl.col(*named, PROBLEM).cast(pl.String)))
        return pl.concat(frames)


def _commonest_day(days: pl.Series, otherwise: str, known_until: str) -> str:
    """The day that most rows of a file are of, which stands for the day it was delivered for."""
    counted = days.filter(days < date.fromisoformat(known_until)).value_counts()
    commonest = counted.sort("count", days.name, descending=True)
    return str(commonest[days.name][0].isoformat()) if len(commonest) else otherwise


def _file_digest(path: Path) -> str:
    found = path.stat()
    return _digest_of(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=100_000)
def _digest_of(path: Path, changed: int, size: int) -> str:
    """Of a file's content, as it is at one moment: that it was read once is enough for all days that it may be of."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
