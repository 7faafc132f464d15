"""personas: who each user was taken for, and what that rests on (PAPER 1.4).

Counts that each shard's batch states: ``personas``, and ``tags_without_persona``: tags of ``intents`` whose expert
serves none of the user's personas.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, BatchRule, Column, Table

EVIDENCE = pa.list_(
    pa.struct(
        [
            pa.field("label", pa.string(), False),
            pa.field("days", pa.int32()),
            pa.field("actions", pa.int32()),
            pa.field("last", pa.string(), False),
        ]
    )
)

TABLE = Table(
    name="personas",
    meaning="One persona of one user with intents, and the evidence that it rests on.",
    columns=(
        DAY,
        Column("user_id", pa.string(), "Pseudonym of the user."),
        Column("expert", pa.int32(), "Number of the expert that serves it, from 1, as `intents` has it."),
        Column("persona", pa.string(), "Its name, as `intents` has it."),
        Column("need", pa.string(), "What the planner says that it is likely to need, and why."),
        Column(
            "evidence",
            EVIDENCE,
            "Categories under the labels that prompts show, as the planner has them: days with a purchase where agents "
            "rank, actions where they write (the other one is null), and the newest day, or month, of them.",
        ),
        Column("tags", pa.int32(), "How many of the user's tags its expert wrote; 0 where others were chosen."),
        Column("release", pa.string(), "The model release that it is of."),
    ),
    key=("user_id", "expert"),
    partition_by=("day",),
    batch_rules=(
        BatchRule(
            "lost_personas",
            minimum=0,
            maximum=0,
            plus=("personas",),
            minus=("rows",),
            why="Every persona that an expert served is a staged row.",
        ),
        BatchRule("tags_without_persona", minimum=0, maximum=0, why="Every tag is an expert's, who serves a persona."),
    ),
)
