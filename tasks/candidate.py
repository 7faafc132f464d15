"""Make a release of what was trained, put it on the lake, and say so on the asset: it waits there to be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowSkipException

from tasks.assets import CANDIDATES
from tasks.champion import RELEASE_NAME
from tasks.command import Command, outcome
from tasks.manifests import Manifest, figures

# Where the release's folder is made; the lake gets a copy, which every worker reads.
FOLDER = "var/releases"
CHAMPION_ITSELF = "What was trained is the champion itself: there is nothing to judge."
# Of a step's manifest, what says which work it was; all else of it is figures, or in the release's record.
NAMED = ("folder", "work", "day", "days", "adapter", "adaptor", "reward", "judge", "shaping", "examples_digest")


class MakeCandidate(Command):
    """Makes the candidate beside the champion, and tells it once.

    Skipped, with its manifest, when what was trained is the champion itself, or when this candidate was told before:
    whoever listens to the asset would judge it twice.

    Args:
        trained: manifest of each step by its task; of what ``reinforce`` and ``reinforce_captions`` left the release
            is made, and of what ``adaptor`` left where one was trained.
        beside: name of the champion. preset: of the run.
    """

    template_fields: Sequence[str] = ("trained", "beside", "preset")
    ui_color = "#e6f4ea"

    def __init__(self, *, trained: Mapping[str, Any], beside: str, preset: str, **kwargs: Any) -> None:
        super().__init__(module="model_steps.release", **kwargs)
        self.trained = trained
        self.beside = beside
        self.preset = preset

    def execute(self, context: Context) -> dict[str, Any]:
        # A step that was skipped left nothing.
        steps: dict[str, Manifest] = {name: manifest for name, manifest in self.trained.items() if manifest}
        arguments = ["--out", FOLDER, "--experts", str(steps["reinforce"]["folder"]), "--candidate-beside", self.beside]
        for flag, task in (("--adaptor", "adaptor"), ("--explainer", "reinforce_captions")):
            arguments += [flag, str(steps[task]["folder"])] if task in steps else []
        manifest = outcome(self.command(self.module, arguments))
        if not manifest["new"]:
            self._end(context, manifest, CHAMPION_ITSELF)
        event = {
            "release": manifest["candidate"],
            "beside": manifest["beside"],
            "preset": self.preset,
            "files": manifest["files"],
            # The release's document, with the whole record of each training.
            "record": manifest["record"],
            "training": {
                name: {field: step[field] for field in NAMED if field in step} for name, step in steps.items()
            },
            "figures": dict(figures({name: [step] for name, step in steps.items()})),
        }
        if any(_same(told.extra or {}, event) for told in context["inlet_events"][CANDIDATES]):
            self._end(context, manifest, f"The candidate {event['release']} was told before, and nothing has changed.")
        context["outlet_events"][CANDIDATES].extra = event
        return self.report(manifest)

    def _end(self, context: Context, manifest: Manifest, why: str) -> None:
        # What skips does not return, so the result is kept by hand.
        context["ti"].xcom_push(BaseXCom.XCOM_RETURN_KEY, {**self.report(manifest), "new": False, "why": why})
        raise AirflowSkipException(why)


def _same(told: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event told of the same candidate beside the same champion."""
    return all(told.get(name) == event[name] for name in ("release", "beside"))


def make_candidate(trained: Mapping[str, Any]) -> Any:
    """The last task of a retraining; returns the candidate's manifest."""
    return MakeCandidate(
        task_id="candidate",
        trained=trained,
        beside=RELEASE_NAME,
        preset="{{ params.preset }}",
        inlets=[CANDIDATES],
        outlets=[CANDIDATES],
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output
