"""Publish the day as a whole: its row in ``days`` with the figures of all steps, and the event on the asset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.exceptions import AirflowFailException

from tasks.assets import INTENTS
from tasks.champion import TASK_ID
from tasks.command import Command, outcome
from tasks.form import DAY
from tasks.judging import why_captions_unjudged, why_unjudged
from tasks.manifests import Manifest, figures


class PublishDay(Command):
    """Gathers the manifests of all tasks before it and hands their figures to ``lake.publish_day``."""

    template_fields: Sequence[str] = ("day",)
    ui_color = "#e6f4ea"

    def __init__(self, *, day: str, **kwargs: Any) -> None:
        super().__init__(module="lake.publish_day", **kwargs)
        self.day = day

    def execute(self, context: Context) -> dict[str, Any]:
        manifests = self._manifests_before(context)
        numbers = figures(manifests)
        started = context["dag_run"].start_date
        if started is not None:
            # Against the steps' own seconds this shows what orchestration and waiting cost.
            numbers["run.seconds"] = round((datetime.now(UTC) - started).total_seconds(), 3)
        canary = next(iter(manifests.get(TASK_ID, ())), {}).get("canary")
        release = one_release([manifest for of_task in manifests.values() for manifest in of_task], canary)
        arguments = ["--day", self.day, "--release", release, "--figures", json.dumps(numbers, sort_keys=True)]
        arguments += [f"--canary={canary['record']}"] if canary else []
        # Of what was rolled up: what was landed since, this day does not rest on.
        histories = (manifest.get("history") for of_task in manifests.values() for manifest in of_task)
        arguments += [f"--history={history}" for history in histories if history]
        arguments += [f"--why-unjudged={why}"] if (why := why_unjudged(manifests)) else []
        arguments += [f"--why-captions-unjudged={why}"] if (why := why_captions_unjudged(manifests)) else []
        manifest = outcome(self.command(self.module, arguments))
        if manifest["empty"]:
            self.log.warning("%s is published as an empty day: its log held no usable behavior.", self.day)
        event = context["outlet_events"][INTENTS]
        event.add_partitions(self.day)
        event.extra = {
            "day": self.day,
            "release": manifest["release"],
            "fingerprint": manifest["fingerprint"],
            "empty": manifest["empty"],
            "judged": manifest["judged"],
            "captions_judged": manifest["captions_judged"],
            **({"canary": manifest["canary"]} if "canary" in manifest else {}),
            "figures": manifest["figures"],
        }
        return self.report(manifest)

    def _manifests_before(self, context: Context) -> dict[str, list[Manifest]]:
        """By task id, every manifest of this run; tasks that were skipped have none."""
        found: dict[str, list[Manifest]] = {}
        for task_id in sorted(self.get_flat_relative_ids(upstream=True)):
            results = context["ti"].xcom_pull(task_ids=[task_id])
            manifests: list[Manifest] = [result for result in results if isinstance(result, dict)]
            if manifests:
                found[task_id] = manifests
        return found


def one_release(manifests: Sequence[Manifest], canary: Manifest | None = None) -> str:
    """The release that this run's steps say they used; with a canary the promoted one.

    Args:
        canary: that runs on the day, whose other release they may use, too; which user has which, the audit sees.

    Raises:
        AirflowFailException: they name none, or several: one was promoted between two of them.
    """
    found = sorted({str(manifest["release"]) for manifest in manifests if manifest.get("release")})
    if canary and {canary["release"]} <= set(found) <= {canary["release"], canary["beside"]}:
        return str(canary["release"])
    if len(found) == 1:
        return found[0]
    if not found:
        raise AirflowFailException("No step of this run names its release: clear `infer.shard` and run it again.")
    raise AirflowFailException(
        f"The steps of this run used more than one release ({', '.join(found)}): clear all of `infer.shard`."
    )


def publish_day() -> Any:
    """The last task of a refresh; returns the published day's manifest."""
    return PublishDay(
        task_id="publish_day",
        day=DAY,
        outlets=[INTENTS],
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output
