"""Judged outputs with the tier that follows from their labels: what a reward model learns, and is measured by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import polars as pl
import pyarrow as pa

from evaluation.labels import items, merge, tiers
from evaluation.tiers import Tier
from model_steps.judge.case import Case
from schemas.judge_labels import TABLE, TIERS


@dataclass(frozen=True)
class TieredCase:
    """A case with its tier.

    Args:
        real: whether a release really wrote it.
    """

    case: Case
    tier: Tier
    real: bool

    @property
    def group(self) -> tuple[str, str]:
        """Day and user: all that one customer was given on one day is a group."""
        return self.case.customer.day, self.case.customer.user_id


def tiered(rows: Sequence[Mapping[str, Any]], cases: Iterable[Case], threshold: float) -> list[TieredCase]:
    """The cases that have a tier, each once, by day, user and id.

    Args:
        rows: of ``judge_labels``, all of the cases' items; which of several counts says ``evaluation/labels.py``.
        cases: of these rows; one that several releases wrote may come several times.
        threshold: as of ``evaluation.tiers.tier_of``.
    """
    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_pylist([dict(row) for row in rows], TABLE.schema)))
    known = items(frame)
    found = tiers(merge(frame), dict(known.select("item_id", "kind").iter_rows()), threshold)
    tier_of = {item: cast(Tier, tier) for item, tier, _ in found.iter_rows()}
    real = set(known.filter(pl.col("releases").list.len() > 0)["item_id"])
    by_id = {case.item_id: case for case in cases if case.item_id in tier_of}
    return sorted(
        (TieredCase(case, tier_of[item], item in real) for item, case in by_id.items()),
        key=lambda one: (*one.group, one.case.item_id),
    )


def fewer(cases: Sequence[TieredCase], most: int, seed: int) -> list[TieredCase]:
    """Of each group so many at most, the tiers taking turns, each in an order by a hash: so a rare tier is kept.

    Args:
        cases: of any groups. most: of a group; 0: all.
        seed: of the hash.
    """
    groups: dict[tuple[str, str], dict[str, list[TieredCase]]] = {}
    for one in sorted(cases, key=lambda one: _place(one, seed)):
        groups.setdefault(one.group, {tier: [] for tier in TIERS})[one.tier].append(one)
    kept = {
        one.case.item_id for by_tier in groups.values() for one in _in_turns(list(by_tier.values()))[: most or None]
    }
    return [one for one in cases if one.case.item_id in kept]


def _in_turns(lists: Sequence[Sequence[TieredCase]]) -> list[TieredCase]:
    longest = max(map(len, lists))
    return [some[place] for place in range(longest) for some in lists if place < len(some)]


def _place(one: TieredCase, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{one.case.item_id}".encode()).hexdigest()
