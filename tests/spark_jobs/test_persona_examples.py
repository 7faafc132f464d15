"""Examples as pure functions: values computed by hand, and planted leaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from lake.registry.splits import SplitRule
from representation.calendar_signals import season_text
from representation.catalog import CategoryVectors
from representation.category_days import categorized, category_days
from runtime.errors import DataError, SourceMissing, UsageError
from schemas import rollups
from settings import Settings
from spark_jobs.examples import newest_days, refuse_leaks, together
from spark_jobs.histories.category_vectors import category_vectors
from spark_jobs.histories.persona_examples import Examples, belongs_to, examples_of

RULE = SplitRule(days=("2017-09-06",), leave_out=("fuel",))
DAY = "2017-08-23"


def user_of(split: str) -> str:
    return next(user for user in (f"{number:032x}" for number in range(1000)) if RULE.split_of(user) == split)


TRAIN, VALIDATION, HELD_OUT = map(user_of, ("train", "validation", "holdout"))
ANGLES = {"milk": 0, "cheese": 40, "soap": 90, "shampoo": 75, "gasoline": 180, "beer": 250}
ABOVE = {"milk": "dairy", "cheese": "dairy", "soap": "care", "shampoo": "care", "gasoline": "fuel", "beer": "drinks"}
ENTITIES = pa.table(
    {
        "entity_id": [*ANGLES, "a query"],
        "category": [*ANGLES, None],
        "category_path": [
            *(f"{'fuel' if name == 'gasoline' else 'shop'} > {ABOVE[name]} > {name}" for name in ANGLES),
            None,
        ],
    }
)
NAMES = sorted(ANGLES)
CATALOG = CategoryVectors(
    tuple(NAMES),
    tuple(NAMES),
    tuple(ABOVE[name] for name in NAMES),
    np.array([[np.cos(a), np.sin(a)] for a in (np.radians(ANGLES[name]) for name in NAMES)], np.float32),
)


def rolled(*rows: tuple[str, str, str], action: str = "purchase") -> pa.Table:
    """Rollups of (user, day, entity)."""
    found = [
        {"day": day, "user_id": user, "action": action, "entity_id": entity, "count": 1} for user, day, entity in rows
    ]
    return pa.Table.from_pylist(found, rollups.TABLE.schema)


def wanted(*users: str, threshold: float = 0.7) -> Examples:
    return Examples(DAY, "2017-05-22", RULE, frozenset(users), 2, 2, threshold, ENTITIES, CATALOG, {}, "a season")


def of(user: str, category: str, *days: str) -> Sequence[tuple[str, str, str]]:
    return [(user, day, category) for day in days]


PAST = [
    *of(TRAIN, "milk", "2017-08-01", "2017-08-04", "2017-08-11", "2017-08-12"),
    *of(TRAIN, "soap", "2017-08-01", "2017-08-20"),
    *of(TRAIN, "cheese", "2017-08-20"),
    *of(TRAIN, "gasoline", "2017-08-20"),
    *of(TRAIN, "a query", "2017-08-20"),
]
LATER = [
    *of(TRAIN, "cheese", "2017-08-24"),
    *of(TRAIN, "shampoo", "2017-08-25"),
    *of(TRAIN, "beer", "2017-09-06"),
    *of(TRAIN, "milk", "2017-09-07"),
]


def test_days_interval_and_rank_of_a_users_categories() -> None:
    rows = category_days(categorized(rolled(*PAST, *PAST), ENTITIES, RULE.leave_out)).to_dicts()
    assert [(r["category"], r["days"], r["last_day"], r["usual_interval"], r["rank"]) for r in rows] == [
        ("milk", 4, "2017-08-12", 3.0, 1),
        ("soap", 2, "2017-08-20", None, 2),
        ("cheese", 1, "2017-08-20", None, 3),
    ]


def test_equal_days_are_ranked_by_the_latest_and_then_by_name() -> None:
    days = [*of(TRAIN, "soap", "2017-08-02"), *of(TRAIN, "milk", "2017-08-01"), *of(TRAIN, "beer", "2017-08-01")]
    assert category_days(categorized(rolled(*days), ENTITIES))["category"].to_list() == ["soap", "beer", "milk"]


def test_examples_part_evidence_and_assign_outcomes() -> None:
    found, counts = examples_of(rolled(*PAST, *LATER), wanted(TRAIN))
    milk, soap = found.to_pylist()
    assert [one["category"] for one in milk["evidence"]] == ["milk", "cheese"]
    assert [one["category"] for one in soap["evidence"]] == ["soap"]
    assert (milk["names"], soap["names"]) == (["dairy"], ["care"])
    # Cheese is evidence, shampoo is near to soap, beer is near to none, and milk is bought after the window.
    assert (milk["outcomes"], soap["outcomes"]) == (["cheese"], ["shampoo"])
    assert {row["outcomes_until"] for row in (milk, soap)} == {"2017-09-07"}
    assert {(row["split"], row["season"], row["source"]) for row in (milk, soap)} == {("train", "a season", "behavior")}
    assert (counts["outcomes"], counts["outcomes_in_evidence"], counts["outcomes_assigned"]) == (3, 1, 2)
    assert (counts["outcomes_unassigned"], counts["empty_examples"]) == (1, 0)
    assert (counts["users"], counts["leaked_examples"], counts["duplicate_examples"]) == (1, 0, 0)


def test_what_is_not_bought_is_no_outcome_and_an_empty_persona_is_kept() -> None:
    rows = pa.concat_tables([rolled(*PAST), rolled(*LATER, action="cart")])
    found, counts = examples_of(rows, wanted(TRAIN))
    assert found["outcomes"].to_pylist() == [[], []]
    assert (counts["outcomes"], counts["empty_examples"]) == (0, 2)


def test_other_users_have_no_examples_and_validation_is_marked() -> None:
    rows = rolled(*PAST, *of(VALIDATION, "milk", "2017-08-01"), *of(HELD_OUT, "milk", "2017-08-01"))
    found, _counts = examples_of(rows, wanted(VALIDATION))
    assert [(row["user_id"], row["split"]) for row in found.to_pylist()] == [(VALIDATION, "validation")]


def test_an_example_of_a_held_out_user_is_counted_as_leaked() -> None:
    _found, counts = examples_of(rolled(*of(HELD_OUT, "milk", "2017-08-01")), wanted(HELD_OUT))
    assert counts["leaked_examples"] == 1


def test_the_threshold_decides_who_belongs_to_nobody() -> None:
    shampoo, milk, soap = (CATALOG.row_of[name] for name in ("shampoo", "milk", "soap"))
    assert belongs_to(shampoo, [[milk], [soap]], CATALOG, 0.9) == 1
    assert belongs_to(shampoo, [[milk], [soap]], CATALOG, 0.97) is None
    assert belongs_to(milk, [[soap], [milk]], CATALOG, 1.0) == 1


def test_names_are_the_levels_above_most_frequent_first() -> None:
    assert CATALOG.names_of([CATALOG.row_of[name] for name in ("soap", "milk", "cheese")]) == ["dairy", "care"]


def test_a_day_whose_outcomes_reach_past_the_split_is_refused() -> None:
    refuse_leaks(RULE, DAY, [TRAIN, VALIDATION])
    with pytest.raises(DataError, match=r"outcomes of 2017-08-24 end by 2017-09-08, past 2017-09-07.* is 2017-08-23\."):
        refuse_leaks(RULE, "2017-08-24", [])


def test_a_held_out_user_is_refused() -> None:
    with pytest.raises(DataError, match="is held out"):
        refuse_leaks(RULE, DAY, [TRAIN, HELD_OUT])


def test_a_category_without_a_vector_is_named() -> None:
    known = pa.table({"entity_id": ["m"], "text": ["milk"], "category": ["milk"], "category_path": ["dairy > milk"]})
    vectors = pa.table({"entity_id": pa.array([], pa.string()), "vector": pa.array([], pa.list_(pa.float32()))})
    with pytest.raises(SourceMissing, match="1 of 1 categories have no vector \\('milk' first\\)"):
        category_vectors(known, vectors)


def test_labels_come_from_the_texts() -> None:
    row = {"entity_id": "m", "text": "milk, dairy", "category": "mlk", "category_path": "shop > dairy > mlk"}
    vectors = pa.table({"entity_id": ["m"], "vector": [[1.0, 0.0]]})
    catalog = category_vectors(pa.Table.from_pylist([row]), vectors)
    assert (catalog.names, catalog.labels, catalog.parents) == (("mlk",), ("milk",), ("dairy",))


def test_the_season_is_that_of_the_weeks_monday() -> None:
    assert season_text("2017-08-23", "US") == season_text("2017-08-21", "US")
    assert season_text("2017-08-23", "US").split("\n")[0] == "season: summer, week of 2017-08-21"
    assert "holiday: " in season_text("2017-08-23", "US")


def test_without_a_day_the_newest_that_the_split_allows_are_taken() -> None:
    settings = Settings()
    assert newest_days(RULE, settings, 3) == ("2017-08-23", "2017-08-09", "2017-07-26")
    assert len(newest_days(RULE, settings, None)) == settings.experts.days
    with pytest.raises(UsageError, match="--newest is 0"):
        newest_days(RULE, settings, 0)
    with pytest.raises(UsageError, match="No day has a history of 90 days"):
        newest_days(SplitRule(days=("2017-02-01",)), settings, None)


def test_days_are_told_together() -> None:
    made = {"embedder": "e", "outcomes": 10, "outcomes_in_evidence": 4, "examples": 8, "empty_examples": 2}
    one = {**made, "batches": ["a"], "reused": False, "outcomes_in_evidence_share": 0.4}
    two = {**made, "batches": ["b"], "reused": False, "outcomes_in_evidence": 8, "outcomes_in_evidence_share": 0.8}
    reused = {"batches": [], "reused": True, "examples": 5}
    told = together([one, two, reused])
    assert told["batches"] == ["a", "b"]
    assert told["outcomes_in_evidence_share"] == 0.6
    assert told["examples"] == 21
    assert told["days_reused"] == 1
    assert told["reused"] is False
    assert together([reused, reused]) == {"batches": [], "reused": True, "examples": 10, "days_reused": 2}
