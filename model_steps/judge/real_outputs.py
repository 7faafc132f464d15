"""Tags that releases really wrote, for the labelled set: a random slice, the same under every release. Pure functions.

Which users and ranks are taken a hash decides, never what was written, approved or escalated: a judge that is
measured on picked outputs is measured on the picking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model_steps.judge.outcomes import ordered

Row = Mapping[str, Any]

# Cosine from which on a written tag names the category that is nearest to it.
NAMES_CATEGORY = 0.8


@dataclass(frozen=True)
class Slice:
    """Rows of ``intents`` that were drawn.

    Args:
        releases: that are compared, sorted. rows: of their users and ranks, sorted by user, rank and release.
        users: how many were drawn. not_under_all: users whom not every release served, and who are left out.
    """

    releases: tuple[str, ...]
    rows: tuple[Row, ...]
    users: int
    not_under_all: int


def draw(rows: Iterable[Row], day: str, of_users: Iterable[str], users: int, ranks: int, seed: str) -> Slice:
    """Draw users and ranks of one day by a hash.

    Args:
        rows: of ``intents``, of any releases and days; of several equal ones the first counts.
        of_users: who may be drawn, all of one split.
        users: how many, 0 for all. ranks: of each user, how many, 0 for all.
    """
    allowed = set(of_users)
    by_release: dict[str, dict[str, dict[int, Row]]] = {}
    for row in rows:
        if row["day"] == day and row["user_id"] in allowed:
            ranked = by_release.setdefault(row["release"], {}).setdefault(row["user_id"], {})
            ranked.setdefault(row["rank"], row)
    releases = tuple(sorted(by_release))
    served = [set(of_release) for of_release in by_release.values()]
    common = set.intersection(*served) if served else set()
    drawn = ordered(common, seed, day)[: users or None]
    found = [
        by_release[release][user][rank]
        for user in sorted(drawn)
        for rank in _ranks([by_release[release][user] for release in releases], ranks, (seed, day, user))
        for release in releases
    ]
    return Slice(releases, tuple(found), len(drawn), len(set().union(*served)) - len(common) if served else 0)


def _ranks(of_releases: Sequence[Mapping[int, Row]], most: int, key: tuple[str, ...]) -> list[int]:
    """Ranks that all releases have, drawn by a hash, sorted."""
    common = set.intersection(*(set(ranked) for ranked in of_releases))
    drawn = ordered((str(rank) for rank in common), *key)[: most or None]
    return sorted(int(rank) for rank in drawn)


def category_of(row: Row, known: Mapping[str, Any]) -> str | None:
    """The catalog category that a row's tag names; none where it is only near one, or the catalog lacks it.

    Args:
        known: by the name of a category.
    """
    return row["category"] if row["category"] in known and row["category_similarity"] >= NAMES_CATEGORY else None
