"""Row rules of behaviors: each refuses its own kind of row, and a row is named after the first it breaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from schemas.behaviors import ACTIONS, RAW, RELIABLE_ACTIONS, row_rules
from schemas.table import RowRule

END = datetime(2017, 11, 2, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "user": "17",
    "at": END - timedelta(microseconds=1),
    "action": "purchase",
    "item": "milk",
    "quantity": 2,
    "entity_id": "e1",
}


def rules() -> tuple[RowRule, ...]:
    return row_rules(END, maximum_quantity=1_000, late_days=2)


def named(*rows: dict[str, Any]) -> list[str | None]:
    """The first rule that each row breaks, as the landing job finds it."""
    schema = RAW.append(pa.field("entity_id", pa.string()))
    table = pa.Table.from_pylist([{**GOOD, **row} for row in rows], schema=schema)
    names: list[str | None] = [None] * table.num_rows
    for rule in reversed(rules()):
        broken = pc.fill_null(rule.broken(table), False).to_pylist()
        names = [rule.name if bad else name for bad, name in zip(broken, names, strict=True)]
    return names


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"quantity": 1},
        {"quantity": 1_000},
        {"quantity": None},
        {"amount": -3.5},
        {"at": END - timedelta(days=3), "delivery_ends": END},
        {"at": END - timedelta(days=300), "delivery_ends": None},
        {"action": "search", "item": None, "query": "oat milk"},
        *({"action": action} for action in ACTIONS),
    ],
)
def test_a_usable_row_breaks_no_rule(row: dict[str, Any]) -> None:
    assert named(row) == [None]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"ignored": True, "problem": "not JSON", "user": None}, "ignored"),
        ({"problem": "not JSON"}, "unreadable"),
        ({"user": None}, "missing_user"),
        ({"user": ""}, "missing_user"),
        ({"user": " \t"}, "missing_user"),
        ({"at": None}, "missing_time"),
        ({"at": END}, "future_time"),
        ({"delivery_ends": END - timedelta(microseconds=1)}, "future_time"),
        ({"at": END - timedelta(days=3, microseconds=1), "delivery_ends": END}, "too_late"),
        ({"action": None}, "unknown_action"),
        ({"action": "PURCHASE"}, "unknown_action"),
        ({"action": "search", "query": " ", "entity_id": None}, "empty_query"),
        ({"entity_id": None}, "unknown_item"),
        ({"quantity": 0}, "nonpositive_quantity"),
        ({"quantity": -4}, "nonpositive_quantity"),
        ({"quantity": 1_001}, "absurd_quantity"),
        ({"quantity": 89_638}, "absurd_quantity"),
    ],
)
def test_an_unusable_row_is_named_after_its_rule(row: dict[str, Any], rule: str) -> None:
    assert named({}, row, {}) == [None, rule, None]


def test_a_row_is_named_after_the_first_rule_it_breaks() -> None:
    nothing = dict.fromkeys(GOOD)
    assert named(nothing) == ["missing_user"]
    assert named({**nothing, "user": "17"}) == ["missing_time"]
    assert named({"entity_id": None, "quantity": 0}) == ["unknown_item"]


def test_rules_have_names_and_meanings_of_their_own() -> None:
    assert len({rule.name for rule in rules()}) == len(rules())
    assert all(rule.meaning.endswith(".") for rule in rules())


def test_only_reliable_actions_reach_a_context() -> None:
    assert set(RELIABLE_ACTIONS) == set(ACTIONS) - {"click", "view"}
