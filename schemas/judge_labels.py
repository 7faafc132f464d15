"""judge_labels: what is known of judged outputs, by which a judge is trained and examined (PAPER 2.3).

Rows without an annotator were built from data, or offer an output to people; the others are people's. Nothing is ever
overwritten: which label counts is decided when they are read (``evaluation/labels.py``).
"""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa

from schemas.table import Column, Table

# PAPER 2.3: what a sub-evaluator looks at, by the kind of the judged output.
DIMENSIONS = {"tag": ("relevance", "consistency", "specificity", "validity")}
FINDINGS = ("negative", "neutral", "positive")
# The judgement on an output as a whole stands beside its dimensions.
TIER = "tier"
TIERS = ("S", "A", "B")
SPLITS = ("train", "validation", "holdout")
PEOPLE = "people"


def labels_of(dimension: str) -> tuple[str, ...]:
    """The labels that a dimension may have."""
    return TIERS if dimension == TIER else FINDINGS


def item_id(
    kind: str, day: str, user_id: str, text: str, category: str | None, persona: str = "", why: str = ""
) -> str:
    """The id of a judged output. It begins with a word, for a spreadsheet takes bare digits for a number.

    One tag with two reasons is two outputs: one reason may hold and the other not.
    """
    reasoned = [persona, why] if persona or why else []
    named = json.dumps([kind, day, user_id, text, category, *reasoned], ensure_ascii=False)
    return f"{kind}-{hashlib.sha256(named.encode()).hexdigest()[:16]}"


TABLE = Table(
    name="judge_labels",
    meaning="One label of one dimension of one judged output, by one origin or annotator.",
    columns=(
        Column(
            "item_id",
            pa.string(),
            "The judged output: kind, and digest of kind, day, user, text, category, persona, why.",
        ),
        Column("kind", pa.string(), f"What was judged: {' or '.join(DIMENSIONS)}."),
        Column("day", pa.string(), "Last day of the history that the output was made of, as YYYY-MM-DD."),
        Column("user_id", pa.string(), "Pseudonym of the user it was made for."),
        Column("text", pa.string(), "The output."),
        Column("category", pa.string(), "The catalog category that it names; none where it names none.", nullable=True),
        Column("persona", pa.string(), "The expert's name, as published; none where it is not known.", nullable=True),
        Column("why", pa.string(), "The reason, as published; none where it is not known.", nullable=True),
        Column("dimension", pa.string(), f"{', '.join(DIMENSIONS['tag'])}, or {TIER}."),
        Column(
            "label",
            pa.string(),
            f"{', '.join(FINDINGS)}; of {TIER} {', '.join(TIERS)}; none where an output only waits for people.",
            nullable=True,
        ),
        Column("origin", pa.string(), f"What the label rests on: the way it was built, or {PEOPLE}."),
        Column("annotator", pa.string(), "Who gave it; empty for what was built."),
        Column("split", pa.string(), f"{', '.join(SPLITS)}: the user's, by the split rule."),
        Column("release", pa.string(), "The release that wrote the output; empty for built ones and people's labels."),
        Column("comment", pa.string(), "What the annotator said beside it.", nullable=True),
    ),
    # Without the label: an annotator has one a dimension. With the release: two may have written the same output.
    key=("item_id", "dimension", "origin", "annotator", "release"),
    publication="insert",
)
