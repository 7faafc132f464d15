"""Make a release of what was trained, put it on the lake, and say so on the asset: it waits there to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from tasks.assets import CANDIDATES
from tasks.champion import RELEASE_NAME
from tasks.command import Command, outcome
from tasks.manifests import Manifest, figures

# Where the release's folder is made; the lake gets a copy, which every worker reads.
FOLDER = "var/releases"


class MakeCandidate(Command):
    """Makes the candidate beside the champion; skipped when what was trained is the champion itself.

    Args:
        experts: manifest of the training. beside: name of the champion.
    """

    template_fields: Sequence[str] = ("experts", "beside")
    ui_color = "#e6f4ea"

    def __init__(self, *, experts: Any, beside: str, **kwargs: Any) -> None:
        super().__init__(module="model_steps.release", **kwargs)
        self.experts = experts
        self.beside = beside

    def execute(self, context: Context) -> dict[str, Any]:
        training: Manifest = self.experts
        arguments = ["--out", FOLDER, "--experts", str(training["folder"]), "--candidate-beside", self.beside]
        manifest = outcome(self.command(self.module, arguments))
        if not manifest["new"]:
            raise AirflowSkipException("What was trained is the champion itself: there is nothing to judge.")
        event = context["outlet_events"][CANDIDATES]
        event.extra = {
            "release": manifest["candidate"],
            "beside": manifest["beside"],
            "files": manifest["files"],
            "figures": dict(figures({"experts": [training]})),
        }
        return self.report(manifest)


def make_candidate(experts: Any) -> Any:
    """The last task of a retraining; returns the candidate's manifest."""
    return MakeCandidate(
        task_id="candidate",
        experts=experts,
        beside=RELEASE_NAME,
        outlets=[CANDIDATES],
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output
