"""TRL's trainer on a tiny model: it learns what is rewarded, begins at its reference, resumes, and notices faults."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement import canary as canaries
from model_steps.training.reinforcement import states, training
from model_steps.training.reinforcement.best import Best
from model_steps.training.reinforcement.building import arguments, build
from model_steps.training.reinforcement.completions import Completions
from model_steps.training.reinforcement.optimizer import MasterAdamW
from model_steps.training.reinforcement.rollouts import Rollouts
from model_steps.training.reinforcement.shaping import constrained
from model_steps.training.reinforcement.subject import of_lists
from model_steps.training.reinforcement.thresholds import WarmedUp
from model_steps.training.reinforcement.trainer import ListTrainer
from model_steps.training.reinforcement.training import Trained
from model_steps.training.reinforcement.validation import Validation
from runtime.errors import CommandError, ConfigurationError, DataError, UsageError
from settings import ReinforcementSettings
from tests.model_steps.foreign_models import build as build_folder
from tests.model_steps.list_world import options, personas, scoring, tiny_model
from tests.model_steps.tiny_reward import write_model

SMALL = ReinforcementSettings(
    steps=4,
    personas=2,
    spare=1,
    generations=4,
    tags=2,
    learning_rate=1e-2,
    schedule="constant",
    threshold_personas=2,
    validation_steps=2,
    checkpoint_steps=1,
    warm_up=2,
    dtype="float32",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a tokenizer, which the trainer wants and lists do not need."""
    found = write_model(tmp_path_factory.mktemp("tiny") / "model")
    tokenizer = build_folder("qwen", tmp_path_factory.mktemp("qwen"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, found / name)
    return found


@pytest.fixture
def trained(folder: Path) -> Callable[..., tuple[Trained, TunedModel]]:
    """Trains a tiny model in a folder."""

    def run(out: Path, settings: ReinforcementSettings = SMALL, finish: bool = False, work: str = "w") -> Any:
        model, score, space = tiny_model(folder), scoring(), options()
        users = {one.user_id: [one] for one in personas().of(9, 3)}
        validation = Validation(users, [], space, Completions(space, settings.tags), score, 0)
        subject = of_lists(personas(), score, space, validation, settings)
        found = training.train(model, subject, out, folder, work, finish)
        return found, model

    return run


@pytest.fixture(autouse=True)
def no_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cross-entropy is SFT's, and tested there."""
    monkeypatch.setattr(TunedModel, "cross_entropy", lambda _self, _targets: 0.0)


def weights(model: TunedModel) -> dict[str, torch.Tensor]:
    return {name: each.detach().clone() for name, each in model.master.items()}


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(each, other[name]) for name, each in one.items())


def trainer_of(folder: Path, out: Path, settings: ReinforcementSettings = SMALL, **of_model: Any) -> ListTrainer:
    model = tiny_model(folder, **of_model)
    thresholds = WarmedUp({"diversity": 0.0, "length": 0.0}, {"diversity": 0.0, "length": 0.0}, 0)
    nobody: Any = None
    return build(model, out, of_lists(personas(), scoring(), options(), nobody, settings), thresholds, folder)


def test_training_leaves_the_best_adapter_curves_and_thresholds(trained: Any, folder: Path, tmp_path: Path) -> None:
    found, model = trained(tmp_path)
    assert sorted(found.validated) == [0, 2, 4]
    assert found.step == max(found.validated, key=lambda step: (found.validated[step]["recall_30"], -step))
    start, first = found.history[:2]
    assert (start["step"], start["validation/recall_30"]) == (0, found.validated[0]["recall_30"])
    assert first["kl"] == pytest.approx(0, abs=1e-5)
    assert found.history[-1]["kl"] > 0
    assert first["actions"] == SMALL.tags
    assert {"drawn/accuracy", "drawn/dead", "drawn/gated", "drawn/feasible/length", "kept/dead"} <= set(first)
    assert "drawn/alignment" not in first
    assert (tmp_path / "curves.parquet").is_file()
    assert (tmp_path / "curves.svg").read_bytes().startswith(b"<?xml")
    kept = weights(model)
    assert alike(kept, weights(tiny_model(folder))) == (found.step == 0)
    assert "ref" not in model.peft.peft_config
    begin = json.loads((tmp_path / "thresholds.json").read_text())["begin"]
    assert set(begin) == {"diversity", "length"}


