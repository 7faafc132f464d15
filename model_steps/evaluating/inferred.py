"""Intents of chosen users by ``python -m model_steps.infer``, in a lake apart.

The answers stay in that lake: what was asked once is not asked again, whatever users are chosen later, and a killed run
goes on at the chunk it was in.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.delta import tables
from lake.delta.staging import Batch
from lake.registry import releases
from lake.store.location import Lake
from model_steps.evaluating.work_lake import copy_inputs, publish_unaudited
from runtime.steps import run_step
from schemas import intents
from settings import InferenceSettings, Settings

log = logging.getLogger("intentflow")

# Agents that rank name as many tags as are wanted; the rest is for agents that write.
# The pool that the arbiter chooses 30 from is as large as its 52 letters allow: experts repeat one another, and
# four personas of thirteen tags leave more distinct ones than three of seventeen or five of ten would.
PREFIX = "INTENTFLOW_INFERENCE__"
SETTINGS = {
    "INTENTFLOW_INFERENCE__TAGS": "30",
    "INTENTFLOW_INFERENCE__PERSONAS": "4",
    "INTENTFLOW_INFERENCE__TAGS_PER_EXPERT": "13",
    "INTENTFLOW_INFERENCE__USERS": "0",
    "INTENTFLOW_INFERENCE__SHARDS": "1",
}
# Nobody is shown a caption here.
UNEXPLAINED = {"INTENTFLOW_EXPLANATIONS__TAGS": "0"}


def as_asked(settings: Settings) -> Settings:
    """These settings, with those of inference that an evaluation's has, and without explanations."""
    told = {name.removeprefix(PREFIX).lower(): value for name, value in SETTINGS.items()}
    inference = InferenceSettings.model_validate({**settings.inference.model_dump(), **told})
    explanations = settings.explanations.model_copy(update={"tags": 0})
    return settings.model_copy(update={"inference": inference, "explanations": explanations})


@dataclass(frozen=True)
class Inferred:
    """Intents of users.

    Args:
        categories: of each user's tags in the order of rank; users whose inference failed have none.
        manifest: the inference's own.
    """

    categories: Mapping[str, Sequence[str]]
    manifest: Mapping[str, Any]


def infer(
    log_lake: Lake,
    work: Lake,
    day: str,
    users: Sequence[str],
    release: str,
    form: str,
    asking: Mapping[str, str] | None = None,
) -> Inferred:
    """Infer the intents of users as of a day.

    Args:
        log_lake: has the release, and the day's contexts, signals and vectors.
        work: where the answers are kept.
        day: the last day of the histories.
        users: whose intents; each has a context.
        release: name of a release on the lake.
        form: how histories are shown, ``text`` or ``hybrid``.
        asking: settings by name that are other than usual.

    Raises:
        StepFailed: the inference ended with an error; its sentence and exit code are kept.
    """
    releases.install(work, *releases.read(log_lake, release))
    copy_inputs(log_lake, work, day, users)
    log.info("Inferring %d users as of %s.", len(users), day)
    named = ("--day", day, "--lake", work.root, "--release", release)
    environment = {**SETTINGS, **UNEXPLAINED, "INTENTFLOW_INFERENCE__REPRESENTATION": form, **(asking or {})}
    manifest = run_step("model_steps.infer", *named, environment=environment)
    # Failed users count as found nothing, so the audit's bound on failures is none here.
    publish_unaudited(work, [Batch.load(work, path) for path in manifest["batches"]])
    rows = tables.read(work, intents.TABLE, day, columns=["user_id", "rank", "category"])
    categories: dict[str, list[str]] = {user: [] for user in users}
    for row in rows.sort_by([("user_id", "ascending"), ("rank", "ascending")]).to_pylist():
        categories[row["user_id"]].append(row["category"])
    return Inferred(categories, manifest)
