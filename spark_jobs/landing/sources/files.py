"""Any shop's log: CSV, JSON Lines or Parquet files, described by one TOML file.

A row that cannot be read becomes a raw row with a ``problem``, which landing rejects by name: nothing is lost. A file
that as a whole is not what the description says (a column missing or of another type, a damaged Parquet file) is an
error that names it, for no row of it can be trusted.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas.behaviors import RAW
from spark_jobs.landing.sources import identity
from spark_jobs.landing.sources.behavior_pieces import Delivery, pieces_of, wanted_of
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.deliveries import Deliveries
from spark_jobs.landing.sources.description import Behaviors, load_description
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import PROBLEM, Wanted
from spark_jobs.landing.sources.formats import (
    LEAST_BYTES_A_ROW,
    read_file,
    rows_of_file,
    spans_of_file,
)
from spark_jobs.landing.sources.places import files_of
from spark_jobs.landing.sources.source import ATTRIBUTES, CAMPAIGNS, ITEMS, SourcePart

log = logging.getLogger("intentflow")

_ATTRIBUTE = "attribute "
# A file as it is at one moment: its path, when it changed last, its size.
State = tuple[str, int, int]


class Files:
    """``spark_jobs.landing.sources.source.Source`` over files."""

    def __init__(
        self, description: Path, late_days: int, first_day: date, last_day: date | None, piece_bytes: int
    ) -> None:
        """A source that reads its description alone.

        Args:
            late_days: how many days after its own a row may be delivered. first_day, last_day: of the log; none: it
                goes on.
            piece_bytes: of a file that are read at once, about.
        """
        self._piece_bytes = piece_bytes
        self._late_days = late_days
        self._folder = description.resolve().parent
        self._description = load_description(description)
        self._path = description
        self._newest_days: dict[tuple[State, str], str] = {}
        self._spans: dict[State, list[Span]] = {}
        self.name = self._description.name
        self.maximum_anonymous = self._behaviors.maximum_anonymous
        self.maximum_user_share = self._behaviors.maximum_user_share
        self.carried: Mapping[str, tuple[str, ...]] = self._behaviors.carried
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
        files = enumerate(self._deliveries.of(first, last))
        return [
            part
            for number, (path, delivered) in files
            for part in self._parts_of_file(path, delivered, number, first, last)
        ]

    def _parts_of_file(self, path: Path, delivered: str, number: int, first: date, last: date) -> list[SourcePart]:
        """Args: number: of the file in the order of deliveries."""
        # What is dated after today has not happened; nor is a day landed that has not been.
        known_until = max(datetime.now(UTC).date(), last) + timedelta(days=1)
        days = (first.isoformat(), last.isoformat(), known_until.isoformat())
        state = _state(path)
        if state not in self._spans:
            self._spans[state] = spans_of_file(path, self._behaviors, wanted_of(self._behaviors), self._piece_bytes)
        spans = self._spans[state]
        # A span has a digest of its own.
        whole = "" if spans else _file_digest(path)
        told = [span.to_text() for span in spans] or [""]
        return [(str(path), whole, delivered, str(number), *days, span) for span in told]

    def _has_rows_after(self, day: date) -> bool:
        """Whether any file has a row of a later day, and not of one that has not begun; each part is read once."""
        begin, today = date(1, 1, 1), datetime.now(UTC).date()
        for path, delivered in reversed(self._deliveries.of(begin, today)):
            state = _state(path)
            try:
                parts = self._parts_of_file(path, delivered, 0, begin, today)
                if any(self._newest_day(state, part) > day.isoformat() for part in reversed(parts)):
                    return True
            except DataError:
                # It is still written, if it has changed.
                if _state(path) == state:
                    raise
        return False

    def _newest_day(self, state: State, part: SourcePart) -> str:
        """The newest day that a part of a file has rows of; nothing where it has none."""
        known = (state, part[-1])
        if known not in self._newest_days:
            newest = [pc.max(piece["day"]).as_py() or "" for piece in self.pieces(part)]
            self._newest_days[known] = max(newest, default="")
        return self._newest_days[known]

    def rows(self, part: SourcePart) -> int:
        path, *_, told = part
        if told:
            span = Span.from_text(told)
            return (span.end - span.start) // LEAST_BYTES_A_ROW
        return rows_of_file(Path(path), self._behaviors)

    def read(self, part: SourcePart) -> pa.Table:
        return pa.concat_tables([RAW.empty_table(), *self.pieces(part)])

    def pieces(self, part: SourcePart) -> Iterator[pa.Table]:
        path, expected, delivered, number, first, last, known_until, told = part
        delivery = Delivery(
            Path(path),
            Span.from_text(told) if told else None,
            int(number),
            delivered,
            self._deliveries.ends(date.fromisoformat(delivered)) if delivered else None,
            first,
            last,
            known_until,
            self.zone_of_days,
        )
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
            raise DataError(
                f"campaigns in {campaigns.files}: the days in {campaigns.first_day} and {campaigns.last_day} must be "
                f"YYYY-MM-DD ({type(error).__name__})."
            ) from None

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
            rows = read_file(path, form, Wanted(named, what), self._piece_bytes).named
            no_id = pl.coalesce(pl.lit(None, pl.String), *map(identity.problem, ids))
            rows = rows.with_columns(
                pl.coalesce(PROBLEM, pl.format("{} of {}", no_id, pl.lit(path.name))).alias(PROBLEM)
            )
            rows = rows.with_columns(identity.canonical(name).alias(name) for name in ids)
            frames.append(rows.select(pl.col(*named, PROBLEM).cast(pl.String)))
        return pl.concat(frames)


def _state(path: Path) -> State:
    found = path.stat()
    return str(path), found.st_mtime_ns, found.st_size


def _file_digest(path: Path) -> str:
    return _digest_of(*_state(path))


@lru_cache(maxsize=100_000)
def _digest_of(path: str, changed: int, size: int) -> str:
    """Of a file's content, as it is at one moment: that it was read once is enough for all days that it may be of."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
