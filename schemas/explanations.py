"""explanations: one caption for a user and an item, with the style that it was written in (PAPER 1.5).

Counts that each shard's batch states: ``pairs_in`` (items that were chosen for users), ``captions``, ``pairs_dropped``
(no caption kept the rules), and what code counts once more, by the catalog, the intents and the contexts as they are:

``captions_beside_the_rules`` (that break one after all), ``captions_of_another_length`` (words beyond what the settings
allow, none among them), ``captions_with_a_pseudonym`` (of their user or of another one of the shard),
``explained_without_intent`` (no tag of this rank of this user is in ``intents``), ``explained_outside_the_catalog``,
``explained_of_another_category`` (an item of a category that none of the user's tags names), ``explained_twice``,
``explained_by_another_release`` (than serves the user).
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
            "captions_of_another_length",
            minimum=0,
            maximum=0,
            why="A caption has as many words as the settings say, so none is empty.",
        ),
        BatchRule(
            "captions_with_a_pseudonym", minimum=0, maximum=0, why="What a user is shown names nobody of the lake."
        ),
        BatchRule(
            "explained_without_intent",
            minimum=0,
            maximum=0,
            why="An item is explained to a user of the day, for a tag that the user has under this rank.",
        ),
        BatchRule(
            "explained_outside_the_catalog", minimum=0, maximum=0, why="What is explained is an item of the catalog."
        ),
        BatchRule(
            "explained_of_another_category",
            minimum=0,
            maximum=0,
            why="An item's category is among those that the user intends to buy from.",
        ),
        BatchRule("explained_twice", minimum=0, maximum=0, why="One caption a user and item."),
        BatchRule(
            "explained_by_another_release",
            minimum=0,
            maximum=0,
            why="Who is served by which release of a canary follows from the champion log alone.",
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
