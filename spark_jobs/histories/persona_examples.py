"""Training examples of experts from rollups: a persona's evidence, and what came next of its field (PAPER 1.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

from lake.registry.splits import SplitRule, TrainingWindow, next_day
from representation.catalog import CategoryVectors
from representation.category_days import FIELDS, categorized, evidence_days
from representation.context import CategoryDays
from representation.evidence import personas
from schemas import examples

# What counts as an outcome, as evaluation has it: the next that is bought (PAPER 3.2).
OUTCOME = "purchase"
# The evidence that is compared with: three personas of three categories each, of the user's first forty.
SMALL_POOL, SMALL_PERSONAS, SMALL_CATEGORIES = 40, 3, 3
NOTHING = {
    "users": 0,
    "outcomes": 0,
    "outcomes_in_evidence": 0,
    "outcomes_in_small_evidence": 0,
    "outcomes_assigned": 0,
    "outcomes_unassigned": 0,
    "empty_examples": 0,
    "leaked_examples": 0,
    "duplicate_examples": 0,
}


@dataclass(frozen=True)
class Examples:
    """What workers need besides rollups.

    Args:
        day: the last day of histories. first: the first day of evidence.
        rule: who is held out, and from when on nothing may be learnt.
        users: whom to make examples of.
        personas: K. categories: of a persona, at most. threshold: cosine from which on an outcome belongs to one.
        entities: entity_id, category, category_path.
        catalog: the categories with their vectors.
        profiles: attributes by user.
        season: text of the week's season and holidays.
    """

    day: str
    first: str
    rule: SplitRule
    users: frozenset[str]
    personas: int
    categories: int
    threshold: float
    entities: pa.Table
    catalog: CategoryVectors
    profiles: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)
    season: str = ""


def belongs_to(outcome: int, parted: Sequence[Sequence[int]], catalog: CategoryVectors, threshold: float) -> int | None:
    """The persona that an outcome belongs to: which has it as evidence, else the one of the nearest category.

    Args:
        outcome: row of the catalog. parted: rows of the catalog by persona.
        threshold: cosine below which an outcome belongs to none.
    """
    best: tuple[float, int] | None = None
    for persona, rows in enumerate(parted):
        if outcome in rows:
            return persona
        nearest = float((catalog.vectors[list(rows)] @ catalog.vectors[outcome]).max())
        if nearest >= threshold and (best is None or nearest > best[0]):
            best = (nearest, persona)
    return None if best is None else best[1]


def examples_of(rollups: pa.Table, wanted: Examples) -> tuple[pa.Table, dict[str, int]]:
    """``schemas.examples`` of the users of some rollups, and their counts.

    Args:
        rollups: of evidence and outcomes; other days' rows, and other users', are left aside.
        wanted: whose examples, and of what.
    """
    rule, day = wanted.rule, wanted.day
    of_users = pl.col("user_id").is_in(sorted(wanted.users))
    actions = categorized(rollups, wanted.entities, rule.leave_out).filter(of_users)
    past = evidence_days(actions, wanted.first, day)
    until = rule.outcomes_until(day)
    in_window = pl.col("day").is_between(pl.lit(next_day(day)), pl.lit(until), closed="left")
    bought = actions.filter(in_window, pl.col("action") == OUTCOME).group_by("user_id").agg(pl.col("category").unique())
    then: dict[str, list[str]] = dict(bought.iter_rows())
    counts = Counter(NOTHING)
    rows: list[dict[str, Any]] = []
    for (user,), own in past.group_by("user_id", maintain_order=True):
        rows += _of_user(str(user), own.to_dicts(), sorted(then.get(str(user), [])), wanted, counts)
    counts["duplicate_examples"] = len(rows) - len({tuple(row[name] for name in examples.TABLE.key) for row in rows})
    for row in rows:
        counts["leaked_examples"] += leaks(rule, TrainingWindow(row["user_id"], day, row["outcomes_until"]))
    return pa.Table.from_pylist(rows, examples.TABLE.schema), dict(counts)


def leaks(rule: SplitRule, window: TrainingWindow) -> bool:
    """Whether an example touches the holdout; users of validation do not, for they are only stopped by."""
    return "time" in rule.touches(window) or rule.split_of(window.user_id) not in examples.SPLITS


def _of_user(
    user: str, own: Sequence[Mapping[str, Any]], bought: Sequence[str], wanted: Examples, counts: Counter[str]
) -> list[dict[str, Any]]:
    """The examples of one user.

    Args:
        own: rows of ``category_days``, best first. bought: outcomes, sorted.
    """
    catalog = wanted.catalog
    evidence = catalog.evidence_of([CategoryDays(**{name: row[name] for name in FIELDS}) for row in own])
    parted = catalog.personas_of(evidence, wanted.personas, wanted.categories)
    pool: Any = catalog.vectors[catalog.rows(evidence[:SMALL_POOL])]
    small = personas(pool, SMALL_PERSONAS, SMALL_CATEGORIES, filled=False)
    in_evidence = {one.category for group in parted for one in group}
    in_small = {evidence[row].category for group in small for row in group}
    in_catalog = [catalog.rows(group) for group in parted]
    outcomes: list[list[str]] = [[] for _group in parted]
    for category in bought:
        persona = belongs_to(catalog.row_of[category], in_catalog, catalog, wanted.threshold)
        if persona is not None:
            outcomes[persona].append(category)
    assigned = sum(map(len, outcomes))
    counts.update(
        users=1,
        outcomes=len(bought),
        outcomes_in_evidence=len(in_evidence & set(bought)),
        outcomes_in_small_evidence=len(in_small & set(bought)),
        outcomes_assigned=assigned,
        outcomes_unassigned=len(bought) - assigned,
        empty_examples=sum(not found for found in outcomes),
    )
    return [
        {
            "day": wanted.day,
            "user_id": user,
            "split": wanted.rule.split_of(user),
            "persona": number,
            "names": catalog.names_of(in_catalog[number]),
            "evidence": [vars(one) for one in group],
            "outcomes": outcomes[number],
            "outcomes_until": wanted.rule.outcomes_until(wanted.day),
            "season": wanted.season,
            "attributes": wanted.profiles.get(user, []),
            "source": examples.BEHAVIOR,
        }
        for number, group in enumerate(parted)
    ]
