"""What a person may ask a run for."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from jinja2 import Environment

from tasks.form import DAY, FORCE, OLDER_CODE, PARAMS, USERS, checked_day


def rendered(template: str, partition_key: str | None = None, **params: Any) -> str:
    values = {name: param.value for name, param in PARAMS.items()} | params
    return Environment(autoescape=False).from_string(template).render(partition_key=partition_key, params=values)


def test_templates() -> None:
    assert rendered(DAY, "2017-11-01", day="2017-12-01") == "2017-11-01"
    assert rendered(DAY, None, day="2017-12-01") == "2017-12-01"
    assert (rendered(DAY), rendered(USERS), rendered(FORCE)) == ("", "", "")
    assert (rendered(OLDER_CODE), rendered(OLDER_CODE, older_code=True)) == ("", "--older-code")
    assert (rendered(USERS, users=12), rendered(FORCE, force=True)) == ("--users=12", "--force")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("day", [None, "2017-11-01"], ["tomorrow", "2017-11-31", 20171101]),
        ("users", [None, 1, 2_000], [0, -1, "12", 1.5]),
        ("shards", [None, 1, 40], [0, 5_000, "3"]),
        ("force", [True, False], [None, "yes", 2]),
        ("older_code", [True, False], [None, "yes", 2]),
    ],
)
def test_form_refuses_what_makes_no_sense(name: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert PARAMS[name].resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            PARAMS[name].resolve(value)
    assert PARAMS[name].description


@pytest.mark.parametrize("day", ["2017-01-01", "2017-11-01", "2017-12-31"])
def test_days_of_the_log(day: str) -> None:
    assert checked_day(day) == day


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        ("", "This run has no day: trigger it with a partition key, or with `day` filled in, as YYYY-MM-DD."),
        ("20171101", "'20171101' is no day: write it as YYYY-MM-DD"),
        ("2017-11-31", "'2017-11-31' is no day"),
        ("us|2017-11-01", "is no day"),
        ("2016-12-31", "runs from 2017-01-01 to 2017-12-31; it has no 2016-12-31: choose another day."),
        ("2018-01-01", "it has no 2018-01-01"),
    ],
)
def test_other_days_end_the_run_with_a_sentence(day: str, sentence: str) -> None:
    with pytest.raises(AirflowFailException, match=sentence.replace("|", r"\|")):
        checked_day(day)
