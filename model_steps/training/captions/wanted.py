"""Who is shown what in training: users with categories of theirs that stand for tags. Pure functions.

A training day has no intents, so a category of the evidence that an expert would be shown stands for a tag.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.registry.splits import drawn
from model_steps.explaining.candidates import Tag
from runtime.fingerprint import digest

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A user of a day with a tag that an item is wanted for."""

    user_id: str
    day: str
    tag: Tag


def one_each(rows: Iterable[Row], seed: int) -> list[Wanted]:
    """For each row of ``examples`` one category of its evidence, the same for equal seeds."""
    found = []
    for row in rows:
        if row["evidence"]:
            chance = random.Random(f"{seed}/{row['user_id']}/{row['day']}/{row['persona']}")
            found.append(_wanted(row, chance.choice(row["evidence"])))
    return found


def by_category(rows: Iterable[Row], items: int, readers: int) -> dict[str, list[Wanted]]:
    """Categories that several users buy from, each with so many of these, by a stable draw.

    Args:
        rows: of one day. items: most categories. readers: most users of each.
    """
    known: dict[str, dict[str, Wanted]] = {}
    for row in rows:
        for one in row["evidence"]:
            known.setdefault(one["category"], {}).setdefault(row["user_id"], _wanted(row, one))
    several = {category: of_user for category, of_user in known.items() if len(of_user) > 1}
    order = sorted(several, key=lambda name: (-min(len(several[name]), readers), digest(["captions", name])))
    return {
        category: [several[category][user] for user in drawn(several[category], readers, salt=f"{category}\0")]
        for category in order[:items]
    }


def _wanted(row: Row, evidence: Mapping[str, Any]) -> Wanted:
    names: Sequence[str] = row["names"]
    tag = Tag(1, evidence["label"], evidence["category"], f"{names[0]} expert" if names else "")
    return Wanted(row["user_id"], row["day"], tag)
