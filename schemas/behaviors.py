"""behaviors: one action of one user on one entity at one time (PAPER 1.1: B = {(a_i, e_i, t_i)}).

Rows arrive as RAW rows, whatever the shop; the row rules decide which become behaviors.

Counts that a batch states, partition by partition: ``rows_in`` (raw rows), ``rows_rejected`` (raw rows, every copy
counted), ``rows_outside_day``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from schemas.table import DAY, TIMESTAMP, BatchRule, Column, RowRule, Table

ACTIONS = ("purchase", "cart", "favorite", "click", "view", "search", "redeem")

# PAPER 4: reliable behaviors only; plain clicks and views stay out of contexts.
RELIABLE_ACTIONS = ("purchase", "cart", "favorite", "search", "redeem")

# Share of a day's rows.
MAXIMUM_REJECTED = 0.10

TABLE = Table(
    name="behaviors",
    meaning="One action of one user on one entity at one time.",
    columns=(
        DAY,
        Column("user_id", pa.string(), "Pseudonym of the shop's user id."),
        Column("at", TIMESTAMP, "When it happened, UTC, microseconds."),
        Column("action", pa.string(), f"One of {', '.join(ACTIONS)}."),
        Column("entity_id", pa.string(), "The entity acted on: an item's text or a query."),
        Column("item_id", pa.string(), "The shop's item id; none for a search.", nullable=True),
        Column("quantity", pa.int32(), "Pieces; 1 where the action has no quantity."),
        Column("amount", pa.float64(), "Money paid for the row, in the shop's currency.", nullable=True),
        Column("session_id", pa.string(), "The shop's basket or session.", nullable=True),
        Column("extra", pa.string(), "JSON of columns that the source's description carries along.", nullable=True),
    ),
    key=("user_id", "at", "action", "entity_id", "item_id", "session_id"),
    partition_by=("day",),
    batch_rules=(
        BatchRule(
            "rejected_share",
            maximum=MAXIMUM_REJECTED,
            plus=("rows_rejected",),
            over=("rows_in",),
            why="More than a tenth of unusable rows means a broken feed, not noise.",
        ),
        BatchRule(
            "unaccounted_rows",
            minimum=0,
            maximum=0,
            plus=("rows_in",),
            minus=("rows", "rows_rejected"),
            why="Rows in = rows out + rows rejected.",
        ),
        BatchRule("rows_outside_day", minimum=0, maximum=0, why="A day holds its own rows only."),
    ),
)

# What a source delivers, before any rule: the shop's own ids, nothing checked.
RAW = pa.schema(
    [
        ("user", pa.string()),
        ("at", TIMESTAMP),
        ("action", pa.string()),
        ("item", pa.string()),
        ("query", pa.string()),
        ("quantity", pa.int64()),
        ("amount", pa.float64()),
        ("session", pa.string()),
        # The day that the row is kept under: its own, or its delivery's where its time cannot be used.
        ("day", pa.string()),
        # Where the source knows the delivery the row came with: the end of its day by the shop's clock.
        ("delivery_ends", TIMESTAMP),
        # What the source's description does not name: the columns as a JSON list; their values as a JSON object
        # where the description carries them along.
        ("new_columns", pa.string()),
        ("extra", pa.string()),
        ("problem", pa.string()),
    ]
)


def row_rules(known_until: datetime, maximum_quantity: int, late_days: int) -> tuple[RowRule, ...]:
    """The rules of a raw row, in the order in which a row is named after the first it breaks.

    The table that is checked has RAW's columns and ``entity_id``, null where no entity was found.

    Args:
        known_until: the end of the last day that is landed; later rows are from the future.
        late_days: how many days after its own a row may be delivered.
    """
    oldest = timedelta(days=1 + late_days)
    return (
        RowRule(
            "unreadable",
            "The source could not read the row (its `problem` says why).",
            lambda rows: pc.is_valid(rows["problem"]),
        ),
        RowRule("missing_user", "No user id.", lambda rows: _blank(rows["user"])),
        RowRule("missing_time", "No time.", lambda rows: pc.is_null(rows["at"])),
        RowRule(
            "future_time",
            "Later than the delivery it came with, or than the day that is landed.",
            lambda rows: pc.or_kleene(
                pc.greater_equal(rows["at"], pa.scalar(known_until, TIMESTAMP)),
                pc.fill_null(pc.greater_equal(rows["at"], rows["delivery_ends"]), False),
            ),
        ),
        RowRule(
            "too_late",
            f"Delivered more than {late_days} days after its own day.",
            lambda rows: pc.less(rows["at"], pc.subtract(rows["delivery_ends"], pa.scalar(oldest, pa.duration("us")))),
        ),
        RowRule(
            "unknown_action",
            f"Not one of {', '.join(ACTIONS)}.",
            lambda rows: pc.invert(pc.is_in(rows["action"], pa.array(ACTIONS))),
        ),
        RowRule(
            "empty_query",
            "A search without a text.",
            lambda rows: pc.and_(pc.equal(rows["action"], "search"), pc.is_null(rows["entity_id"])),
        ),
        RowRule(
            "unknown_item",
            "The item is not in the catalog.",
            lambda rows: pc.is_null(rows["entity_id"]),
        ),
        RowRule(
            "nonpositive_quantity",
            "A quantity of zero or less.",
            lambda rows: pc.less_equal(rows["quantity"], 0),
        ),
        RowRule(
            "absurd_quantity",
            f"More than {maximum_quantity} pieces.",
            lambda rows: pc.greater(rows["quantity"], maximum_quantity),
        ),
    )


# Named here, found by comparing rows: the second and later copies of a row that is equal in every column.
DUPLICATE = "duplicate"


def _blank(values: pa.ChunkedArray) -> pa.Array:
    return pc.or_kleene(pc.is_null(values), pc.equal(pc.utf8_trim_whitespace(values), ""))
