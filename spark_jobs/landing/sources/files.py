"""Any shop's log: CSV, JSON Lines or Parquet files, described by one TOML file.

A row that cannot be read becomes a raw row with a ``problem``, which landing rejects by name: nothing is lost. A file
that as a whole is not what the description says (a column missing or of another type, a damaged Parquet file) is an
error that names it, for no row of it can be trusted.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl
import pyarrow as pa

from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas.behaviors import RAW
from spark_jobs.landing.sources import identity
from spark_jobs.landing.sources.behavior_pieces import Delivery, end_of, pieces_of, wanted_of
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.description import Behaviors, load_description
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import PROBLEM, Wanted
from spark_jobs.landing.sources.formats import (
    LEAST_BYTES_A_ROW,
    first_line,
    read_file,
    rows_of_file,
    spans_of_file,
)
from spark_jobs.landing.sources.places import files_of
from spark_jobs.landing.sources.source import ATTRIBUTES, CAMPAIGNS, ITEMS, SourcePart

log = logging.getLogger("intentflow")

_ATTRIBUTE = "attribute "


class Files:
    """``spark_jobs.landing.sources.source.Source`` over files."""

    def __init__(self, description: Path, late_days: int, last_day: date | None, piece_bytes: int) -> None:
        """A source that reads its description alone.

        Args:
            late_days: how many days after its own a row may be delivered. last_day: of a log that has ended.
            piece_bytes: of a file that are read at once, about.
        """
        self._piece_bytes = piece_bytes
        self._late_days = late_days
        self._last_day = last_day
        self._folder = description.resolve().parent
        self._description = load_description(description)
        self._path = description
        self.name = self._description.name
        self.maximum_anonymous = self._behaviors.maximum_anonymous
        self.maximum_user_share = self._behaviors.maximum_user_share

    # -- what there is -------------------------------------------------------------------------------------------

    def arrived(self, day: date) -> bool:
        if not self._by_day:
            return bool(self._files(self._behaviors.files))
        # East of UTC the day's last hours come with the next delivery, unless the log has ended.
        until = day + timedelta(days=1)
        complete = end_of(day, self._behaviors) >= datetime.combine(until, time(), UTC) or day == self._last_day
        return bool(self._files_of(day)) and (complete or bool(self._files_of(until)))

    @property
    def _behaviors(self) -> Behaviors:
        return self._description.behaviors

    @property
    def _by_day(self) -> bool:
        return "{day}" in self._behaviors.files

    def _files(self, pattern: str) -> list[Path]:
        return files_of(self._folder, pattern)

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
        return digest([self._catalog, self._path.read_text(encoding="utf-8-sig")])

    @cached_property
    def _catalog(self) -> list[list[str]]:
        parts = (self._description.items, self._description.users, self._description.campaigns)
        return [[p.name, _file_digest(p)] for part in parts if part for p in self._files(part.files)]

    # -- behaviors -----------------------------------------------------------------------------------------------

    def parts(self, first: date, last: date) -> Sequence[SourcePart]:
        # What is dated after today has not happened; nor is a day landed that has not been.
        known_until = max(datetime.now(UTC).date(), last) + timedelta(days=1)
        days = (first.isoformat(), last.isoformat(), known_until.isoformat())
        parts: list[SourcePart] = []
        for path, delivered in self._deliveries(first, last):
            spans = spans_of_file(path, self._behaviors, wanted_of(self._behaviors), self._piece_bytes)
            # A span has a digest of its own.
            whole = "" if spans else _file_digest(path)
            told = [span.to_text() for span in spans] or [""]
            parts += [(str(path), whole, delivered, *days, span) for span in told]
        return parts

    def rows(self, part: SourcePart) -> int:
        path, *_, told = part
        if told:
            span = Span.from_text(told)
            return (span.end - span.start) // LEAST_BYTES_A_ROW
        return rows_of_file(Path(path), self._behaviors)

    def read(self, part: SourcePart) -> pa.Table:
        return pa.concat_tables([RAW.empty_table(), *self.pieces(part)])

    def pieces(self, part: SourcePart) -> Iterator[pa.Table]:
        path, expected, delivered, first, last, known_until, told = part
        span = Span.from_text(told) if told else None
        delivery = Delivery(Path(path), span, delivered, first, last, known_until)
        yield from pieces_of(delivery, self._behaviors, self._late_days, self._piece_bytes)
        if expected and _file_digest(Path(path)) != expected:
            raise DataError(f"{path} changed while it was read: run again when its writer has finished.")

    # -- catalog -------------------------------------------------------------------------------------------------

    def items(self) -> pa.Table:
        items = self._description.items
        columns = items.columns
        named = {"item": columns.item, "text": columns.text, **{f"path {n}": c for n, c in enumerate(columns.path)}}
        if columns.brand:
            named["brand"] = columns.brand
        frame = self._read_all(items, named, "items").drop_nulls("item")
        path = pl.concat_list([f"path {n}" for n in range(len(columns.path))])
        brand = pl.col("brand") if columns.brand else pl.lit(None, pl.String)
        return frame.select("item", "text", path=path, brand=brand).to_arrow().cast(ITEMS)

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
        """The rows of all files of a part of the catalog, ids in their one form. Those that cannot be read are told."""
        files = self._files(form.files)
        if not files:
            raise SourceMissing(f"No {what} file matches {form.files} below {self._folder}.")
        frames = []
        ids = [name for name in identity.IDS if name in named]
        for path in files:
            rows = read_file(path, form, Wanted(named, what), self._piece_bytes).named
            rows = rows.with_columns(pl.coalesce(PROBLEM, *map(identity.problem, ids)).alias(PROBLEM))
            unreadable = rows[PROBLEM].drop_nulls()
            if len(unreadable):
                log.warning("%s rows of %s are left out: %s, for example.", f"{len(unreadable):,}", path, unreadable[0])
            good = rows.filter(pl.col(PROBLEM).is_null()).with_columns(
                identity.canonical(name).alias(name) for name in ids
            )
            frames.append(good.select(pl.col(*named).cast(pl.String)))
        return pl.concat(frames)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
