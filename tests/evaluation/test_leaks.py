"""A release is judged only on days that it cannot know, where the people that it knows are no held-out ones."""

from __future__ import annotations

import pyarrow as pa
import pytest

from evaluation.leaks import population_digest, refuse_leaks, trained_until
from lake.registry.releases import Release
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from runtime.errors import SourceMissing, UsageError
from schemas import contexts
from tests.evaluation.conftest import context, put

DAY = "2017-08-23"
RULE = SplitRule(days=("2017-09-06", "2017-10-04"))


@pytest.fixture
def people(lake: Lake) -> Lake:
    rows = pa.Table.from_pylist([context(user, DAY) for user in ("ann", "bob")], contexts.TABLE.file_schema)
    put(lake, contexts.TABLE, {DAY: rows})
    return lake


def release(lake: Lake, **changes: object) -> Release:
    training = {"users": 2, "day": DAY, "population": population_digest(lake, DAY), "registry": RULE.digest}
    return Release("m", {}, "e", {}, {**training, **changes})


def test_one_that_learnt_from_nobody_may_be_judged_anywhere(lake: Lake) -> None:
    refuse_leaks(lake, Release("m", {}, "e"), RULE, "2017-09-06")
    refuse_leaks(lake, release(lake, users=0, population="other", day="2018-01-01"), RULE, "2017-09-06")


def test_one_that_learnt_before_may_be_judged(people: Lake) -> None:
    for day in RULE.days:
        refuse_leaks(people, release(people), RULE, day)
        refuse_leaks(people, release(people, trained_until="2017-09-07"), RULE, day)


def test_one_of_before_days_were_apart_may_be_judged(people: Lake) -> None:
    former = next(name for name in RULE.digests if name != RULE.digest)
    refuse_leaks(people, release(people, registry=former), RULE, "2017-09-06")


def test_its_cut_off_lies_before_the_first_day_it_is_judged_on(people: Lake) -> None:
    late = release(people, trained_until="2017-09-08")
    with pytest.raises(UsageError, match=r"learnt from what happened until 2017-09-08, .* judged on \(2017-09-07\)"):
        refuse_leaks(people, late, RULE, "2017-09-06")
    refuse_leaks(people, late, RULE, "2017-10-04")
    with pytest.raises(UsageError, match="until 2017-09-08"):
        refuse_leaks(people, release(people, day="2017-09-07"), RULE, "2017-09-06")


def test_a_record_without_a_cut_off_is_refused(people: Lake) -> None:
    assert trained_until(release(people)) == "2017-08-24"
    with pytest.raises(UsageError, match="does not say until when it learnt"):
        refuse_leaks(people, release(people, day=None), RULE, "2017-09-06")


@pytest.mark.parametrize("name", ["of another salt", None])
def test_one_of_another_rule_is_refused(people: Lake, name: str | None) -> None:
    with pytest.raises(UsageError, match="trained under the split rule"):
        refuse_leaks(people, release(people, registry=name), RULE, "2017-09-06")


def test_one_of_another_key_is_refused(people: Lake) -> None:
    with pytest.raises(UsageError, match="learnt from users of 2017-08-23 who are others"):
        refuse_leaks(people, release(people, population="of another key"), RULE, "2017-09-06")


def test_without_the_contexts_that_would_tell_nobody_is_let_pass(lake: Lake) -> None:
    with pytest.raises(SourceMissing, match=r"spark_jobs\.compress --day 2017-08-23"):
        refuse_leaks(lake, release(lake), RULE, "2017-09-06")
