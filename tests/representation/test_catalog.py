"""The catalog as personas are made with it, and what is said to people of their evidence."""

from __future__ import annotations

import numpy as np
import pytest

from representation.catalog import CategoryVectors
from representation.evidence import CategoryEvidence, fact, is_fresh, parent_of, reason

DAY = "2017-08-23"


def evidence(days: int, last_day: str, interval: float | None) -> CategoryEvidence:
    return CategoryEvidence("milk", "white milk", days, last_day, interval, 1)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (evidence(8, "2017-08-22", 6.5), "white milk on 8 days, weekly, most recently this week"),
        (evidence(2, "2017-08-17", None), "white milk on 2 days, most recently last week"),
        (evidence(1, "2017-06-01", None), "white milk on one day, 9-13 weeks ago"),
    ],
)
def test_a_fact_is_a_line_for_people(one: CategoryEvidence, said: str) -> None:
    assert fact(one, DAY) == said


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (evidence(8, "2017-08-14", 6.5), "white milk is bought weekly"),
        # A habit that has ended is none any more.
        (evidence(8, "2017-07-02", 6.5), "white milk was bought on 8 days"),
        (evidence(2, "2017-08-22", None), "white milk was bought on 2 days"),
        (evidence(1, "2017-08-14", None), "white milk was bought last week"),
    ],
)
def test_a_reason_holds(one: CategoryEvidence, said: str) -> None:
    assert reason(one, DAY) == said


def test_what_was_bought_within_its_usual_interval_is_not_fresh() -> None:
    assert not is_fresh(evidence(8, "2017-08-17", 7.0), DAY)
    assert is_fresh(evidence(8, "2017-08-16", 7.0), DAY)
    assert is_fresh(evidence(2, DAY, None), DAY)


def test_the_level_above_is_the_last_but_one() -> None:
    assert parent_of("shop > dairy > milk") == "dairy"
    assert parent_of("milk") is None
    assert parent_of(None) is None


def test_of_two_categories_under_one_label_the_first_by_name_stands_for_it() -> None:
    rows = [
        {"entity_id": name, "text": "milk", "category": name, "category_path": f"{above} > {name}"}
        for name, above in (("b", "drinks"), ("a", "dairy"))
    ]
    vectors = {"a": np.array([1, 0]), "b": np.array([0, 1])}
    catalog = CategoryVectors.of(rows, vectors)
    assert (catalog.names, catalog.labels, catalog.parents) == (("a", "b"), ("milk", "milk"), ("dairy", "drinks"))
    assert catalog.category_of == {"milk": "a"}
    assert catalog.vectors.tolist() == [[1, 0], [0, 1]]
    assert catalog.personas_of([], 4, 20) == []


def test_one_odd_category_makes_no_expert() -> None:
    parents = {"milk": "dairy", "blush": "makeup", "lipstick": "makeup", "mascara": "makeup", "bread": "bakery"}
    rows = [
        {"entity_id": name, "text": name, "category": name, "category_path": f"{above} > {name}"}
        for name, above in parents.items()
    ]
    catalog = CategoryVectors.of(rows, {name: np.ones(2) for name in parents})

    def bought(**days: int) -> list[CategoryEvidence]:
        return [CategoryEvidence(name, name, n, DAY, None, rank) for rank, (name, n) in enumerate(days.items(), 1)]

    assert catalog.fields_of(bought(milk=14, blush=1, lipstick=1, mascara=1, bread=6)) == ["dairy"]
    assert catalog.fields_of(bought(milk=14, bread=7, blush=1)) == ["dairy"]
    assert catalog.fields_of(bought(milk=14, blush=4, lipstick=3)) == ["dairy", "makeup"]
    assert catalog.fields_of(bought(blush=1)) == ["makeup"]
