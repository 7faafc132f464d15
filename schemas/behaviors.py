"""behaviors: one action of one user on one entity at one time (PAPER 1.1: B = {(a_i, e_i, t_i)}).

Rows arrive as RAW rows, whatever the shop; the row rules decide which become behaviors.

Counts that a batch states, partition by partition: ``rows_in`` (raw rows), ``rows_rejected`` (raw rows, every copy
counted), ``rows_anonymous`` (raw rows that are nobody's), ``rows_anonymous_allowed`` (as many as the source's
description lets a day have), ``rows_ignored`` (raw rows of kinds that it does not want), ``rows_duplicate`` (raw rows
of events that had been delivered before),
``rows_outside_day``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from schemas.table import DAY, TIMESTAMP, BatchRule, Column, RowRule, Table

ACTIONS = ("purchase", "cart", "favorite", "click", "view", "search", "redeem")

# PAPER 4: reliable behaviors only; plain clicks and views stay out of contexts.
RELIABLE_ACTIONS = ("purchase", "cart", "favorite", "search", "redeem")

# Of these a quantity of nothing is a mistake; of the others it says nothing.
COUNTED_ACTIONS = ("purchase", "cart", "redeem")

# No row of a shop costs more, in any currency; ids and epochs are such numbers.
MAXIMUM_AMOUNT = 1e9

# Share of a day's rows that are somebody's.
MAXIMUM_REJECTED = 0.10

# A quantity that is no whole number, exactly: of a kilogram, of a meter.
MEASURE = pa.decimal128(38, 18)

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
        Column(
            "quantity",
            pa.int32(),
            "Whole pieces; 1 where the action has no quantity, none where it is a fraction: then `measure` has it.",
            nullable=True,
        ),
        Column(
            "measure", MEASURE, "The quantity where it is no whole number, as the log has it; else none.", nullable=True
        ),
        Column("amount", pa.float64(), "Money paid for the row, in the shop's currency.", nullable=True),
        Column("session_id", pa.string(), "Pseudonym of the shop's basket or session.", nullable=True),
        Column(
            "extra",
            pa.string(),
            "JSON of columns that the source's description carries along: values that it lists, digests of the others.",
            nullable=True,
        ),
    ),
    key=("user_id", "at", "action", "entity_id", "item_id", "session_id"),
    partition_by=("day",),
    batch_rules=(
        BatchRule(
            "rejected_share",
            maximum=MAXIMUM_REJECTED,
            plus=("rows_rejected",),
            over=("rows", "rows_rejected"),
            why="More than a tenth of unusable rows means a broken feed, not noise; rows of nobody do not count.",
        ),
        BatchRule(
            "anonymous_excess",
            maximum=0,
            plus=("rows_anonymous",),
            minus=("rows_anonymous_allowed",),
            why="More rows are nobody's than behaviors.maximum_anonymous of the source's description lets a day have.",
        ),
        BatchRule(
            "unaccounted_rows",
            minimum=0,
            maximum=0,
            plus=("rows_in",),
            minus=("rows", "rows_rejected", "rows_anonymous", "rows_ignored", "rows_duplicate"),
            why="Rows in = rows out + rejected + of nobody + of kinds not wanted + of events that came before.",
        ),
        BatchRule("rows_outside_day", minimum=0, maximum=0, why="A day holds its own rows only."),
    ),
)

# What a source delivers, before any rule: the shop's own ids, nothing checked.
RAW = pa.schema(
    [
        ("user", pa.string()),
        # Whether the log says that nobody did it.
        ("anonymous", pa.bool_()),
        # Whether its action is one that the source's description does not want.
        ("ignored", pa.bool_()),
        ("at", TIMESTAMP),
        # What the number was that ``at`` was read from, where the source recognised that by itself.
        ("time_unit", pa.string()),
        ("action", pa.string()),
        ("item", pa.string()),
        ("query", pa.string()),
        # Whole pieces, or a measure, or neither.
        ("quantity", pa.int64()),
        ("measure", MEASURE),
        ("amount", pa.float64()),
        ("session", pa.string()),
        # The day that the row is kept under: its own, or its delivery's where its time cannot be used.
        ("day", pa.string()),
        # What tells the event from all others, where the source's description says so.
        ("event", pa.string()),
        # The delivery that the row came with, and its place in the order of all deliveries and their rows.
        ("delivery", pa.string()),
        ("sequence", pa.int64()),
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
            IGNORED,
            "The source's description does not want its action.",
            lambda rows: rows["ignored"],
        ),
        RowRule(
            "unreadable",
            "The source could not read the row (its `problem` says why).",
            lambda rows: pc.is_valid(rows["problem"]),
        ),
        RowRule(ANONYMOUS, "The log says that nobody did it.", lambda rows: rows["anonymous"]),
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
            "empty",
            "Neither an item nor a search.",
            lambda rows: pc.and_(_blank(rows["item"]), pc.not_equal(rows["action"], "search")),
        ),
        RowRule(
            "unknown_item",
            "The item is not in the catalog.",
            lambda rows: pc.is_null(rows["entity_id"]),
        ),
        RowRule(
            "nonpositive_quantity",
            f"A quantity of zero or less, of {', '.join(COUNTED_ACTIONS)}.",
            lambda rows: pc.and_(
                pc.is_in(rows["action"], pa.array(COUNTED_ACTIONS)),
                _either(pc.less_equal(rows["quantity"], 0), pc.less_equal(rows["measure"], 0)),
            ),
        ),
        RowRule(
            "absurd_quantity",
            f"More than {maximum_quantity} pieces.",
            lambda rows: _either(
                pc.greater(rows["quantity"], maximum_quantity), pc.greater(rows["measure"], maximum_quantity)
            ),
        ),
        RowRule(
            "absurd_amount",
            f"An amount of more than {MAXIMUM_AMOUNT:,.0f}: no price, but perhaps an id.",
            lambda rows: pc.greater(pc.abs(rows["amount"]), MAXIMUM_AMOUNT),
        ),
    )


# Named here, found by comparing rows: the second and later copies of a row that is equal in every column.
DUPLICATE = "duplicate"
# A row that breaks nothing and is nobody's: counted, and kept nowhere.
ANONYMOUS = "anonymous"
# A row of a kind that is known and not wanted: counted, and kept nowhere.
IGNORED = "ignored"


def _either(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """True where one of them is; what is not known is not true."""
    return pc.or_(pc.fill_null(one, False), pc.fill_null(other, False))


def _blank(values: pa.ChunkedArray) -> pa.Array:
    return pc.or_kleene(pc.is_null(values), pc.equal(pc.utf8_trim_whitespace(values), ""))
