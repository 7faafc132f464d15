"""intents: what each user intends to buy next, and why (PAPER 1.4).

Counts that each shard's batch states: ``users_in``, ``users_published``, ``users_failed``, ``users_with_wrong_tags``
and ``tags``.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, BatchRule, Column, Table

TABLE = Table(
    name="intents",
    meaning="One ranked tag of one user.",
    columns=(
        DAY,
        Column("user_id", pa.string(), "Pseudonym of the user."),
        Column("rank", pa.int32(), "1 is the best."),
        Column("tag", pa.string(), "Modifier and core word of what the user intends to buy."),
        Column("category", pa.string(), "The catalog category nearest to the tag."),
        Column("category_similarity", pa.float32(), "Cosine of tag and category."),
        Column("persona", pa.string(), "The planner's persona whose expert wrote the tag."),
        Column("why", pa.string(), "The persona's need and the facts it rests on."),
        Column("expert", pa.int32(), "Number of the expert, from 1."),
        Column("chosen_by", pa.string(), "arbiter, or completion by code among the experts' tags."),
        Column("release", pa.string(), "The model release that wrote it."),
    ),
    key=("user_id", "rank"),
    partition_by=("day",),
    batch_rules=(
        BatchRule("users_with_wrong_tags", minimum=0, maximum=0, why="Exactly N distinct tags a user, ranked 1 to N."),
        BatchRule(
            "lost_tags",
            minimum=0,
            maximum=0,
            plus=("tags",),
            minus=("rows",),
            why="Every tag that was chosen is a staged row.",
        ),
        BatchRule(
            "failed_share",
            maximum=0.10,
            plus=("users_failed",),
            over=("users_in",),
            why="More than a tenth of failed users is an outage.",
        ),
        BatchRule(
            "unaccounted_users",
            minimum=0,
            maximum=0,
            plus=("users_in",),
            minus=("users_published", "users_failed"),
            why="Users in = users published + users failed.",
        ),
    ),
)
