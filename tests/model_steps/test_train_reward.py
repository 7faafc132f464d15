"""The command that distills a judge, on a small shop with labels: it learns, resumes, refuses leaks, is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import reward as bench_reward
from evaluation.leaks import refuse_known, rollups_digest
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps import train_reward as command
from model_steps.build_judge_labels import build
from model_steps.engine.adapters import FORM, WEIGHTS, clean_form, read_adapter
from model_steps.engine.chat import Chat
from model_steps.judge.judge_release import Judge
from model_steps.judge.prompt_files import ROLE
from model_steps.train_reward import train_reward
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reward import material, stored
from model_steps.training.reward.material import read_holdout
from runtime.errors import DataError, SourceMissing, UsageError
from settings import Settings
from tests.model_steps.foreign_models import build as build_model
from tests.model_steps.foreign_models import fill_with_random_weights
from tests.model_steps.labelled_shop import (
    EVALUATION,
    RULE,
    TRAINING,
    Land,
    building,
    land_shop,
    settings_of_the_shop,
)
from tests.model_steps.tiny_reward import COUNTING, SMALL

WANTED = SMALL.model_copy(
    update={"steps": 4, "validation_steps": 2, "groups": 1, "candidates": 5, "validation_users": 2}
)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With a tiny language model."""
    folder = build_model("qwen", tmp_path_factory.mktemp("qwen"))
    fill_with_random_weights(folder)
    base = settings_of_the_shop()
    engine = base.engine.model_copy(update={"model": folder})
    return base.model_copy(update={"engine": engine, "reward": WANTED})


