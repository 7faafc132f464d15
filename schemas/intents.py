"""intents: what each user intends to buy next, and why (PAPER 1.4).

Counts that each shard's batch states: ``users_in``, ``users_published``, ``users_failed``, ``users_without_evidence``
(who did nothing in any category, so that no model was asked), ``users_with_wrong_tags``, ``tags`` and
``users_of_another_release`` (whose intents or personas are not of the release that serves them).
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
        Column("tag", pa.string(), "What the user intends to buy: a category's name, or modifier and core word."),
        Column("category", pa.string(), "The catalog category that the tag names, or the one nearest to it."),
        Column(
            "category_similarity",
            pa.float32(),
            "Cosine of tag and category; 1 where the tag is the category's own name.",
        ),
        Column("persona", pa.string(), "The planner's persona whose expert wrote the tag."),
        Column("why", pa.string(), "The persona's need, and the facts that it or the tag rests on."),
        Column("expert", pa.int32(), "Number of the expert, from 1."),
        Column(
            "chosen_by",
            pa.string(),
            "arbiter; completion by code among the experts' tags; or probability, the experts' own order.",
        ),
        Column("release", pa.string(), "The model release that wrote it."),
    ),
    key=("user_id", "rank"),
    partition_by=("day",),
    batch_rules=(
        BatchRule("users_with_wrong_tags", minimum=0, maximum=0, why="Exactly N distinct tags a user, ranked 1 to N."),
        BatchRule(
            "users_of_another_release",
            minimum=0,
            maximum=0,
            why="Who is served by which release of a canary follows from the champion log alone.",
        ),
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
            minus=("users_published", "users_failed", "users_without_evidence"),
            why="Users in = users published + users failed + users without evidence.",
        ),
    ),
)
