"""Raw rows become behaviors or rejected rows: the pure functions of landing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from representation.cleaning import entity_id, normalize_text
from schemas import behaviors, rejected_behaviors
from schemas.table import TIMESTAMP, RowRule
from spark_jobs.distributed import buckets
from spark_jobs.distributed.columns import map_distinct
from spark_jobs.landing import pseudonyms

MAXIMUM_ROW = 1_000

# A raw row after the rules: usable when ``rule`` is null.
MARKED = pa.schema(
    [
        ("day", pa.string()),
        ("bucket", pa.int32()),
        ("user_id", pa.string()),
        ("at", TIMESTAMP),
        ("action", pa.string()),
        ("entity_id", pa.string()),
        ("item_id", pa.string()),
        ("quantity", pa.int32()),
        ("amount", pa.float64()),
        ("session_id", pa.string()),
        ("query", pa.string()),
        ("new_columns", pa.string()),
        ("extra", pa.string()),
        ("rule", pa.string()),
        ("row", pa.string()),
    ]
)


@dataclass(frozen=True)
class Landing:
    """What workers need to land: the catalog's entity by item, the key, the limits, the last day landed."""

    entity_of_item: Mapping[str, str]
    key: bytes
    maximum_quantity: int
    maximum_text: int
    buckets: int
    late_days: int
    last_day: str

    @property
    def rules(self) -> tuple[RowRule, ...]:
        known_until = datetime.fromisoformat(self.last_day).replace(tzinfo=UTC) + timedelta(days=1)
        return behaviors.row_rules(known_until, self.maximum_quantity, self.late_days)


def mark(raw: pa.Table, landing: Landing) -> pa.Table:
    """Name each raw row after the first rule it breaks; ``RAW`` in, ``MARKED`` out, row for row."""
    queries = map_distinct(raw["query"], lambda text: normalize_text(text, landing.maximum_text))
    found = pc.if_else(
        pc.fill_null(pc.equal(raw["action"], "search"), False),
        map_distinct(queries, lambda query: entity_id("query", query) if query else None),
        map_distinct(raw["item"], landing.entity_of_item.get),
    )
    checked = raw.append_column("entity_id", found)
    rule = pa.nulls(raw.num_rows, pa.string())
    for row_rule in reversed(landing.rules):
        rule = pc.if_else(pc.fill_null(row_rule.broken(checked), False), row_rule.name, rule)
    users = pseudonyms.pseudonymize(landing.key, raw["user"])
    quantity = pc.max_element_wise(raw["quantity"], -(2**31), skip_nulls=False)
    quantity = pc.min_element_wise(quantity, 2**31 - 1, skip_nulls=False)
    return pa.table(
        {
            "day": raw["day"],
            "bucket": buckets.bucket_of(users, landing.buckets),
            "user_id": users,
            "at": raw["at"],
            "action": raw["action"],
            "entity_id": found,
            "item_id": raw["item"],
            "quantity": pc.fill_null(quantity, 1),
            "amount": raw["amount"],
            "session_id": raw["session"],
            "query": queries,
            "new_columns": raw["new_columns"],
            "extra": raw["extra"],
            "rule": rule,
            "row": _raw_row(raw, pc.is_valid(rule)),
        }
    ).cast(MARKED)


def _raw_row(raw: pa.Table, rejected: pa.Array) -> pa.Array:
    """The rejected rows as JSON without the user id and the columns nobody named; null for the others."""
    shown = raw.drop_columns(["user", "day", "delivery_ends", "new_columns", "extra"]).filter(rejected).to_pylist()
    texts = iter(
        [json.dumps({k: v for k, v in row.items() if v is not None}, default=str)[:MAXIMUM_ROW] for row in shown]
    )
    return pa.array([next(texts) if bad else None for bad in rejected.to_pylist()], pa.string())


def split(marked: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Behaviors and rejected rows of marked rows; a usable row's second and later copies are rejected."""
    frame = pl.DataFrame(pl.from_arrow(marked))
    columns = [name for name in MARKED.names if name not in ("rule", "row", "query", "new_columns", "extra")]
    # Of copies that differ in what is carried along alone, one that carries something is kept.
    usable = frame.filter(pl.col("rule").is_null()).sort("extra", nulls_last=True, maintain_order=True)
    kept = usable.unique(columns, keep="first", maintain_order=True)
    copies = (
        usable.group_by(columns, maintain_order=True)
        .len()
        .filter(pl.col("len") > 1)
        .select(
            "day",
            pl.lit(behaviors.DUPLICATE).alias("rule"),
            "user_id",
            pl.struct(pl.col("at").dt.to_string("iso:strict"), "action", "item_id", "session_id", "quantity")
            .struct.json_encode()
            .str.slice(0, MAXIMUM_ROW)
            .alias("row"),
            (pl.col("len") - 1).cast(pl.Int32).alias("copies"),
        )
    )
    broken = (
        frame.filter(pl.col("rule").is_not_null())
        .group_by("day", "rule", "user_id", "row", maintain_order=True)
        .agg(pl.len().cast(pl.Int32).alias("copies"))
    )
    rejected = pl.concat([broken, copies]).group_by("day", "rule", "user_id", "row").agg(pl.col("copies").sum())
    return (
        kept.select(behaviors.TABLE.schema.names).to_arrow().cast(behaviors.TABLE.schema),
        rejected.select(rejected_behaviors.TABLE.schema.names).to_arrow().cast(rejected_behaviors.TABLE.schema),
    )
