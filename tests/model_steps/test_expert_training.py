"""What experts' training refuses, what it is stopped by, and what its mix wants."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lake.registry.releases import file_digest
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.agents.ranked_expert import NOTHING
from model_steps.agents.ranked_pool import Scale
from model_steps.train_experts import refuse_missing_sources
from model_steps.training.experts import general, start
from model_steps.training.experts.personas import PersonaExample, refuse_leaks, stable_order
from model_steps.training.experts.pools import customers_of, draw_pool, popular, target_shares
from model_steps.training.experts.validation import Reviewing, calibration, pooled, recalls
from model_steps.training.lora.loop import learning_rate
from runtime.errors import CommandError, ConfigurationError, DataError
from settings import ExpertsSettings, MixSettings, Settings

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
    assert recalls(users, lambda prompts, most: [said for _ in prompts], length=1, short=2) == {
        "recall": 0.5,
        "recall_short": 1.0,
    }


def test_calibration_finds_what_a_share_of_each_kind_is_worth() -> None:
    chance = random.Random(0)

    def persona(number: int) -> PersonaExample:
        outcomes = [tag for tag, worth in (("milk", 0.6), ("tea", 0.3), ("oil", 0.1)) if chance.random() < worth]
        return PersonaExample(str(number), "2017-08-23", 0, "validation", (number,), tuple(outcomes), ("milk", "tea"))

    users = {str(number): [persona(number)] for number in range(3000)}
    said = [("milk", math.log(0.1)), ("tea", math.log(0.05)), ("oil", math.log(0.15)), (NOTHING, math.log(0.5))]
    # A second kind of user, of whom the experts say less of oil, and less comes true.
    less = [("oil", math.log(0.05))]
    users |= {f"less {n}": [PersonaExample("", "", 0, "validation", (9999,), ("oil",) * (n < 40))] for n in range(1000)}
    found = calibration(users, lambda prompts, most: [less if prompt == (9999,) else said for prompt in prompts])
    own, other = Scale(**found["own"]), Scale(**found["other"])
    assert math.exp(own(math.log(0.1))) == pytest.approx(0.6, abs=0.03)
    assert math.exp(own(math.log(0.05))) == pytest.approx(0.3, abs=0.03)
    assert math.exp(other(math.log(0.15))) == pytest.approx(0.1, abs=0.02)
    assert math.exp(other(math.log(0.05))) == pytest.approx(0.04, abs=0.02)


def test_without_outcomes_of_both_kinds_nothing_is_calibrated() -> None:
    users = {"a": [PersonaExample("a", "2017-08-23", 0, "validation", (1,), ("milk",), ("milk", "tea"))]}
    said = [("milk", -1.0), ("tea", -2.0), ("oil", -1.5)]
    assert calibration(users, lambda prompts, most: [said for _ in prompts]) == {}


def test_an_arbiter_is_measured_beside_the_experts_and_the_best_order() -> None:
    users = {"a": [PersonaExample("a", "2017-08-23", 0, "validation", (1,), ("milk", "oil", "tea"))]}
    said = [("corn", -1.0), ("milk", -2.0), ("oil", -3.0), ("tea", -4.0)]
    pools = []

    def order(user: str, pool: Sequence[str]) -> list[str]:
        pools.append((user, list(pool)))
        return ["oil", "milk", "corn"]

    found = recalls(users, lambda prompts, most: [said for _ in prompts], Reviewing(3, order), length=2, short=1)
    assert pools == [("a", ["corn", "milk", "oil"])]
    third = pytest.approx(1 / 3)
    assert found == {
        "recall_experts": third,
        "recall_experts_short": 0,
        "recall_pool": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "recall_short": third,
    }


def test_a_pool_is_of_what_is_bought_and_of_what_everybody_buys() -> None:
    own, others = [f"own {n}" for n in range(40)], ["own 3", *(f"other {n}" for n in range(40))]
    pool = draw_pool(own, others, 20, random.Random(1))
    assert len(pool) == len(set(pool)) == 20
    mine = [tag for tag in pool if tag in own]
    assert len(mine) == 15
    assert mine == sorted(mine, key=own.index)
    assert pool != draw_pool(own, others, 20, random.Random(2))
    # Who bought little is shown more of what everybody buys.
    assert len(draw_pool(own[:2], others, 20, random.Random(1))) == 20
    assert target_shares(["a", "b", "c"], frozenset("bcd")) == {"b": 0.5, "c": 0.5}
    assert target_shares(["a"], frozenset("b")) == {}


def test_customers_are_users_of_a_day_with_all_their_personas() -> None:
    def persona(number: int, label: str, outcome: str) -> dict[str, Any]:
        one = {"category": label, "label": label, "days": 1, "last_day": "2017-08-20", "usual_interval": None}
        return row(persona=number, evidence=[{**one, "rank": 9 - number}], outcomes=[outcome], season="", attributes=[])

    rows = [persona(0, "milk", "t"), persona(1, "corn", "o"), {**persona(0, "ham", "t"), "user_id": "other"}]
    both, other = customers_of(rows, {"t": "tea", "o": "oil"})
    assert list(both.own) == ["corn", "milk"]
    assert both.outcomes == {"tea", "oil"}
    assert popular([both, other]) == ["tea", "oil"]


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


@pytest.fixture
def tuned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder as a training leaves it, with what is planted in its record."""
    monkeypatch.setattr(start, "model_digest", lambda folder: "model")

    def written(**planted: Any) -> Path:
        (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")
        form = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "layers_to_transform": [0]}
        (tmp_path / "adapter_config.json").write_text(json.dumps(form))
        record = {
            "adapter": file_digest(b"weights"),
            "model": "model",
            "registry": RULE.digest,
            "day": "2017-08-23",
            "population": "others",
            "trained_until": RULE.trained_until,
        }
        (tmp_path / "experts.json").write_text(json.dumps({**record, **planted}))
        return tmp_path

    return written


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"model": "another"}, "another language model"),
        ({"registry": "another"}, "under the split rule another"),
        ({"trained_until": "2017-09-08"}, "learnt until 2017-09-08, past 2017-09-07"),
        ({"trained_until": None}, "learnt until None"),
        ({}, "no contexts|there are none"),
    ],
)
def test_experts_that_may_know_too_much_are_no_start(
    tuned: Callable[..., Path], lake: Lake, settings: Settings, planted: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        start.read_start(tuned(**planted), lake, RULE, settings)