def test_what_is_rewarded_becomes_more_probable(folder: Path, tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"steps": 30, "checkpoint_steps": 100, "beta": 0.0})
    trainer = trainer_of(folder, tmp_path, settings)
    trainer.train()
    accuracy = [row["drawn/accuracy"] for row in trainer.state.log_history if "drawn/accuracy" in row]
    assert sum(accuracy[-8:]) / 8 > sum(accuracy[:8]) / 8 + 0.1


def test_the_reward_is_one_and_follows_from_the_lists(folder: Path, tmp_path: Path) -> None:
    trainer = trainer_of(folder, tmp_path)
    drawn = trainer.drawn(8)
    assert [sum(mask) for mask in drawn["env_mask"]] == [SMALL.tags] * 8
    state = trainer.state
    found = trainer._rewards(drawn["persona"], drawn["tags"], state)
    by_hand = [
        len(set(one.outcomes) & set(tags)) / 2 for one, tags in zip(drawn["persona"], drawn["tags"], strict=True)
    ]
    assert found == by_hand
    # Made anew, the rollouts of an open step are the same.
    assert trainer.drawn(8)["tags"] == drawn["tags"]
    state.global_step = 1
    assert trainer.drawn(8)["tags"] != drawn["tags"]


def test_dead_groups_are_drawn_again_while_there_are_spare_personas(folder: Path) -> None:
    model, completions = tiny_model(folder), Completions(options(), 2)
    never = WarmedUp({"diversity": 3.0, "length": 0.0}, {"diversity": 3.0, "length": 0.0}, 0)
    settings = SMALL.model_copy(update={"personas": 2, "spare": 2})
    rollouts = Rollouts(model, completions, personas(), scoring(), never, constrained, settings)
    found = rollouts.of(0)
    # No list holds the constraint, so all groups are dead: all spare ones were tried, and two are learnt nevertheless.
    assert (len(found.drawn), len(found.groups)) == (6, 2)
    assert not any(group.teaches for group in found.drawn)
    live = WarmedUp({"diversity": 0.0, "length": 0.0}, {"diversity": 0.0, "length": 0.0}, 0)
    rollouts = Rollouts(model, completions, personas(), scoring(), live, constrained, settings)
    steps = [rollouts.of(step) for step in range(6)]
    assert all(sum(group.teaches for group in one.groups) == min(2, sum(g.teaches for g in one.drawn)) for one in steps)
    assert any(len(one.drawn) > 2 for one in steps)


