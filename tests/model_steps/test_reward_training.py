"""The reward model's training on a tiny model: it learns, resumes, keeps the best, and notices what does not learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model_steps.training.frozen_model import weights_digest
from model_steps.training.reward import loop, stored
from model_steps.training.reward.loop import ACCURACY, LOSS, START, examine, teaching, train
from model_steps.training.reward.making import make_reward
from runtime.errors import CommandError, DataError, UsageError
from settings import RewardSettings
from tests.model_steps.tiny_reward import LABELS, SMALL, fresh, toy_groups, write_model

LEARNT, VALIDATED = toy_groups(24), toy_groups(4, seed=1)
LONG = SMALL.model_copy(update={"steps": 30, "validation_steps": 10})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


def learnt_digest(model: Path, folder: Path, settings: RewardSettings = SMALL, finish: bool = False) -> str:
    """Of adapter and head after a training in a folder."""
    folder.mkdir(exist_ok=True)
    reward = fresh(model, settings)
    train(reward, LEARNT, VALIDATED, settings, folder, "work", finish)
    return weights_digest(reward.weights())


@pytest.mark.parametrize(
    "kind",
    [{}, {"taken": "after_sigmoid"}, {"loss": "pointwise"}, {"start": "zero"}],
    ids=["listwise", "after the sigmoid", "pointwise", "from zero"],
)
def test_a_toy_is_learnt(model: Path, tmp_path: Path, kind: dict[str, Any]) -> None:
    settings = LONG.model_copy(update=kind)
    reward = fresh(model, settings)
    history = train(reward, LEARNT, VALIDATED, settings, tmp_path, "work")
    first, last = ([row["loss"] for row in rows] for rows in (history[:5], history[-5:]))
    assert sum(last) < 0.85 * sum(first)
    found, figures = examine(reward, VALIDATED, settings)
    assert figures[ACCURACY] >= max(history[0][f"{START}{ACCURACY}"] + 0.2, 0.75)
    assert found.pairs == 4 * (1 + 2 + 2)
    # Adapter and head both moved.
    start = fresh(model, settings).weights()
    assert not torch.equal(reward.head.weight, start["head.weight"])
    assert any(not torch.equal(each, start[name]) for name, each in reward.tuned.master.items())


class Killed(Exception):
    """Stands for the end of a process: raised in the middle of a step."""


@pytest.mark.parametrize("call", [2, 3, 8])
def test_a_killed_training_ends_as_if_it_had_lived(model: Path, tmp_path: Path, monkeypatch: Any, call: int) -> None:
    whole = learnt_digest(model, tmp_path / "whole")
    calls: list[int] = []
    lost = loop.loss_of

    def dies(*given: Any) -> torch.Tensor:
        calls.append(1)
        # Validation's calls come first, and then each step's two.
        if len(calls) == len(VALIDATED) + call:
            raise Killed
        return lost(*given)

    monkeypatch.setattr(loop, "loss_of", dies)
    with pytest.raises(Killed):
        learnt_digest(model, tmp_path / "killed")
    monkeypatch.setattr(loop, "loss_of", lost)
    assert learnt_digest(model, tmp_path / "killed") == whole


def test_an_optimizer_that_forgot_is_noticed(model: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """The planted fault: a resumed run has the weights, and not what the optimizer knew of them."""
    whole = learnt_digest(model, tmp_path / "whole")
    settings = SMALL.model_copy(update={"patience": 9})
    kept: list[Any] = []

    def keeps(*given: Any) -> None:
        if len(kept) == 3:
            raise Killed
        kept.append(given)
        keep(*given)

    keep = loop.keep
    monkeypatch.setattr(loop, "keep", keeps)
    with pytest.raises(Killed):
        learnt_digest(model, tmp_path / "killed", settings)
    monkeypatch.setattr(loop, "keep", keep)
    monkeypatch.setattr(torch.optim.AdamW, "load_state_dict", lambda *_: None)
    assert learnt_digest(model, tmp_path / "killed", settings) != whole


def test_a_seed_is_repeated_and_another_learns_something_else(model: Path, tmp_path: Path) -> None:
    one = learnt_digest(model, tmp_path / "one")
    assert learnt_digest(model, tmp_path / "again") == one
    assert learnt_digest(model, tmp_path / "other", SMALL.model_copy(update={"seed": 1})) != one


def test_a_frozen_adapter_is_noticed(model: Path, tmp_path: Path) -> None:
    reward = fresh(model)
    for name, each in reward.tuned.peft.named_parameters():
        if "lora_" in name:
            each.requires_grad_(False)
    with pytest.raises(CommandError, match="the adapter is what it was"):
        train(reward, LEARNT, VALIDATED, SMALL, tmp_path, "work")


def test_a_language_model_that_learns_is_noticed(model: Path, tmp_path: Path, monkeypatch: Any) -> None:
    reward = fresh(model)
    stepped = torch.optim.AdamW.step

    def steps(self: Any, *given: Any) -> Any:
        with torch.no_grad():
            reward.tuned.peft.get_base_model().model.norm.weight.add_(1e-3)
        return stepped(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", steps)
    with pytest.raises(CommandError, match="changed the language model"):
        train(reward, LEARNT, VALIDATED, SMALL, tmp_path, "work")


@pytest.mark.parametrize(("accuracies", "kept"), [((0.5, 0.6, 0.55), 3), ((0.5, 0.4, 0.5), 0), ((0.5, 0.5, 0.6), 6)])
def test_the_best_validation_is_kept_and_the_start_is_one(
    model: Path, tmp_path: Path, monkeypatch: Any, accuracies: tuple[float, ...], kept: int
) -> None:
    found = iter(accuracies)
    weights: dict[int, str] = {0: weights_digest(fresh(model).weights())}

    def examined(*_: Any) -> tuple[None, dict[str, float]]:
        return None, {ACCURACY: next(found), LOSS: 1.0}

    monkeypatch.setattr(loop, "examine", examined)
    keep = loop.keep

    def keeps(folder: Path, reward: Any, optimizer: Any, best: Any, history: list[Any], work: str) -> None:
        weights[len(history)] = weights_digest(reward.weights())
        keep(folder, reward, optimizer, best, history, work)

    monkeypatch.setattr(loop, "keep", keeps)
    assert learnt_digest(model, tmp_path) == weights[kept]


def test_it_stops_where_nothing_gets_better(model: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(loop, "examine", lambda *_: (None, {ACCURACY: 0.5, LOSS: 1.0}))
    settings = LONG.model_copy(update={"validation_steps": 2, "patience": 3})
    assert len(train(fresh(model, settings), LEARNT, VALIDATED, settings, tmp_path, "work")) == 6


def test_groups_of_one_tier_teach_no_order_and_are_counted(model: Path, tmp_path: Path, caplog: Any) -> None:
    alike = toy_groups(3, ("A", "A"), seed=5)
    assert teaching([*LEARNT, *alike], SMALL) == LEARNT
    assert len(teaching([*LEARNT, *alike], SMALL.model_copy(update={"loss": "pointwise"}))) == len(LEARNT) + 3
    with caplog.at_level("INFO", "intentflow"):
        train(fresh(model), [*LEARNT, *alike], [*VALIDATED, *alike[:1]], SMALL, tmp_path, "work")
    assert "24 groups are learnt, 3 of one tier teach no order; 4 are validated on, 1 of one tier" in caplog.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: ([replace(LEARNT[0], tiers=())], VALIDATED), "candidates without a tier"),
        (lambda: (toy_groups(2, ("B", "B")), VALIDATED), "None of 2 groups"),
        (lambda: (LEARNT, toy_groups(2, ("B", "B"))), "None of 2 groups"),
        (lambda: (LEARNT, [replace(VALIDATED[0], tiers=("S",))]), "candidates without a tier"),
    ],
)
def test_groups_that_teach_nothing_are_refused(
    model: Path, tmp_path: Path, change: Callable[[], tuple[Any, Any]], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        train(fresh(model), *change(), SMALL, tmp_path, "work")


def test_another_trainings_state_is_refused_and_an_empty_folder_cannot_be_finished(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave --finish out"):
        learnt_digest(model, tmp_path, finish=True)
    learnt_digest(model, tmp_path)
    with pytest.raises(DataError, match="state of another training"):
        train(fresh(model), LEARNT, VALIDATED, SMALL, tmp_path, "other work")


def test_a_reward_model_is_made_once_and_scores_as_it_did(model: Path, tmp_path: Path) -> None:
    def made(folder: Path | None = tmp_path, **changed: Any) -> dict[str, Any]:
        settings = SMALL.model_copy(update={"folder": tmp_path / "own", **changed})
        return make_reward(model, "float32", None, LEARNT, VALIDATED, LABELS, settings, folder, {"day": "2017-08-23"})

    record = made()
    assert not record["reused"]
    assert record["groups"] == {
        "groups": 24, "teaching": 24, "of_one_tier": 0, "users": 12, "S": 24, "A": 24, "B": 48
    }  # fmt: skip
    assert record["validation"].keys() == {"3", "6"}
    assert (record["day"], record["losses"][0]["until_step"]) == ("2017-08-23", 6)
    again = made()
    assert again["reused"]
    assert json.loads(json.dumps({**record, "reused": True})) == again
    reward = stored.restored(stored.read(Path(record["folder"]), model), model, "float32", SMALL)
    assert examine(reward, VALIDATED, SMALL)[0].accuracy.value == record["kept"]["accuracy"]["value"]
    with pytest.raises(DataError, match="state of another training"):
        made(seed=1)
    # Equal work in a folder of its own gives the release of the same name.
    own = made(None)
    assert (own["reward"], own["reused"]) == (record["reward"], False)
    assert Path(own["folder"]).parent.parent == tmp_path / "own"
    (Path(own["folder"]) / stored.HEAD).write_bytes(b"")
    assert not made(None)["reused"]


def test_a_reward_model_goes_on_from_the_judges_adapter(model: Path, tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"rank": 2, "first_layer": 1})
    made = make_reward(model, "float32", None, LEARNT, VALIDATED, LABELS, settings, tmp_path)
    files = stored.read(Path(made["folder"]), model)
    judge = files.adapter
    begun = stored.begin(model, "float32", SMALL, judge, LABELS)
    tuned = stored.restored(files, model, "float32", SMALL)
    assert judge.rank == 2
    for name, each in begun.tuned.master.items():
        assert torch.equal(each, tuned.tuned.master[name])
    # The head is not the judge's: the judge has none.
    rows = begun.tuned.peft.get_base_model().get_output_embeddings().weight
    assert torch.equal(begun.head.weight, rows[LABELS[0]] - rows[LABELS[1]])


def users_of(step: int, groups: list[Any], **chosen: Any) -> list[str]:
    settings = SMALL.model_copy(update={"groups": 4, **chosen})
    return [group.user_id for group in loop._drawn(groups, step, settings)]


def test_what_was_really_written_has_its_share_of_every_step_however_rare_it_is() -> None:
    rare = [replace(group, real=True, user_id="served") for group in toy_groups(2, seed=5)]
    for step in range(5):
        assert users_of(step, [*LEARNT, *rare]).count("served") == 2
        assert users_of(step, [*LEARNT, *rare], real_share=0.0).count("served") == 0
        # Where there is one kind alone, it is all that can be learnt.
        assert len(users_of(step, rare)) == len(users_of(step, LEARNT)) == 4
    whole_round = [user for step in range(len(LEARNT) // 2) for user in users_of(step, [*LEARNT, *rare])]
    assert sorted(user for user in whole_round if user != "served") == sorted(group.user_id for group in LEARNT)


def test_what_odds_are_worth_is_learnt_as_fast_as_one_number_must(model: Path, tmp_path: Path) -> None:
    """Where counting alone tells the tiers, its worth grows within a few steps."""
    told = [
        replace(group, candidates=tuple((7, 7, 1) for _ in group.tiers), odds=(2.0, 0.0, -2.0, -2.0))
        for group in LEARNT
    ]
    chosen = LONG.model_copy(update={"odds": 0.0, "odds_learning_rate": 0.1})
    reward = fresh(model, chosen)
    train(reward, told, told[:4], chosen, tmp_path, "work")
    assert reward.head.odds.item() > 0.5
