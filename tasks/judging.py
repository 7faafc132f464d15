"""Judge a sample of a day: the task that does it, the one behind it that always succeeds, and why a day has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, TriggerRule

from tasks.champion import DTYPE
from tasks.command import Command
from tasks.form import DAY, FORCE
from tasks.manifests import Manifest
from tasks.policy import judge_timeout, model_pool

GROUP = "judge"
SAMPLE, PUBLISH = f"{GROUP}.sample", f"{GROUP}.publish"


def judge_sample() -> Any:
    """Judges a sample of the day's published intents; returns its manifest.

    It is ended when it hangs. It runs also when inference published nothing new: what stands may have no verdicts yet.
    """
    return Command(
        task_id="sample",
        module="model_steps.judge_sample",
        arguments=("--day", DAY, DTYPE, FORCE),
        pool=model_pool(),
        execution_timeout=judge_timeout(),
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output


def judged() -> BaseOperator:
    """Succeeds when judging is over, however it ended: what waits for it is held back by no judge.

    The scheduler does it by itself; no worker starts.
    """
    return EmptyOperator(task_id="judged", trigger_rule=TriggerRule.ALL_DONE)


def why_unjudged(manifests: Mapping[str, Sequence[Manifest]]) -> str | None:
    """Why a run brought no verdicts, from its tasks' manifests; none when it did, or found them there.

    Args:
        manifests: by task id. A task that failed, was ended or was killed has none.
    """
    sampled = next(iter(manifests.get(SAMPLE, ())), None)
    if sampled is None:
        return f"the task {SAMPLE} failed or was ended, and its log says why"
    if not sampled.get("judged"):
        return str(sampled.get("why"))
    if sampled.get("batches") and not manifests.get(PUBLISH):
        return f"what the judge found was not published, and the log of the task {PUBLISH} says why"
    return None