def test_a_run_that_is_killed_goes_on_as_if_it_had_lived(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, model = trained(tmp_path / "whole")

    class Killed(Exception):
        pass

    rolled = Rollouts.of

    def killing(self: Rollouts, step: int) -> Any:
        if step == 3:
            raise Killed
        return rolled(self, step)

    monkeypatch.setattr(Rollouts, "of", killing)
    with pytest.raises(Killed):
        trained(tmp_path / "killed")
    monkeypatch.setattr(Rollouts, "of", rolled)
    resumed, again = trained(tmp_path / "killed")
    clocked = {"update_seconds"}
    rows = [[{k: v for k, v in row.items() if k not in clocked} for row in one.history] for one in (whole, resumed)]
    assert rows[0] == rows[1]
    assert (whole.step, whole.validated) == (resumed.step, resumed.validated)
    assert alike(weights(model), weights(again))


def test_a_state_that_was_being_written_is_passed_over(tmp_path: Path) -> None:
    for step, said in ((2, "{}"), (4, "{")):
        place = tmp_path / f"checkpoint-{step}"
        place.mkdir()
        (place / "trainer_state.json").write_text(said)
        for name in ("optimizer.pt", "scheduler.pt"):
            (place / name).write_bytes(b"")
    assert states.newest(tmp_path) == tmp_path / "checkpoint-2"
    assert states.newest(tmp_path / "nowhere") is None


def test_another_trainings_folder_is_refused_and_an_empty_one_cannot_be_finished(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training that was validated"):
        trained(tmp_path, finish=True)
    states.claim(tmp_path, "other")
    with pytest.raises(DataError, match="holds the state of another training"):
        trained(tmp_path)


def test_a_training_can_be_finished_with_the_best_so_far(trained: Any, tmp_path: Path) -> None:
    whole, model = trained(tmp_path)
    finished, again = trained(tmp_path, finish=True)
    assert (finished.step, finished.history) == (whole.step, whole.history)
    assert alike(weights(model), weights(again))


def test_the_canary_fails_when_the_update_is_switched_off(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MasterAdamW, "step", lambda _self, closure=None: None)
    with pytest.raises(CommandError, match="rollouts come from stale weights, or the update is switched off"):
        trained(tmp_path)


def test_the_canary_fails_when_rollouts_come_from_stale_weights(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The master copy learns and the copy that multiplies is never handed over."""
    took_over = TunedModel.take_over
    monkeypatch.setattr(training, "build", lambda *given: stale(build(*given), monkeypatch))
    with pytest.raises(CommandError, match="stale weights"):
        trained(tmp_path)
    monkeypatch.setattr(TunedModel, "take_over", took_over)


def stale(trainer: ListTrainer, monkeypatch: pytest.MonkeyPatch) -> ListTrainer:
    monkeypatch.setattr(TunedModel, "take_over", lambda _self: None)
    return trainer


def test_a_frozen_adapter_is_refused(folder: Path) -> None:
    model = tiny_model(folder, learning=False)
    with pytest.raises(CommandError, match="No parameter of the adapter is trainable"):
        canaries.trainable(model.peft)
    assert canaries.trainable(tiny_model(folder).peft) > 0


def test_another_reference_than_the_start_is_noticed(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_alike = ListTrainer._make_reference_alike

    def planted(self: ListTrainer) -> None:
        made_alike(self)
        for name, each in self._policy.model.peft.named_parameters():
            if ".ref." in name:
                each.data.mul_(2)

    monkeypatch.setattr(ListTrainer, "_make_reference_alike", planted)
    with pytest.raises(CommandError, match="before anything was learnt, and must be 0"):
        trained(tmp_path)
    with pytest.raises(CommandError, match="nan"):
        canaries.refuse_kl(float("nan"))
    canaries.refuse_kl(None)


def test_the_reference_is_a_copy_that_does_not_learn(folder: Path, tmp_path: Path) -> None:
    trainer = trainer_of(folder, tmp_path)
    named = dict(trainer._policy.model.peft.named_parameters())
    pairs = [(each, named[name.replace(".ref.", ".default.")]) for name, each in named.items() if ".ref." in name]
    assert pairs
    assert all(torch.equal(one, other) and not one.requires_grad and other.requires_grad for one, other in pairs)


def test_the_papers_settings_are_not_trls(tmp_path: Path) -> None:
    found = arguments(ReinforcementSettings(), tmp_path, on_cpu=True)
    assert (found.beta, found.scale_rewards, found.num_generations, found.epsilon) == (0.02, "none", 8, 0.2)
    assert (found.loss_type, found.bf16, found.per_device_train_batch_size) == ("grpo", False, 32)


def test_one_of_several_processes_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigurationError, match="one of several processes"):
        trainer_of(folder, tmp_path)


def test_of_equally_good_adapters_the_earlier_is_kept(folder: Path, tmp_path: Path) -> None:
    best, model = Best(tmp_path), tiny_model(folder)
    begun = weights(model)
    assert best.note(0, {"recall_30": 0.3}, model)
    with torch.no_grad():
        for each in model.master.values():
            each.add_(1)
    assert not best.note(2, {"recall_30": 0.3}, model)
    assert (best.step, sorted(best.figures())) == (0, [0, 2])
    best.take(model)
    assert alike(weights(model), begun)
    # A run that comes by an earlier validation again knows nothing of later ones.
    assert best.note(0, {"recall_30": 0.1}, model)
    assert sorted(best.figures()) == [0]
