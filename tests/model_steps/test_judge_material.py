"""What a judge's training learns: clean labels in even turns, and what counting expects told as evidence."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation.judged.regression import Regression
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.build_judge_labels import build
from model_steps.judge.counting import Counting, told
from model_steps.judge.features import NAMES, matrix
from model_steps.training.judge.material import Material, _mixed, read_rows, refuse_leaks
from runtime.errors import DataError, SourceMissing, UsageError
from schemas.judge_labels import FINDINGS
from settings import JudgeTrainingSettings, Settings
from tests.model_steps.judge_shop import DAY, case, catalog_facts
from tests.model_steps.judged_shop import SHOP
from tests.model_steps.labelled_shop import (
    EVALUATION,
    RULE,
    TRAINING,
    Land,
    building,
    land_shop,
    settings_of_the_shop,
)

# --- leaks

PUBLISHED = SplitRule(days=("2017-09-06",))
OF = {PUBLISHED.split_of(f"user {number}"): f"user {number}" for number in range(60)}


def row(of: Any = "train", **others: Any) -> dict[str, Any]:
    return {"user_id": OF[of], "split": of, "day": "2017-07-08", **others}


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (row("holdout", split="train"), "are of the split holdout and say train"),
        (row("validation", split="train"), "are of the split validation and say train"),
        (row(day="2017-07-09"), "touches the holdout by time"),
        (row("validation", day="2017-07-09"), "past 2017-09-07"),
    ],
)
def test_a_planted_leak_stops_training_with_a_sentence(planted: dict[str, Any], said: str) -> None:
    refuse_leaks([row(), row("validation")], PUBLISHED, 60)
    with pytest.raises(DataError, match=said):
        refuse_leaks([row(), planted], PUBLISHED, 60)


# --- counting


def constant(negative: float, positive: float) -> Counting:
    """The same chance for everything."""
    shares = np.log([negative, 1 - negative - positive, positive])
    return Counting(
        Regression(NAMES, FINDINGS, np.zeros(len(NAMES)), np.ones(len(NAMES)), shares, np.zeros((3, len(NAMES))))
    )


def test_counting_learns_that_what_was_bought_is_bought_again() -> None:
    milk, wine = case("white milk"), case("red wine")
    popularity = {DAY: dict.fromkeys(("white milk", "red wine"), 0.5)}
    labels = ["positive", "negative"]
    learnt = Counting.fit([milk, wine], labels, ["train", "train"], catalog_facts(), popularity)
    found = learnt.chances([milk, wine], catalog_facts(), popularity)
    assert found[milk.item_id] > 0.8 > 0.2 > found[wine.item_id]
    again = Counting.read(learnt.content(), "here")
    assert again.chances([milk, wine], catalog_facts(), popularity) == found
    assert again.chances([], catalog_facts(), popularity) == {}


def test_a_damaged_counting_is_refused() -> None:
    content = constant(0.5, 0.3).content()
    with pytest.raises(DataError, match=r"here is no JSON .* restore it"):
        Counting.read(content[:-9], "here")
    document = json.loads(content)
    document["features"][0] = "moon"
    with pytest.raises(DataError, match="others are wanted"):
        Counting.read(json.dumps(document).encode(), "here")


def test_the_shop_tells_the_chance_of_each_case() -> None:
    one, other = case("white milk"), case("yogurt")
    shop = told(SHOP, {one.item_id: 0.7, other.item_id: 0.1})
    assert shop.expected is not None
    assert [shop.expected(each) for each in (one, other)] == [0.7, 0.1]


def test_counting_looks_at_the_day_of_a_case() -> None:
    milk = case("white milk")
    assert matrix([milk], catalog_facts(), {DAY: {}}).shape == (1, len(NAMES))
    with pytest.raises(KeyError):
        matrix([milk], catalog_facts(), {})


# --- turns


def test_no_kind_of_label_crowds_out_another() -> None:
    cases = [replace(case("white milk"), item_id=f"tag-{number}") for number in range(10)]
    labels = {one.item_id: "negative" if number < 8 else "positive" for number, one in enumerate(cases)}
    taken = _mixed(cases, labels, FINDINGS, 4)
    assert Counter(labels[one.item_id] for one in taken) == {"negative": 2, "positive": 2}
    assert len(_mixed(cases, labels, FINDINGS, 100)) == 10
    assert _mixed(list(reversed(cases)), labels, FINDINGS, 4) == taken
    assert _mixed(cases, {}, FINDINGS, 4) == []
    assert _mixed([], labels, FINDINGS, 4) == []


def test_of_one_case_a_customer_all_kinds_are_taught() -> None:
    taught = set()
    for number in range(40):
        own = [case(text, user=f"user {number}") for text in ("white milk", "yogurt", "red wine")]
        labels = dict(zip((one.item_id for one in own), ("S", "A", "B"), strict=True))
        (one,) = _mixed(own, labels, ("S", "A", "B"), 1)
        taught.add(labels[one.item_id])
    assert taught == {"S", "A", "B"}


# --- on a lake


@pytest.fixture
def chosen(settings: Settings) -> Settings:
    training = JudgeTrainingSettings(cases=4, one_shot=2)
    engine = settings.engine
    return settings_of_the_shop().model_copy(update={"judge_training": training, "engine": engine})


@pytest.fixture
def shop(land: Land) -> Lake:
    return land_shop(land)


def test_material_is_of_train_and_validation_users_and_tells_what_counting_expects(
    shop: Lake, chosen: Settings
) -> None:
    with pytest.raises(SourceMissing, match="build them with"):
        Material.read(shop, RULE, (), chosen)
    build(building(shop, chosen), [TRAINING, EVALUATION])
    material = Material.read(shop, RULE, (), chosen)
    assert {row["day"] for row in material.rows} == {TRAINING}
    assert {RULE.split_of(row["user_id"]) for row in material.rows} == {"train", "validation"}
    assert material.asked == ("relevance",)
    groups = material.groups()
    train = {one.customer.user_id for one in material.cases if RULE.split_of(one.customer.user_id) == "train"}
    assert 0 < len(groups) <= len(train)
    texts = [material.chat.tokens("by counting"), material.chat.tokens("How good is this one?")]
    for group in groups:
        assert 0 < len(group) <= 6
        prompts = [question.prompt for question in group]
        assert all(_holds(prompt, texts[0]) for prompt in prompts)
        tiers = [question for question in group if _holds(question.prompt, texts[1])]
        assert len(tiers) <= 2
        assert all(set(question.shares) <= {"S", "A", "B"} for question in tiers)
    assert material.groups()[0] == groups[0]
    other = chosen.judge_training.model_copy(update={"seed": 1})
    again = Material.read(shop, RULE, (), chosen.model_copy(update={"judge_training": other}))
    assert again.digest == material.digest
    untold = chosen.judge.model_copy(update={"expected": False})
    silent = Material.read(shop, RULE, (), chosen.model_copy(update={"judge": untold}))
    assert not any(_holds(question.prompt, texts[0]) for group in silent.groups() for question in group)


def _holds(prompt: tuple[int, ...], words: list[int]) -> bool:
    """Whether the words stand in a prompt, but for their first token, which depends on what is before."""
    wanted = tuple(words[1:])
    return any(prompt[place : place + len(wanted)] == wanted for place in range(len(prompt)))


def test_a_leak_in_the_lakes_labels_stops_the_reading(shop: Lake, chosen: Settings) -> None:
    build(building(shop, chosen), [TRAINING, EVALUATION])
    longer = chosen.model_copy(update={"judge_labels": chosen.judge_labels.model_copy(update={"outcome_days": 99})})
    with pytest.raises(DataError, match="touches the holdout by time"):
        Material.read(shop, RULE, (), longer)
    assert {row["split"] for row in read_rows(shop, ())} == {"train", "validation"}
    with pytest.raises(SourceMissing, match=f"no labels of {EVALUATION}"):
        read_rows(shop, (EVALUATION,))


def test_without_validation_users_nothing_can_stop_it(
    shop: Lake, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(building(shop, chosen), [TRAINING, EVALUATION])
    from model_steps.training.judge import material

    rows = [row for row in read_rows(shop, ()) if row["split"] == "train"]
    monkeypatch.setattr(material, "read_rows", lambda lake, days: rows)
    with pytest.raises(UsageError, match="No label is of a user of the split validation"):
        Material.read(shop, RULE, (), chosen)
