"""contexts: one user's compressed history as of a day (PAPER 1.1, 1.2, 7.1).

Counts that a batch states: ``duplicate_users``, ``later_behaviors``, and summed over the users ``tokens_text`` and
``tokens_hybrid``.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.profiles import ATTRIBUTES
from schemas.table import DAY, BatchRule, Column, Table


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, False)


ENTITY_COUNTS = pa.list_(pa.struct([_required("entity_id", pa.string()), _required("count", pa.int32())]))
ACTIONS = pa.list_(pa.struct([_required("action", pa.string()), _required("entities", ENTITY_COUNTS)]))
PERIODS = pa.list_(pa.struct([_required("period", pa.string()), _required("actions", ACTIONS)]))
EVIDENCE = pa.list_(
    pa.struct(
        [
            _required("category", pa.string()),
            _required("days", pa.int32()),
            _required("last_day", pa.string()),
            pa.field("usual_interval", pa.float64()),
            _required("rank", pa.int32()),
        ]
    )
)
INTERESTS = pa.list_(pa.struct([_required("category", pa.string()), _required("count", pa.int32())]))

TABLE = Table(
    name="contexts",
    meaning="A user's compressed history as of that day, stored once, rendered as text or as hybrid.",
    columns=(
        DAY,
        Column("user_id", pa.string(), "Pseudonym of the user."),
        Column(
            "periods",
            PERIODS,
            "Newest first: a day (YYYY-MM-DD) of this and last month or an older month (YYYY-MM), its actions, "
            "their entities by count.",
        ),
        Column("attributes", ATTRIBUTES, "Static profile."),
        Column("interests", INTERESTS, "Long-term interests: top categories over all history, best first."),
        Column(
            "evidence",
            EVIDENCE,
            "What experts may be shown, as examples have it: category, days it was bought on, the newest of them, "
            "median gap between them in days, rank; best first. Contexts from before it was kept have none.",
            nullable=True,
        ),
        Column("events", pa.int32(), "Reliable behaviors within the history."),
        Column("active_days", pa.int32(), "Days with any of them."),
        Column("first_day", pa.string(), "Day of the oldest of them."),
        Column("last_day", pa.string(), "Day of the newest of them."),
        Column("dropped_entries", pa.int32(), "Entries beyond the cap, oldest and rarest first."),
        Column("tokens_full_text", pa.int32(), "Tokens of the history with one line an event (V1's uncompressed log)."),
        Column("tokens_text", pa.int32(), "Tokens of the history as aggregated text, before the cap."),
        Column("tokens_hybrid", pa.int32(), "Tokens of the history with one slot an entity."),
        Column("digest", pa.string(), "Digest of everything that a prompt can show of the user."),
    ),
    key=("user_id",),
    partition_by=("day",),
    batch_rules=(
        BatchRule("duplicate_users", minimum=0, maximum=0, why="One context a user."),
        BatchRule("later_behaviors", minimum=0, maximum=0, why="No behavior after the day may reach a context."),
        BatchRule(
            "hybrid_over_text",
            maximum=1.0,
            plus=("tokens_hybrid",),
            over=("tokens_text",),
            why="The hybrid form must be the shorter one.",
        ),
    ),
)
