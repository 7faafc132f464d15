"""explanations: one caption for a user and an item, with the style that it was written in (PAPER 1.5).

Counts that each shard's batch states: ``pairs_in`` (items that were chosen for users), ``captions``, ``pairs_dropped``
(no caption kept the rules) and ``captions_beside_the_rules`` (that break one after all: code counts them again).
"""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, BatchRule, Column, Table

# What a style says, in this order (PAPER 1.5: tone, audience, rhetoric, emotion, season).
STYLE_PARTS = ("tone", "audience", "rhetoric", "feeling", "season")
STYLE = pa.struct([pa.field(part, pa.string(), False) for part in STYLE_PARTS])

TABLE = Table(
    name="explanations",
    meaning="One caption for a user and an item.",
    columns=(
        DAY,
        Column("user_id", pa.string(), "Pseudonym of the user."),
        Column("item_id", pa.string(), "The shop's id of the item."),
        Column("rank", pa.int32(), "Rank of the tag that the item was chosen for, as `intents` has it."),
        Column("tag", pa.string(), "The tag, as `intents` has it."),
        Column("similarity", pa.float32(), "Cosine of the tag and the item's text."),
        Column("caption", pa.string(), "What the user may be shown: one sentence."),
        Column("way", pa.string(), "meta: first a style, then the caption in it; v1: the caption alone, the rival."),
        Column("form", pa.string(), "closed: a written frame with the item's own attributes; free: the model's words."),
        Column(
            "style",
            STYLE,
            f"{', '.join(STYLE_PARTS).capitalize()} that the caption was written in; null where the way has none.",
            nullable=True,
        ),
        Column("segment", pa.string(), "What the style knew of the user; users of one segment share styles."),
        Column("attempts", pa.int32(), "Captions that were asked for until one kept the rules."),
        Column("release", pa.string(), "The model release that wrote it."),
    ),
    key=("user_id", "item_id"),
    partition_by=("day",),
    batch_rules=(
        BatchRule(
            "captions_beside_the_rules",
            minimum=0,
            maximum=0,
            why="No caption with personal data, a copied title or an invented attribute is published.",
        ),
        BatchRule(
            "lost_captions",
            minimum=0,
            maximum=0,
            plus=("captions",),
            minus=("rows",),
            why="Every caption that kept the rules is a staged row.",
        ),
        BatchRule(
            "unaccounted_pairs",
            minimum=0,
            maximum=0,
            plus=("pairs_in",),
            minus=("captions", "pairs_dropped"),
            why="Pairs in = captions + pairs dropped with a reason.",
        ),
    ),
)
