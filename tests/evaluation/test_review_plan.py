"""What a review's plan says before anything is measured: whom, on which day, and what is to be made first."""

from __future__ import annotations

from datetime import date

import pytest

from evaluation import review_plan
from evaluation.review_plan import compressed_days, evaluation_day, is_landed, plan
from lake.delta import tables
from lake.registry import champions, releases
from lake.registry.champions import Record
from lake.registry.releases import EXPERTS, Release
from lake.registry.splits import SplitRule, log_until
from lake.store.location import Lake
from runtime.errors import DataError, SourceMissing, UsageError
from settings import Settings

RULE = SplitRule(days=("2017-09-06", "2017-10-04", "2017-11-01"))
TODAY = date(2026, 11, 27)
# A release whose experts learnt on two days, one of them no training day of the rule.
RECORD = {"population": {"2017-08-09": "a", "2017-07-01": "b"}, "trained_until": "2017-08-24"}
TUNED = Release("m", {"expert": "p"}, "e", training={EXPERTS: RECORD})
PLAIN = Release("m", {"expert": "p"}, "e")


def test_the_newest_day_whose_outcomes_are_known() -> None:
    # Outcomes of 2017-10-04 are those until 2017-10-18, itself included.
    assert RULE.outcomes_until("2017-10-04") == "2017-10-19"
    assert evaluation_day(RULE, "2018-01-01", None) == "2017-11-01"
    assert evaluation_day(RULE, "2017-10-19", None) == "2017-10-04"
    assert evaluation_day(RULE, "2017-10-18", None) == "2017-09-06"
    assert evaluation_day(RULE, "2018-01-01", "2017-09-06") == "2017-09-06"


@pytest.mark.parametrize(
    ("ends", "asked", "error", "sentence"),
    [
        ("2018-01-01", "2017-11-02", UsageError, "2017-11-02 is no evaluation day; they are 2017-09-06"),
        (
            "2017-11-10",
            "2017-11-01",
            SourceMissing,
            "until 2017-11-09, and the outcomes of .* end with 2017-11-15",
        ),
        ("2017-09-01", None, SourceMissing, "the outcomes of 2017-09-06 end with 2017-09-20"),
    ],
)
def test_a_day_that_cannot_be_measured(ends: str, asked: str | None, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        evaluation_day(RULE, ends, asked)


def test_of_a_live_log_yesterday_is_the_last_day() -> None:
    assert log_until(None, date(2026, 11, 27)) == "2026-11-27"
    assert log_until(date(2017, 12, 31), date(2026, 11, 27)) == "2018-01-01"
    assert log_until(date(2027, 1, 1), date(2026, 11, 27)) == "2026-11-27"


def test_days_of_the_evaluation_of_the_weights_and_of_who_knows_whom() -> None:
    newest = RULE.training_days("2017-01-01")[0]
    assert newest == "2017-08-23"
    assert compressed_days(RULE, "2017-01-01", "2017-11-01", [PLAIN]) == [newest, "2017-11-01"]
    found = compressed_days(RULE, "2017-01-01", "2017-11-01", [TUNED, PLAIN])
    assert found == ["2017-07-01", "2017-08-09", newest, "2017-11-01"]


def test_a_log_is_landed_when_no_day_is_missing() -> None:
    days = {"2017-01-01", "2017-01-02", "2017-01-03"}
    assert is_landed("2017-01-01", "2017-01-03", days)
    assert not is_landed("2017-01-01", "2017-01-04", days)
    assert not is_landed("2017-01-01", "2017-01-03", days - {"2017-01-02"})


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(review_plan, "read_rule", lambda _source: RULE)
    return Settings()


def test_a_candidate_meets_the_champion(lake: Lake, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for release in (TUNED, PLAIN):
        releases.install(lake, release, {})
    first = plan(lake, settings, TUNED.name, None, TODAY)
    assert (first["champion"], first["record"], first["day"], first["until"]) == ("", 0, "2017-11-01", "2017-11-15")
    assert first["lands"] is True
    champions.append(lake, Record(1, PLAIN.name, "first", "me", "then"))
    landed = [f"2017-{month:02}-{day:02}" for month in range(1, 12) for day in range(1, 32)]
    monkeypatch.setattr(tables, "published_days", lambda _lake, _table: landed)
    found = plan(lake, settings, TUNED.name, "2017-10-04", TODAY)
    assert (found["champion"], found["record"], found["day"]) == (PLAIN.name, 1, "2017-10-04")
    assert (found["lands"], "2017-10-04" in found["compressed"]) == (False, True)


def test_a_candidate_that_is_champion_or_nobody(lake: Lake, settings: Settings) -> None:
    releases.install(lake, PLAIN, {})
    champions.append(lake, Record(1, PLAIN.name, "first", "me", "then"))
    with pytest.raises(UsageError, match="is the champion already"):
        plan(lake, settings, PLAIN.name, None, TODAY)
    with pytest.raises(DataError, match="nobody is not in"):
        plan(lake, settings, "nobody", None, TODAY)
