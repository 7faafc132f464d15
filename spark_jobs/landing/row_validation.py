"""Row validation: each raw row meets the row rules, and becomes a behavior or a rejected row. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from representation.cleaning import entity_id, normalize_text
from schemas import behaviors, rejected_behaviors
from schemas.table import TIMESTAMP, RowRule
from spark_jobs.distributed import buckets
from spark_jobs.distributed.columns import map_distinct
from spark_jobs.landing import pseudonyms, rejected_rows
from spark_jobs.landing.rejected_rows import MAXIMUM_ROW

# What becomes of a row whose event had been delivered before; else it is one of rows, rejected, anonymous, ignored.
REPEATED = "duplicate"
# Rules whose rows are counted alone; their names are those rows' outcomes.
KEPT_NOWHERE = (behaviors.ANONYMOUS, behaviors.IGNORED)

# A raw row after the row rules: usable when ``rule``, the first one that it breaks, is null.
VALIDATED = pa.schema(
    [
        ("day", pa.string()),
        ("bucket", pa.int32()),
        ("user_id", pa.string()),
        ("at", TIMESTAMP),
        ("action", pa.string()),
        ("entity_id", pa.string()),
        ("item_id", pa.string()),
        ("quantity", pa.int32()),
        ("measure", behaviors.MEASURE),
        ("amount", pa.float64()),
        ("session_id", pa.string()),
        ("query", pa.string()),
        ("time_unit", pa.string()),
        ("new_columns", pa.string()),
        ("extra", pa.string()),
        ("event", pa.string()),
        ("delivery", pa.string()),
        ("sequence", pa.int64()),
        ("rule", pa.string()),
        ("row", pa.string()),
    ]
)

BUCKET = pa.field("bucket", pa.int32())
ACCEPTED = behaviors.TABLE.schema.append(BUCKET)
REJECTED = rejected_behaviors.TABLE.schema.append(BUCKET)
# Rows equal in these are copies of one another.
_BESIDE = ("rule", "row", "query", "time_unit", "new_columns", "extra", "event", "delivery", "sequence")
_IDENTITY = [name for name in VALIDATED.names if name not in _BESIDE]


@dataclass(frozen=True)
class Landing:
    """What workers need to land raw rows.

    Args:
        entity_of_item: the catalog's entity id by item id.
        key: of the pseudonyms.
        maximum_quantity: more pieces in one row are rejected.
        maximum_text: characters kept of a query.
        buckets: files a day that users are spread over.
        late_days: how many days after its own a row may be delivered.
        last_day: the last one landed (YYYY-MM-DD); what happened after it is rejected.
        zone: name of that by whose clock days begin.
        carried: by column that is carried along, the values that are kept as they are.
        unlisted_entity: of items that the catalog does not have; none: behaviors on them are rejected.
    """

    entity_of_item: Mapping[str, str]
    key: bytes
    maximum_quantity: int
    maximum_text: int
    buckets: int
    late_days: int
    last_day: str
    zone: str = "UTC"
    unlisted_entity: str | None = None
    carried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def entity_of(self, item: str) -> str | None:
        """The entity that an item is."""
        return self.entity_of_item.get(item, self.unlisted_entity if item.strip() else None)

    @property
    def rules(self) -> tuple[RowRule, ...]:
        next_day = datetime.fromisoformat(self.last_day) + timedelta(days=1)
        known_until = next_day.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
        return behaviors.row_rules(known_until, self.maximum_quantity, self.late_days)


def validate(raw: pa.Table, landing: Landing) -> pa.Table:
    """Name the first rule that each raw row breaks; ``RAW`` in, ``VALIDATED`` out, row for row.

    No raw id leaves it: what is written from here on, by Spark's shuffle too, has pseudonyms of users, sessions and
    events, and of unusable rows what ``rejected_rows`` shows.
    """
    queries = map_distinct(raw["query"], lambda text: normalize_text(text, landing.maximum_text))
    entity = pc.if_else(
        pc.fill_null(pc.equal(raw["action"], "search"), False),
        map_distinct(queries, lambda query: entity_id("query", query) if query else None),
        map_distinct(raw["item"], landing.entity_of),
    )
    rule = _first_broken_rule(raw.append_column("entity_id", entity), landing.rules)
    users = pseudonyms.pseudonymize(landing.key, raw["user"])
    quantity, measure = _quantities(raw)
    usable = pc.is_null(rule)
    searched = pc.and_(usable, pc.fill_null(pc.equal(raw["action"], "search"), False))
    unusable = pc.and_(pc.is_valid(rule), pc.invert(pc.is_in(rule, pa.array(KEPT_NOWHERE))))
    return pa.table(
        {
            "day": raw["day"],
            "bucket": buckets.bucket_of(users, landing.buckets),
            "user_id": users,
            "at": raw["at"],
            "action": pc.if_else(usable, raw["action"], None),
            "entity_id": entity,
            "item_id": pc.if_else(usable, raw["item"], None),
            "quantity": quantity,
            "measure": measure,
            "amount": raw["amount"],
            "session_id": pseudonyms.pseudonymize(landing.key, raw["session"]),
            "query": pc.if_else(searched, queries, None),
            "time_unit": raw["time_unit"],
            "new_columns": raw["new_columns"],
            "extra": map_distinct(
                raw["extra"], lambda text: rejected_rows.hidden_values(text, landing.carried, landing.key)
            ),
            "event": pseudonyms.pseudonymize(landing.key, raw["event"]),
            "delivery": raw["delivery"],
            "sequence": raw["sequence"],
            "rule": rule,
            "row": rejected_rows.told(raw, unusable, landing.entity_of_item, landing.key),
        }
    ).cast(VALIDATED)


def unlisted_of(validated: pa.Table, landing: Landing) -> list[str]:
    """The distinct items of behaviors, of ``VALIDATED`` rows, that the catalog does not have and that are carried."""
    if landing.unlisted_entity is None:
        return []
    behavior = pc.and_(pc.is_null(validated["rule"]), pc.fill_null(pc.not_equal(validated["action"], "search"), False))
    on_items = validated["item_id"].filter(behavior).unique().drop_null()
    return [item for item in on_items.to_pylist() if item not in landing.entity_of_item]


def _quantities(raw: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Whole pieces within what an integer holds, and measures. What has neither is one piece, and so is what has less
    than any: of the actions that nothing is counted of, for of others a rule refuses it."""
    stated = pc.or_kleene(pc.greater(raw["quantity"], 0), pc.greater(raw["measure"], 0))
    counted = pc.is_in(raw["action"], pa.array(behaviors.COUNTED_ACTIONS))
    kept = pc.or_(pc.fill_null(stated, False), counted)
    quantity = pc.if_else(kept, raw["quantity"], None)
    measure = pc.if_else(kept, raw["measure"], None)
    quantity = pc.max_element_wise(quantity, -(2**31), skip_nulls=False)
    quantity = pc.min_element_wise(quantity, 2**31 - 1, skip_nulls=False)
    return pc.if_else(pc.is_valid(measure), quantity, pc.fill_null(quantity, 1)), measure


