"""A release is judged only on days that it cannot know, where the people that it knows are no held-out ones."""

from __future__ import annotations

import pyarrow as pa
import pytest

from evaluation.leaks import learnt, population_digest, refuse_leaks, training_days
from lake.registry.releases import EXPERTS, EXPLAINER, Release
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
    assert [part.until for part in learnt(release(people))] == ["2017-08-24"]
    with pytest.raises(UsageError, match="does not say until when it learnt"):
        refuse_leaks(people, release(people, day=None), RULE, "2017-09-06")


def test_an_explainer_is_a_part_of_its_own(people: Lake) -> None:
    def tuned(**changes: object) -> Release:
        record = {"trained_until": "2017-08-24", "day": DAY, "population": population_digest(people, DAY)}
        own = {**record, "registry": RULE.digest, **changes}
        return Release("m", {}, "e", {}, {EXPLAINER: own}, {"explainer": EXPLAINER})

    (part,) = learnt(tuned())
    assert part.who.endswith("by its explainer,")
    refuse_leaks(people, tuned(), RULE, "2017-09-06")
    with pytest.raises(UsageError, match=r"by its explainer, learnt from what happened until 2017-09-08"):
        refuse_leaks(people, tuned(trained_until="2017-09-08"), RULE, "2017-09-06")
    with pytest.raises(UsageError, match="does not say until when it learnt"):
        refuse_leaks(people, Release("m", {}, "e", {}, {}, {"explainer": EXPLAINER}), RULE, "2017-09-06")


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


# --- a release with tuned experts: each part is looked at


def tuned(lake: Lake, adaptor: Release | None = None, **changes: object) -> Release:
    record = {"users": 2, "day": DAY, "days": ["2017-08-16", DAY], "trained_until": "2017-09-07"}
    record |= {"population": population_digest(lake, DAY), "registry": RULE.digest}
    learnt_before = {} if adaptor is None else adaptor.training
    return Release("m", {}, "e", {}, {**learnt_before, EXPERTS: {**record, **changes}}, {"expert": EXPERTS})


def test_experts_that_learnt_before_may_be_judged_beside_an_adaptor_or_alone(people: Lake) -> None:
    for adaptor in (None, release(people)):
        for day in RULE.days:
            refuse_leaks(people, tuned(people, adaptor), RULE, day)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"trained_until": "2017-09-08"}, "by its experts, learnt from what happened until 2017-09-08"),
        # Their outcomes lie after their days, so a day tells nothing.
        ({"trained_until": None}, "by its experts, does not say until when it learnt"),
        ({"registry": "of another salt"}, "by its experts, was trained under the split rule of another salt"),
        ({"population": "of another key"}, "by its experts, learnt from users of 2017-08-23 who are others"),
        ({"population": {DAY: "of another key"}}, "by its experts, learnt from users of 2017-08-23 who are others"),
        ({"population": None}, "by its experts, learnt from users of 2017-08-23 who are others"),
        ({"day": None}, "by its experts, does not say from whom"),
    ],
)
def test_a_leak_by_the_experts_is_one(people: Lake, changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        refuse_leaks(people, tuned(people, release(people), **changed), RULE, "2017-09-06")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"trained_until": "2017-09-08"}, r"The release experts-\w+ learnt from what happened until 2017-09-08"),
        ({"population": "of another key"}, r"The release experts-\w+ learnt from users of 2017-08-23 who are others"),
    ],
)
def test_a_leak_by_the_adaptor_is_one_beside_experts_without(
    people: Lake, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        refuse_leaks(people, tuned(people, release(people, **changed)), RULE, "2017-09-06")


def test_experts_without_a_record_are_refused(people: Lake) -> None:
    unknown = Release("m", {}, "e", {}, {}, {"expert": EXPERTS})
    with pytest.raises(UsageError, match="does not say until when it learnt"):
        refuse_leaks(people, unknown, RULE, "2017-09-06")


def test_each_day_that_experts_learnt_from_is_looked_at(people: Lake) -> None:
    both = {DAY: population_digest(people, DAY), "2017-08-16": "of another key"}
    several = tuned(people, release(people), population=both)
    assert training_days(several) == ["2017-08-16", DAY]
    with pytest.raises(SourceMissing, match=r"spark_jobs\.compress --day 2017-08-16"):
        refuse_leaks(people, several, RULE, "2017-09-06")
    rows = pa.Table.from_pylist([context("ann", "2017-08-16")], contexts.TABLE.file_schema)
    put(people, contexts.TABLE, {"2017-08-16": rows})
    with pytest.raises(UsageError, match="learnt from users of 2017-08-16 who are others"):
        refuse_leaks(people, several, RULE, "2017-09-06")
