"""Distill a tuned judge into a reward model: ``python -m model_steps.train_reward --judge FOLDER`` (PAPER 2.4).

The judge's adapter goes on with a scalar head, on the order of tiers of what customers were given, as the table
``judge_labels`` has them; what its counting expects stands in the prompts. Only users of the train split are learnt
from, users of validation choose the step, and nothing reaches past the split. The language model's weights stay as they
are. A killed run goes on where it was, or is ended there (``--finish``); what was trained already is not trained again.

Leaves a release ``reward-<digest>`` in the training's folder, which ``model_steps.score_rewards`` reads.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.leaks import refuse_known
from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.options import Options
from model_steps.judge.judge_release import Judge, choose_judge
from model_steps.judge.prompt_files import ROLE
from runtime import processor
from runtime.entry import day_argument, run_command
from schemas.judge_labels import FINDINGS
from settings import RewardSettings, Settings, load_settings


def train_reward(
    lake: Lake, judge: Judge, days: Sequence[str], out: Path | None, settings: Settings, finish: bool = False
) -> dict[str, Any]:
    """Train a reward model from a judge, unless that was done; returns its record, its name and its folder.

    Args:
        lake: with ``judge_labels``, and all that these were built of.
        judge: a tuned one; where it brings counting along, prompts tell what that expects.
        days: training days; none: all that have labels of train users.
        out: folder of the training; none: one below the settings' folder, named after what decides about the result.
        finish: end a training that was stopped, with the best that it validated.

    Raises:
        SourceMissing: labels, or what was known of their customers, are missing.
        DataError: a label touches the holdout, the judge's adapter is none of this project's, or the folder holds
            another training's state. UsageError: the folder cannot be one, or the judge may know whom this lake holds
            out.
    """
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.judge.reward.head import label_tokens
    from model_steps.training.reward.making import make_reward
    from model_steps.training.reward.material import read_material

    model, chosen, rule = settings.engine.model, settings.reward, read_rule(settings.source)
    refuse_known(f"The judge {judge.name}", judge.record, lake, rule, min(rule.days))
    material = read_material(lake, rule, days, settings, judge.counting)
    labels = label_tokens(Options(FINDINGS, Chat(model).answer_tokens)) if chosen.start == "labels" else None
    return make_reward(
        model,
        processor.resolve(chosen.dtype, model),
        judge.adapters[ROLE],
        material.learnt,
        material.validated,
        labels,
        chosen,
        out,
        {**material.about, "judge_name": judge.name},
        judge.counting,
        finish,
    )


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    if arguments.loss is not None:
        chosen = RewardSettings(**{**settings.reward.model_dump(), "loss": arguments.loss})
        settings = settings.model_copy(update={"reward": chosen})
    lake, days = Lake.open(arguments.lake or settings.lake.uri), tuple(sorted(set(arguments.day or ())))
    judge = choose_judge(lake, arguments.judge, settings.engine.model)
    return train_reward(lake, judge, days, arguments.out, settings, arguments.finish)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.train_reward", description=__doc__)
    parser.add_argument("--judge", required=True, help="folder of a tuned judge's release, or its name on the lake")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument(
        "--day", type=day_argument, action="append", help="a training day, repeatable (default: all with labels)"
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the training, its state and its release (default: one of its own)"
    )
    parser.add_argument(
        "--loss", choices=("listwise", "pointwise"), help="what it learns by (default: INTENTFLOW_REWARD__LOSS)"
    )
    parser.add_argument("--finish", action="store_true", help="end a stopped training with the best that it validated")
    run_command(main, parser)
