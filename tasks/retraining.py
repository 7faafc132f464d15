"""The steps of a retraining: commands with a preset's sizes as settings, each named by what the one before it left."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import TriggerRule

from settings import PREFIX, load_settings
from tasks.champion import RELEASE_NAME
from tasks.chosen_days import chosen
from tasks.command import Command
from tasks.form import FORCE, PRESET
from tasks.policy import MODEL_TIMEOUT, SPARK_TIMEOUT, heavy_pool, model_pool

NEWEST, LABELLED = chosen("newest"), chosen("labelled")


class PresetCommand(Command):
    """Runs a command with the sizes of the run's preset as its settings; what the environment sets already stands.

    Args:
        preset: templated. launch: what starts the command in place of Python.
    """

    template_fields: Sequence[str] = (*Command.template_fields, "preset")

    def __init__(self, *, preset: str = "{{ params.preset }}", launch: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preset = preset
        self.launch = launch

    def environment(self) -> Mapping[str, str]:
        preset: Any = self.preset
        sizes = load_settings().retraining.preset(preset).environment(PREFIX, os.environ)
        self.log.info("The preset %s: %s", preset, ", ".join(f"{name}={value}" for name, value in sizes.items()))
        return {**os.environ, **sizes}


def examples() -> Any:
    """Stage the examples of the run's days."""
    return PresetCommand(
        task_id="examples",
        module="spark_jobs.examples",
        arguments=[chosen("examples"), FORCE],
        pool=heavy_pool(),
        execution_timeout=SPARK_TIMEOUT,
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output


def train_adaptor() -> Any:
    """Train an entity adaptor; skipped where the preset keeps the champion's."""
    return _training("train_adaptor", "adaptor", NEWEST, when=chosen("trains_adaptor"))


def train_experts() -> Any:
    """Supervised fine-tuning of the experts."""
    return _training("train_experts", "experts", chosen("tuned"))


def build_labels() -> Any:
    """Labels of what users did, for a judge and its reward model to learn from; what is there already stays."""
    return _step("build_judge_labels", "labels", LABELLED)


def take_judge() -> Any:
    """The judge of the settings where it knows nobody whom this lake holds out, else one that is tuned here."""
    return _training("train_judge", "judge", LABELLED, chosen("keep"))


def train_reward() -> Any:
    """The judge's reward model."""
    return _training("train_reward", "reward", f"--judge={_left('judge', 'release_folder')}", LABELLED)


def reinforce_experts() -> Any:
    """Reinforcement of the experts, with the reward model's judgement among its rewards."""
    start, reward = _left("experts", "folder"), _left("reward", "folder")
    launch = shlex.split(load_settings().retraining.launch)
    arguments = (f"--start={start}", f"--reward={reward}", chosen("reinforced"), PRESET)
    return _training("reinforce_experts", "reinforce", *arguments, launch=launch)


def train_captions() -> Any:
    """Supervised fine-tuning of the explainer on judged captions."""
    return _training("train_captions", "captions", NEWEST)


def reinforce_captions() -> Any:
    """Reinforcement of the explainer, with the caption judge's figure where captions are diverse enough."""
    return _training(
        "reinforce_captions", "reinforce_captions", f"--start={_left('captions', 'folder')}", NEWEST, PRESET
    )


def evaluate_experts() -> Any:
    """The candidate's experts beside those that they were trained from, the champion's, and the untuned model."""
    candidate, before = _left("reinforce", "folder"), _left("experts", "folder")
    arguments = (f"--candidate={candidate}", f"--before={before}", f"--champion={RELEASE_NAME}", NEWEST)
    return _training("evaluate_experts", "evaluate", *arguments, chosen("evaluated"))


def _left(task_id: str, name: str) -> str:
    """A template of what the manifest of a task names."""
    return f"{{{{ ti.xcom_pull(task_ids='{task_id}')['{name}'] }}}}"


def _forced(task_id: str) -> str:
    """A template of a folder of the run's own, where it is to train what was trained already."""
    folder = load_settings().retraining.folder / "forced"
    run = "run_id | replace(':', '-') | replace('+', '-')"
    return f"{{{{ '--out={folder}/%s/{task_id}' % ({run}) if params.force else '' }}}}"


def _training(step: str, task_id: str, *arguments: str, **kwargs: Any) -> Any:
    return _step(step, task_id, *arguments, _forced(task_id), **kwargs)


def _step(step: str, task_id: str, *arguments: str, **kwargs: Any) -> Any:
    return PresetCommand(
        task_id=task_id,
        module=f"model_steps.{step}",
        arguments=arguments,
        pool=model_pool(),
        execution_timeout=MODEL_TIMEOUT,
        trigger_rule=TriggerRule.NONE_FAILED,
        **kwargs,
    ).output
