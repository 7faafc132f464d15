"""Any shop's log: CSV, JSON Lines or Parquet files, described by one TOML file.

A row that cannot be read becomes a raw row with a ``problem``, which landing rejects by name: nothing is lost. A file
that as a whole is not what the description says (a column missing or of another type, a damaged Parquet file) is an
error that names it, for no row of it can be trusted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas.behaviors import RAW
from spark_jobs.landing.sources import identity
from spark_jobs.landing.sources.alternatives import first_given, groups_of
from spark_jobs.landing.sources.behavior_pieces import ROWS_A_FILE, Delivery, pieces_of, wanted_of
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.category_paths import category_path
from spark_jobs.landing.sources.deliveries import Deliveries
from spark_jobs.landing.sources.description import Behaviors, load_description
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.file_rows import PROBLEM, Wanted
from spark_jobs.landing.sources.formats import (
    LEAST_BYTES_A_ROW,
    pieces_of_file,
    rows_of_file,
    spans_of_file,
)
from spark_jobs.landing.sources.items_of_events import last_said
from spark_jobs.landing.sources.places import files_of
from spark_jobs.landing.sources.row_places import row_places
from spark_jobs.landing.sources.source import ATTRIBUTES, CAMPAIGNS, ITEMS, SourcePart
from spark_jobs.landing.sources.source_tables import SourceTable, open_source_table, told_where_files_are_gone
from spark_jobs.landing.sources.stored_files import SourceFile, State, content_digest, file_at, state_of

log = logging.getLogger("intentflow")

_ATTRIBUTE = "attribute "


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
        self._tables: dict[str, SourceTable] = {}
        self.name = self._description.name
        self.maximum_anonymous = self._behaviors.maximum_anonymous
        self.maximum_user_share = self._behaviors.maximum_user_share
        self.carried: Mapping[str, tuple[str, ...]] = self._behaviors.carried
        self._deliveries = Deliveries(
            self._folder,
            self._behaviors,
            first_day,
            last_day,
            late_days,
            self._has_rows_after,
            (lambda: self._table_of(self._behaviors)) if self._behaviors.format == "delta" else None,
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
        if self._log_table:
            return digest([self._log_table.identity, self._log_table.version])
        return digest([[path.name, content_digest(path)] for path, _ in self._deliveries.of(day, day)])

    def catalog_digest(self) -> str:
        return digest([self._catalog, self._path.read_text(encoding="utf-8-sig")])

    @cached_property
    def _catalog(self) -> list[list[str]]:
        parts = (self._description.items, self._description.users, self._description.campaigns)
        return [told for part in parts if part for told in self._digests_of(part)]

    def _digests_of(self, form: FileForm) -> list[list[str]]:
        if form.format == "delta":
            table = self._table_of(form)
            return [[table.identity, str(table.version)]]
        return [[file.name, content_digest(file)] for file in files_of(self._folder, form.files)]

    # -- tables --------------------------------------------------------------------------------------------------

    def _table_of(self, form: FileForm) -> SourceTable:
        """The table that files are: one version of it, however often it is asked for."""
        key = f"{form.files} {form.version}"
        if key not in self._tables:
            at = form.columns.at if isinstance(form, Behaviors) else None
            self._tables[key] = open_source_table(self._folder, form, at)
        return self._tables[key]

    @property
    def _log_table(self) -> SourceTable | None:
        return self._table_of(self._behaviors) if self._behaviors.format == "delta" else None

    def versions(self) -> dict[str, int]:
        described = self._description
        parts = {
            "behaviors": described.behaviors,
            "items": described.items,
            "users": described.users,
            "campaigns": described.campaigns,
        }
        return {name: self._table_of(form).version for name, form in parts.items() if form and form.format == "delta"}

    # -- behaviors -----------------------------------------------------------------------------------------------

    def parts(self, first: date, last: date) -> Sequence[SourcePart]:
        files = enumerate(self._deliveries.of(first, last))
        return [
            part
            for number, (path, delivered) in files
            for part in self._parts_of_file(path, delivered, number, first, last)
        ]

    def _parts_of_file(
        self, path: SourceFile, delivered: str, number: int, first: date, last: date
    ) -> list[SourcePart]:
        """Args: number: of the file in the order of deliveries."""
        # What is dated after today has not happened; nor is a day landed that has not been.
        known_until = max(datetime.now(UTC).date(), last) + timedelta(days=1)
        days = (first.isoformat(), last.isoformat(), known_until.isoformat())
        if table := self._log_table:
            of_table = table.files[path]
            if not of_table.may_have(first, last, known_until):
                return []
            told_of_table = json.dumps({"name": str(table), "rows": of_table.rows, "given": dict(of_table.given)})
            return [(str(path), "", delivered, str(number), *days, told_of_table, "")]
        state = state_of(path)
        if state not in self._spans:
            self._spans[state] = spans_of_file(path, self._behaviors, wanted_of(self._behaviors), self._piece_bytes)
        spans = self._spans[state]
        # A span has a digest of its own.
        whole = "" if spans else content_digest(path)
        told = [span.to_text() for span in spans] or [""]
        return [(str(path), whole, delivered, str(number), *days, "", span) for span in told]

    def _has_rows_after(self, day: date) -> bool:
        """Whether any file has a row of a later day, and not of one that has not begun; each part is read once."""
        begin, today = date(1, 1, 1), datetime.now(UTC).date()
        for path, delivered in reversed(self._deliveries.of(begin, today)):
            state = self._state(path)
            try:
                parts = self._parts_of_file(path, delivered, 0, begin, today)
                if self._log_table and not self._log_table.files[path].may_have(day + timedelta(days=1), today, today):
                    continue
                if any(self._newest_day(state, part) > day.isoformat() for part in reversed(parts)):
                    return True
            except DataError:
                # It is still written, if it has changed.
                if self._log_table or state_of(path, now=True) == state:
                    raise
        return False

    def _state(self, path: SourceFile) -> State:
        """A file of a table is never changed."""
        return State(str(path), str(self._log_table.version), 0) if self._log_table else state_of(path)

    def _newest_day(self, state: State, part: SourcePart) -> str:
        """The newest day that a part of a file has rows of; nothing where it has none."""
        known = (state, part[-1])
        if known not in self._newest_days:
            newest = [pc.max(piece["day"]).as_py() or "" for piece in self.pieces(part)]
            self._newest_days[known] = max(newest, default="")
        return self._newest_days[known]

    def rows(self, part: SourcePart) -> int:
        path, *_, of_table, told = part
        if of_table:
            return int(json.loads(of_table)["rows"])
        if told:
            span = Span.from_text(told)
            return (span.end - span.start) // LEAST_BYTES_A_ROW
        return rows_of_file(file_at(path), self._behaviors)

    def places(self, parts: Sequence[SourcePart], sequences: Collection[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for part in parts:
            path, *_, told = part
            span = Span.from_text(told) if told else None
            first = self._delivery(part).first_place
            until = first + (span.end - span.start if span else ROWS_A_FILE)
            rows = [sequence - first for sequence in sequences if first <= sequence < until]
            named = wanted_of(self._behaviors).named
            places = row_places(file_at(path), self._behaviors, named, span, rows) if rows else {}
            found |= {first + row: place for row, place in places.items()}
        return found

    def read(self, part: SourcePart) -> pa.Table:
        return pa.concat_tables([RAW.empty_table(), *self.pieces(part)])

    def _delivery(self, part: SourcePart) -> Delivery:
        path, _, delivered, number, first, last, known_until, of_table, told = part
        file, table = file_at(path), json.loads(of_table) if of_table else {}
        return Delivery(
            file,
            table.get("name", file.name),
            table.get("given", {}),
            Span.from_text(told) if told else None,
            int(number),
            delivered,
            self._deliveries.ends(date.fromisoformat(delivered)) if delivered else None,
            first,
            last,
            known_until,
            self.zone_of_days,
        )

    def pieces(self, part: SourcePart) -> Iterator[pa.Table]:
        path, expected, *_, of_table, _ = part
        file, delivery = file_at(path), self._delivery(part)
        pieces = pieces_of(delivery, self._behaviors, self._late_days, self._piece_bytes)
        with told_where_files_are_gone(delivery.name) if of_table else nullcontext():
            yield from pieces
        if expected and content_digest(file, now=True) != expected:
            raise DataError(f"{path} changed while it was read: run again when its writer has finished.")

    # -- catalog -------------------------------------------------------------------------------------------------

    def items(self) -> pa.Table:
        items = self._description.items
        columns = items.columns
        frame = self._read_files(items, columns.named(), "items", last_said if items.from_events else None)
        path = category_path([f"path {n}" for n in range(len(columns.levels))], items)
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

    def _read_files(
        self,
        form: FileForm,
        named: dict[str, str],
        what: str,
        fewer: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    ) -> pl.DataFrame:
        """The rows of all files of a part of the catalog, ids in their one form, and why one cannot be used.

        Args:
            fewer: what is kept of rows, of a piece as of all.
        """
        table = self._table_of(form) if form.format == "delta" else None
        files = list(table.files) if table else files_of(self._folder, form.files)
        if not files:
            raise SourceMissing(f"No {what} file matches {form.files} below {self._folder}.")
        frames = []
        ids = [name for name in identity.IDS if name in named]
        no_id = pl.coalesce(pl.lit(None, pl.String), *map(identity.problem, ids))
        for path in files:
            wanted = Wanted(named, what, given=dict(table.files[path].given) if table else {})
            with told_where_files_are_gone(str(table)) if table else nullcontext():
                for piece in pieces_of_file(path, form, wanted, self._piece_bytes):
                    rows = first_given(piece.named)
                    told = pl.coalesce(PROBLEM, pl.format("{} of {}", no_id, pl.lit(path.name))).alias(PROBLEM)
                    rows = rows.with_columns(told)
                    rows = rows.with_columns(identity.canonical(name).alias(name) for name in ids)
                    rows = rows.select(pl.col(*groups_of(named), PROBLEM).cast(pl.String))
                    frames.append(fewer(rows) if fewer else rows)
        found = pl.concat(frames)
        return fewer(found) if fewer else found
