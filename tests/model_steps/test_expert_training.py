"""What experts' training refuses, what it is stopped by, and what its mix wants."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lake.registry.splits import SplitRule
from model_steps.agents.ranked_expert import NOTHING
from model_steps.train_experts import refuse_missing_sources
from model_steps.training.experts import general
from model_steps.training.experts.loop import learning_rate
from model_steps.training.experts.personas import PersonaExample, refuse_leaks, stable_order
from model_steps.training.experts.validation import pooled, recall
from runtime.errors import ConfigurationError, DataError
from settings import ExpertsSettings, MixSettings

RULE = SplitRule(days=("2017-09-06",))
USERS = {RULE.split_of(f"user {number}"): f"user {number}" for number in range(60)}


def row(of: Any = "train", **others: Any) -> dict[str, Any]:
    given = {"user_id": USERS[of], "split": of, "day": "2017-08-23", "outcomes_until": "2017-09-07", "persona": 0}
    return {**given, **others}


def test_clean_examples_pass() -> None:
    refuse_leaks([row(), row("validation")], RULE)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (row("holdout", split="train"), "is of the split holdout and says train"),
        (row("validation", split="train"), "is of the split validation and says train"),
        (row("holdout"), "holdout"),
        (row(outcomes_until="2017-09-08"), "touches the holdout by time"),
        (row("validation", outcomes_until="2017-09-08"), "past 2017-09-07"),
    ],
)
def test_a_planted_leak_stops_training_with_a_sentence(planted: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        refuse_leaks([row(), planted], RULE)


def test_the_order_has_nothing_to_do_with_the_tables() -> None:
    rows = [row(persona=number) for number in range(8)]
    assert stable_order(rows) == stable_order(rows[::-1])
    assert stable_order(rows) != rows


@pytest.mark.parametrize("source", ["trends", "weather", "situations"])
def test_a_mix_that_wants_what_there_is_not_is_refused(source: str) -> None:
    mix = MixSettings(**{"behavior": 0.6, "general": 0.3, source: 0.1})
    with pytest.raises(ConfigurationError, match=f"10.00% of examples of {source}"):
        refuse_missing_sources(mix)


def test_a_mix_sums_to_one() -> None:
    with pytest.raises(ValueError, match=r"sum to 0\.9"):
        MixSettings(behavior=0.5, general=0.4)


def test_a_tag_of_several_personas_has_the_sum_of_its_shares() -> None:
    one = [("milk", math.log(0.2)), (NOTHING, math.log(0.7)), ("corn", math.log(0.1))]
    other = [("corn", math.log(0.15)), ("oil", math.log(0.05))]
    assert pooled([one, other]) == ["corn", "milk", "oil"]


def test_recall_is_of_the_first_tags_and_of_users_with_outcomes() -> None:
    def persona(user: str, outcomes: tuple[str, ...]) -> PersonaExample:
        return PersonaExample(user, "2017-08-23", 0, "validation", (1,), outcomes)

    users = {"a": [persona("a", ("milk", "corn"))], "b": [persona("b", ())]}
    said = [("corn", -1.0), ("milk", -2.0)]
    assert recall(users, lambda prompt, most: said, length=1) == 0.5
    assert recall(users, lambda prompt, most: said) == 1.0


def test_the_learning_rate_rises_and_falls() -> None:
    settings = ExpertsSettings(steps=100)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert max(rates) == pytest.approx(settings.learning_rate)
    assert rates.index(max(rates)) in (4, 5)
    assert rates[-1] < 0.01 * settings.learning_rate


def test_instructions_are_many_and_a_part_is_kept_apart() -> None:
    found = general.read_instructions()
    assert len(found) == len(set(found)) >= 40
    taught, apart = general.parted([((number,), (1,)) for number in range(len(found))])
    assert not set(taught) & set(apart)
    assert len(apart) >= 8
