"""What the pages work out before they show it: pages of lists, figures beside those of other days, trends, budgets."""

from __future__ import annotations

from typing import Any

import pytest

from lake.pages.budget import budgets
from lake.pages.day import compared
from lake.pages.paging import paged
from lake.pages.trend import EDGE, HEIGHT, WIDTH, trends
from lake.registry import openings
from lake.registry.openings import Look, Opening
from lake.store.location import Lake


@pytest.mark.parametrize(
    ("number", "items", "first"),
    [(1, [1, 2], 1), (2, [3, 4], 3), (3, [5], 5), (0, [1, 2], 1), (-7, [1, 2], 1), (99, [5], 5)],
)
def test_beyond_the_ends_stands_the_nearest_page(number: int, items: list[int], first: int) -> None:
    page = paged([1, 2, 3, 4, 5], number, 2)
    assert (page.items, page.first, page.pages, page.total) == (items, first, 3, 5)


def test_a_list_of_nothing_has_one_page() -> None:
    nothing: list[int] = []
    page = paged(nothing, 1, 2)
    assert (list(page.items), page.number, page.pages, page.total, page.first) == ([], 1, 1, 0, 0)


def test_a_figure_stands_beside_the_days_that_have_it() -> None:
    before: list[dict[str, float]] = [{"rows": 1}, {"rows": 9}, {"rows": 2}, {}]
    found = compared("rows", {"rows": 5}, before)
    assert (found.value, found.usual, found.least, found.most, found.days) == (5, 2, 1, 9, 3)
    lost = compared("rows", {}, before)
    assert (lost.value, lost.usual) == (None, 2)
    new = compared("other", {"other": 0}, before)
    assert (new.value, new.usual, new.days) == (0, None, 0)


def check(name: str, kind: str, candidate: float | None, **told: Any) -> dict[str, Any]:
    return {"name": f"{name}: {kind}", "kind": kind, "tier": "critical", "candidate": candidate, **told}


def test_a_trend_has_a_point_a_decision_with_bounds_from_the_floor_and_the_champion_from_anywhere() -> None:
    floor = check("recall", "floor", 0.3, champion=None, low=0.2, high=0.4)
    against = check("recall", "non-inferiority", 0.3, champion=0.25, low=-0.1, high=0.2)
    (trend,) = trends([("a", "GO", [floor]), ("b", "NO-GO", [against, floor]), ("c", "GO", [floor, against])])
    assert (trend.metric, trend.bottom, trend.top) == ("recall", 0.2, 0.4)
    assert [mark.x for mark in trend.marks] == [EDGE, WIDTH / 2, WIDTH - EDGE]
    assert [mark.point.champion for mark in trend.marks] == [None, 0.25, 0.25]
    assert {(mark.low_y, mark.high_y) for mark in trend.marks} == {(HEIGHT - EDGE, EDGE)}
    # 0.25 is a quarter of the way up from 0.2 to 0.4.
    assert trend.marks[1].champion_y == HEIGHT - EDGE - 0.25 * (HEIGHT - 2 * EDGE)


def test_slices_conditions_and_lower_tiers_are_no_trend() -> None:
    checks = [
        check("recall, activity light", "floor", 0.3),
        check("judge", "condition", 0.3),
        check("recall", "floor", None),
        {**check("other", "floor", 0.3), "tier": "supporting"},
        {"name": None},
    ]
    assert trends([("a", "GO", checks)]) == []


def test_one_decision_with_one_figure_has_a_place() -> None:
    (trend,) = trends([("a", "GO", [check("recall", "superiority", 0.0, champion=0.0)])])
    assert [(mark.x, mark.y) for mark in trend.marks] == [(EDGE, HEIGHT - EDGE)]


def test_looks_of_before_count_until_a_ledger_begins_with_them(lake: Lake) -> None:
    look = Look("2017-11-01", "new", "r", ("recall",), 5, "me", "gate")
    before = [
        Opening(**{**vars(look), "day": day, "digest": f"{day}{number}"}, number=number, at="")
        for day in ("2017-10-04", "2017-11-01")
        for number in (1, 2)
    ]
    assert [(b.day, b.used, b.is_used_up) for b in budgets(lake, 2, before)] == [
        ("2017-11-01", 2, True),
        ("2017-10-04", 2, True),
    ]
    openings.open_holdout(lake, look, before)
    found = budgets(lake, 3, before)
    assert [(b.day, b.used, b.is_used_up) for b in found] == [("2017-11-01", 3, True), ("2017-10-04", 2, False)]
    assert [opening.number for opening in found[0].openings] == [3, 2, 1]
    assert not budgets(lake, None, before)[0].is_used_up, "no policy said how many"