def _first_broken_rule(rows: pa.Table, rules: Sequence[RowRule]) -> pa.Array:
    """The name of the first rule that each row breaks, null where it breaks none."""
    name = pa.nulls(rows.num_rows, pa.string())
    for rule in reversed(rules):
        name = pc.if_else(pc.fill_null(rule.broken(rows), False), rule.name, name)
    return name


def with_outcomes(validated: pa.Table) -> pl.DataFrame:
    """``VALIDATED`` in the order of deliveries, with what becomes of each row as ``outcome``.

    Of a user's event that comes again the first row stays, the first usable one if it has any: the others are
    ``repeated``. Without anything that tells events apart, later copies of a usable row are ``rejected``, as
    ``duplicate``. Users do not share buckets, nor rows a day, so it does not matter how many of either come at once.
    """
    frame = pl.DataFrame(pl.from_arrow(validated))
    rows = frame.sort("sequence", maintain_order=True) if frame["sequence"].null_count() < frame.height else frame
    rule = pl.col("rule")
    kind = pl.when(rule.is_null()).then(pl.lit("rows")).when(rule.is_in(KEPT_NOWHERE)).then(rule)
    rows = rows.with_columns(outcome=kind.otherwise(pl.lit("rejected")))
    has_key = pl.col("event").is_not_null()
    if rows["event"].null_count() < rows.height:
        again = has_key & ~pl.struct("day", "user_id", "event", "outcome").is_first_distinct()
        rows = rows.with_columns(outcome=pl.when(again).then(pl.lit(REPEATED)).otherwise("outcome"))
    usable = pl.col("outcome") == "rows"
    copy = usable & ~has_key & ~pl.struct(usable, has_key, *_IDENTITY).is_first_distinct()
    return rows.with_columns(
        rule=pl.when(copy).then(pl.lit(behaviors.DUPLICATE)).otherwise("rule"),
        outcome=pl.when(copy).then(pl.lit("rejected")).otherwise("outcome"),
    )


def accepted_and_rejected(outcomes: pl.DataFrame) -> tuple[pa.Table, pa.Table]:
    """Behaviors and rejected rows, equal ones counted; rows of nobody, ignored ones and repeated events are neither.

    ``with_outcomes`` in, ``ACCEPTED`` and ``REJECTED`` out, which are their tables' rows with the bucket.
    """
    accepted = _with_carried(outcomes)
    rejected = outcomes.filter(pl.col("outcome") == "rejected")
    copies = pl.col("rule") == behaviors.DUPLICATE
    counted = (
        rejected.with_columns(row=pl.when(copies).then(_shown_copy()).otherwise("row"))
        .group_by("day", "bucket", "rule", "user_id", "row", maintain_order=True)
        .agg(pl.len().cast(pl.Int32).alias("copies"))
    )
    return (
        accepted.select(ACCEPTED.names).to_arrow().cast(ACCEPTED),
        counted.select(REJECTED.names).to_arrow().cast(REJECTED),
    )


def _with_carried(outcomes: pl.DataFrame) -> pl.DataFrame:
    """The accepted rows. Where copies differ in what is carried along alone, something that is carried is kept."""
    accepted = outcomes.filter(pl.col("outcome") == "rows")
    copies = outcomes.filter(pl.col("rule") == behaviors.DUPLICATE).drop_nulls("extra")
    if copies.is_empty():
        return accepted
    least = pl.concat([accepted.filter(pl.col("event").is_null()), copies]).group_by(_IDENTITY)
    carried = least.agg(pl.col("extra").min().alias("carried"))
    joined = accepted.join(carried, on=_IDENTITY, how="left", nulls_equal=True, maintain_order="left")
    keyless = pl.col("event").is_null()
    return joined.with_columns(extra=pl.when(keyless).then("carried").otherwise("extra"))


def _shown_copy() -> pl.Expr:
    """A copy of a usable row as JSON."""
    told = (pl.col("at").dt.to_string("iso:strict"), "action", "item_id", "session_id")
    measure = pl.col("measure").cast(pl.String).str.strip_chars_end("0")
    shown = (
        pl.when(measure.is_null())
        .then(pl.struct(*told, "quantity").struct.json_encode())
        .otherwise(pl.struct(*told, measure).struct.json_encode())
    )
    return shown.str.slice(0, MAXIMUM_ROW)
