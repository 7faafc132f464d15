"""What counting expects of evidence: likelier for what is regular, and never learnt from the user it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.training.experts.teacher import chances_of, expected, fold_of, learn, training_days
from runtime.errors import DataError

RULE = SplitRule(days=("2017-03-29",), history_days=28, outcome_days=7, minimum_events=1, minimum_active_days=1)
DAY = "2017-03-22"
CATEGORIES = ["bread", "candles", *(f"thing {number}" for number in range(40))]


def user(number: int) -> str:
    return f"user-{number}"


TRAIN = [user(number) for number in range(400) if RULE.split_of(user(number)) == "train"][:160]


def log(buyers: Sequence[str]) -> pl.DataFrame:
    """Everybody buys bread every other day and one candle long ago; only the buyers go on with bread."""
    rows: list[tuple[str, str, datetime, str, str]] = []
    first = datetime(2017, 2, 23, 12, tzinfo=UTC)

    def buy(name: str, offset: int, category: str) -> None:
        at = first + timedelta(days=offset)
        rows.append((name, at.date().isoformat(), at, "purchase", category))

    for number, name in enumerate(TRAIN):
        buy(name, 1, "candles")
        for offset in range(0, 28, 2):
            buy(name, offset, "bread")
        buy(name, 30, "bread" if name in buyers else f"thing {number % 40}")
    schema: dict[str, Any] = {
        "user_id": pl.String,
        "day": pl.String,
        "at": pl.Datetime("us", "UTC"),
        "action": pl.String,
        "category": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def rows_of(users: Sequence[str]) -> list[dict[str, Any]]:
    evidence = [{"category": name, "label": name.upper()} for name in ("bread", "candles")]
    return [{"user_id": name, "day": DAY, "evidence": evidence} for name in users]


def test_what_is_regular_is_likelier() -> None:
    chances = learn(log(TRAIN), [DAY], CATEGORIES, RULE, rows_of(TRAIN[:5]))
    for row in rows_of(TRAIN[:5]):
        found = expected(chances, row)
        assert set(found) == {"BREAD", "CANDLES"}
        assert found["BREAD"] > 0.9
        assert found["CANDLES"] < 0.1


def test_chances_of_a_user_do_not_know_what_the_user_bought() -> None:
    asked = TRAIN[0]
    others = [name for name in TRAIN if fold_of(name) != fold_of(asked)]
    rows = rows_of([asked])
    # All of the user's own fold do the contrary: whoever learnt from them would say so.
    assert learn(log(others), [DAY], CATEGORIES, RULE, rows)[asked][DAY]["bread"] > 0.9
    own = [name for name in TRAIN if fold_of(name) == fold_of(asked)]
    assert learn(log(own), [DAY], CATEGORIES, RULE, rows)[asked][DAY]["bread"] < 0.1


def test_days_that_reach_into_the_holdout_are_refused() -> None:
    with pytest.raises(DataError, match="touches the holdout"):
        learn(log(TRAIN), ["2017-03-23"], CATEGORIES, RULE, rows_of(TRAIN[:1]))


def test_no_day_is_newer_than_what_is_learnt() -> None:
    assert training_days(RULE, [{"day": "2017-03-15"}], "2017-01-01") == [
        "2017-03-15",
        "2017-03-08",
        "2017-03-01",
        "2017-02-22",
        "2017-02-15",
        "2017-02-08",
    ]
    assert training_days(RULE, [{"day": "2017-01-03"}], "2017-01-01") == ["2017-01-03"]


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    kept = tmp_path / "chances.json"
    kept.write_text('{"ann": {"2017-03-22": {"bread": 0.5}}}')
    lake = Lake.open(str(tmp_path / "no_lake"))
    assert chances_of(lake, RULE, rows_of(["ann"]), "2017-01-01", kept)["ann"][DAY] == {"bread": 0.5}
