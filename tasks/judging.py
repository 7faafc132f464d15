"""Judge a sample of a day: the tasks that do it, the one behind them that always succeeds, and why a day has none."""

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
CAPTIONS, PUBLISH_CAPTIONS = f"{GROUP}.captions", f"{GROUP}.publish_captions"


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


def judge_captions() -> Any:
    """Judges the published captions of the same users; returns its manifest. What stops it stops no verdict on tags."""
    return Command(
        task_id="captions",
        module="model_steps.judge_captions",
        arguments=("--day", DAY, FORCE),
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
    """Why a run brought no verdicts on tags, from its tasks' manifests; none when it did, or found them there.

    Args:
        manifests: by task id. A task that failed, was ended or was killed has none.
    """
    return _why(manifests, SAMPLE, PUBLISH)


def why_captions_unjudged(manifests: Mapping[str, Sequence[Manifest]]) -> str | None:
    """The same of verdicts on captions."""
    return _why(manifests, CAPTIONS, PUBLISH_CAPTIONS)


def _why(manifests: Mapping[str, Sequence[Manifest]], judges: str, publishes: str) -> str | None:
    found = next(iter(manifests.get(judges, ())), None)
    if found is None:
        return f"the task {judges} failed or was ended, and its log says why"
    if not found.get("judged"):
        return str(found.get("why"))
    if found.get("batches") and not manifests.get(publishes):
        return f"what the judge found was not published, and the log of the task {publishes} says why"
    return None