@pytest.fixture
def shop(land: Land, chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> Lake:
    lake = land_shop(land)
    build(building(lake, chosen), [TRAINING, EVALUATION])
    for module in (command, bench_reward):
        monkeypatch.setattr(module, "read_rule", lambda _source: RULE)
    return lake


@pytest.fixture
def judge(shop: Lake, chosen: Settings, tmp_path: Path) -> Judge:
    """A judge that was tuned on the shop, as its record says."""
    model, folder = chosen.engine.model, tmp_path / "judge"
    TunedModel(model, "float32", SMALL.model_copy(update={"rank": 2})).peft.save_pretrained(folder)
    form = clean_form((folder / FORM).read_bytes(), "here")
    adapter = read_adapter("judge", (folder / WEIGHTS).read_bytes(), form, model, "here")
    record = {
        "trained_until": RULE.trained_until,
        "registry": RULE.digest,
        "population": {TRAINING: rollups_digest(shop, TRAINING)},
    }
    return Judge("judge-1", {ROLE: adapter}, counting=COUNTING, record=record)


def test_a_judge_is_distilled_once_and_the_reward_is_measured(
    shop: Lake, judge: Judge, chosen: Settings, tmp_path: Path
) -> None:
    record = train_reward(shop, judge, (), tmp_path / "training", chosen)
    assert (record["judge_name"], record["judge"]) == ("judge-1", judge.adapters[ROLE].digest)
    assert (record["days"], record["trained_until"], record["registry"]) == (
        [TRAINING], RULE.trained_until, RULE.digest
    )  # fmt: skip
    assert record["groups"]["groups"] == record["users"] > 2
    assert record["validation_groups"]["users"] <= 2
    assert record["settings"]["rank"] == SMALL.rank
    found = stored.read(Path(record["folder"]), chosen.engine.model)
    # The judge's rank, whatever the setting says.
    assert found.adapter.rank == 2
    assert found.counting is not None
    assert found.reading.evidence_tokens == WANTED.evidence_tokens
    again = train_reward(shop, judge, (), tmp_path / "training", chosen)
    assert (again["reused"], again["reward"]) == (True, record["reward"])
    pointwise = chosen.model_copy(update={"reward": WANTED.model_copy(update={"loss": "pointwise"})})
    other = train_reward(shop, judge, (TRAINING,), tmp_path / "pointwise", pointwise)
    assert other["reward"] != record["reward"]

    folders = {"listwise": Path(record["folder"]), "pointwise": Path(other["folder"])}
    said = bench_reward.measure(shop, folders, (), 3, 0, chosen)
    assert said["rewards"] == {"listwise": record["reward"], "pointwise": other["reward"]}
    assert (said["days"], said["users"]) == ([EVALUATION], 3)
    assert said["reward_pairwise_accuracy"].keys() == {"listwise", "pointwise", "counting"}
    assert said["real_outputs"]["reward_pairwise_accuracy"]["listwise"] == {"value": None, "low": None, "high": None}
    for name, each in said["reward_pairwise_accuracy"].items():
        assert 0 <= each["low"] <= each["value"] <= each["high"] <= 1
        assert said["pairs"][name]["all"]["pairs"] == said["pairs"]["counting"]["all"]["pairs"] > 10
    with pytest.raises(UsageError, match="learnt pointwise, and is named as the listwise one"):
        bench_reward.measure(shop, {"listwise": folders["pointwise"]}, (), 3, 0, chosen)
    other_rule = replace(RULE, salt="another")
    with pytest.raises(UsageError, match="trained under the split rule"):
        refuse_known("It", found.record, shop, other_rule, EVALUATION)


class Killed(Exception):
    """Stands for the end of a process: raised in the middle of a step."""


def test_a_killed_command_ends_with_the_same_release(
    shop: Lake, judge: Judge, chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model_steps.training.reward import loop

    whole = train_reward(shop, judge, (), tmp_path / "whole", chosen)
    steps: list[int] = []
    step = loop._step

    def dies(*given: Any) -> float:
        steps.append(1)
        if len(steps) == 3:
            raise Killed
        return step(*given)

    monkeypatch.setattr(loop, "_step", dies)
    with pytest.raises(Killed):
        train_reward(shop, judge, (), tmp_path / "killed", chosen)
    monkeypatch.setattr(loop, "_step", step)
    resumed = train_reward(shop, judge, (), tmp_path / "killed", chosen)
    assert (resumed["reward"], resumed["adapter"], resumed["head"]) == (
        whole["reward"], whole["adapter"], whole["head"]
    )  # fmt: skip


def test_prompts_tell_what_counting_expects_where_the_judge_has_it(shop: Lake, chosen: Settings) -> None:
    chat = Chat(chosen.engine.model)
    expected = chat.tokens("by counting")[1:]

    def tells(counting: Any) -> bool:
        found = material.read_material(shop, RULE, (), chosen, counting)
        first = found.learnt[0].candidates[0]
        return any(list(first[at : at + len(expected)]) == expected for at in range(len(first)))

    assert tells(COUNTING)
    assert not tells(None)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda known: {**known, "trained_until": "2017-03-12"}, "learnt until 2017-03-12, past 2017-03-11"),
        (lambda known: {**known, "registry": "another"}, "trained under the split rule another"),
        (lambda known: {**known, "population": {TRAINING: "others"}}, "learnt of users who are others"),
        (lambda known: {}, "learnt until None"),
    ],
)
def test_a_judge_that_may_know_the_holdout_is_refused(
    shop: Lake, judge: Judge, chosen: Settings, tmp_path: Path, spoil: Callable[[Any], Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        train_reward(shop, replace(judge, record=spoil(judge.record)), (), tmp_path / "training", chosen)


def test_labels_that_touch_the_holdout_are_refused(
    shop: Lake, judge: Judge, chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceMissing, match=f"no labels of {EVALUATION}"):
        train_reward(shop, judge, (EVALUATION,), tmp_path / "training", chosen)
    longer = chosen.model_copy(update={"judge_labels": chosen.judge_labels.model_copy(update={"outcome_days": 14})})
    with pytest.raises(DataError, match="touches the holdout by time"):
        train_reward(shop, judge, (), tmp_path / "training", longer)
    held_out = [{**row, "split": "train"} for row in read_holdout(shop, RULE, ())]
    monkeypatch.setattr(material, "read_rows", lambda _lake, _days: held_out)
    with pytest.raises(DataError, match="are of the split holdout and say train"):
        train_reward(shop, judge, (), tmp_path / "training", chosen)


def test_held_out_labels_are_of_held_out_users(shop: Lake) -> None:
    assert {RULE.split_of(row["user_id"]) for row in read_holdout(shop, RULE, ())} == {"holdout"}
    with pytest.raises(SourceMissing, match="no labels of 2017-01-01 of held-out users"):
        read_holdout(shop, RULE, ("2017-01-01",))
    with pytest.raises(DataError, match="say holdout, and by the split rule"):
        read_holdout(shop, SplitRule(days=(EVALUATION,), salt="another"), ())


def test_half_of_the_validation_users_were_served_where_so_many_were() -> None:
    def row(user: str, split: str, release: str | None = None, day: str = TRAINING) -> dict[str, Any]:
        return {"user_id": user, "split": split, "day": day, "release": release}

    rows = [row(f"v{number}", "validation") for number in range(20)] + [row("t", "train", "r")]
    served = [row("s1", "validation", "r"), row("s2", "validation", "r"), row("s1", "validation")]

    def validated(known: list[dict[str, Any]], users: int) -> set[str]:
        return {one["user_id"] for one in material._drawn(known, TRAINING, users) if one["split"] == "validation"}

    assert len(validated(rows, 6)) == 6
    assert {"s1", "s2"} < validated([*rows, *served], 6)
    assert len(validated([*rows, *served], 6)) == 6
    assert validated([*rows, *served], 1) < {"s1", "s2"}
    older = [row("s3", "validation", "r", "2016-01-01")]
    assert "s3" not in validated([*rows, *older], 20)
