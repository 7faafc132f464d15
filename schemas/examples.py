"""examples: what experts are trained on, one persona of one user as of a training day (PAPER 1.4: expert SFT).

Counts that a batch states: ``leaked_examples`` and ``duplicate_examples``, for its rules. For people: ``users``,
``empty_examples``, and of the users' own next categories ``outcomes``, ``outcomes_in_evidence``,
``outcomes_in_small_evidence``, ``outcomes_assigned`` and ``outcomes_unassigned``.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.profiles import ATTRIBUTES
from schemas.table import DAY, BatchRule, Column, Table

NAMES = pa.list_(pa.field("item", pa.string(), False))
EVIDENCE = pa.list_(
    pa.struct(
        [
            pa.field("category", pa.string(), False),
            pa.field("label", pa.string(), False),
            pa.field("days", pa.int32(), False),
            pa.field("last_day", pa.string(), False),
            pa.field("usual_interval", pa.float64()),
            pa.field("rank", pa.int32(), False),
        ]
    )
)
SPLITS = ("train", "validation")
BEHAVIOR = "behavior"

TABLE = Table(
    name="examples",
    meaning="A persona with its evidence as of a training day, and what its user bought next that belongs to it.",
    columns=(
        Column("day", DAY.type, "Partition: last day of the history, as YYYY-MM-DD; outcomes begin the day after."),
        Column("user_id", pa.string(), "Pseudonym of the user."),
        Column("split", pa.string(), f"{' or '.join(SPLITS)}: the latter for early stopping."),
        Column("persona", pa.int32(), "Number of the persona among the user's, 0 for the one of the first category."),
        Column("names", NAMES, "Candidates for its name: the levels above its categories, most frequent first."),
        Column("evidence", EVIDENCE, "Its categories: days bought, last day, median gap in days, rank; best first."),
        Column("outcomes", NAMES, "Categories bought in the outcome window that belong to it, sorted; may be none."),
        Column("outcomes_until", pa.string(), "The day at whose 00:00 UTC the outcomes end, itself excluded."),
        Column("season", pa.string(), "Season and holidays as of the Monday of the day's week, a line a kind."),
        Column("attributes", ATTRIBUTES, "Static profile."),
        Column("source", pa.string(), f"Where it comes from: {BEHAVIOR}, or another part of the training mix."),
    ),
    key=("user_id", "persona", "source"),
    partition_by=("day",),
    batch_rules=(
        BatchRule("leaked_examples", minimum=0, maximum=0, why="Nothing of the holdout may be learnt."),
        BatchRule("duplicate_examples", minimum=0, maximum=0, why="One example a user and persona."),
    ),
)
