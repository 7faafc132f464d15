"""Why a day brings no verdicts, as its tasks' manifests tell; and that publishing the day hands it on."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import BaseOperator, Context

from runtime.errors import Exit
from runtime.process import Result
from tasks.assets import INTENTS
from tasks.judging import why_captions_unjudged, why_unjudged
from tasks.published_day import publish_day

DAY = "2017-11-01"
SAMPLED = {"judged": True, "batches": ["_batches/verdicts/a.json"], "reused": False, "judged_outputs": 20}
UNJUDGED = {"judged": False, "why": "the judge has no standing (missing). Nobody examined it.", "batches": []}
INFERRED = {"release": "experts-1"}


@pytest.mark.parametrize(
    ("manifests", "why"),
    [
        ({"judge.sample": [SAMPLED], "judge.publish": [{"published": []}]}, None),
        ({"judge.sample": [{**SAMPLED, "batches": [], "reused": True}]}, None),
        ({"judge.sample": [UNJUDGED]}, UNJUDGED["why"]),
        # Failed, timed out, killed: such a task leaves nothing.
        ({}, "the task judge.sample failed or was ended, and its log says why"),
        (
            {"judge.sample": [SAMPLED]},
            "what the judge found was not published, and the log of the task judge.publish says why",
        ),
    ],
    ids=["judged", "reused", "no standing", "failed", "refused by its audit"],
)
def test_why_a_run_brought_no_verdicts(manifests: dict[str, Any], why: str | None) -> None:
    assert why_unjudged(manifests) == why
    of_captions = {name.replace("sample", "captions").replace("publish", "publish_captions"): said
                   for name, said in manifests.items()}  # fmt: skip
    said = why and why.replace("judge.sample", "judge.captions").replace("judge.publish", "judge.publish_captions")
    assert why_captions_unjudged(of_captions) == said


@pytest.mark.parametrize(
    ("sampled", "told"),
    [
        ([UNJUDGED], [f"--why-unjudged={UNJUDGED['why']}"]),
        ([None], ["--why-unjudged=the task judge.sample failed or was ended, and its log says why"]),
        ([{**SAMPLED, "batches": []}], []),
    ],
)
def test_the_day_is_told_why_and_its_event_says_so(
    monkeypatch: pytest.MonkeyPatch, sampled: list[Any], told: list[str]
) -> None:
    operator = publish_day().operator
    operator.day = DAY
    asked: list[str] = []

    def command(module: str, arguments: list[str]) -> Result:
        asked.extend(arguments)
        judged = "no: it hung" if told else "yes"
        row = {"day": DAY, "release": "experts-1", "fingerprint": "f", "empty": False, "judged": judged}
        row["captions_judged"] = "no: nobody could"
        return Result(Exit.OK, {**row, "figures": {"judged_users": 0.0}}, "", 1.0)

    manifests: dict[str, list[Any]] = {"infer.shard": [INFERRED], "judge.sample": sampled}
    monkeypatch.setattr(operator, "command", command)
    monkeypatch.setattr(operator, "get_flat_relative_ids", lambda upstream: set(manifests))
    event = SimpleNamespace(extra={}, add_partitions=lambda _day: None)
    context = {
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: manifests[task_ids[0]]),
        "dag_run": SimpleNamespace(start_date=datetime.now(UTC)),
        "outlet_events": {INTENTS: event},
    }
    cast(BaseOperator, operator).allow_nested_operators = True
    operator.execute(cast(Context, context))
    assert [argument for argument in asked if argument.startswith("--why-unjudged")] == told
    why_not = "the task judge.captions failed or was ended, and its log says why"
    assert f"--why-captions-unjudged={why_not}" in asked
    assert event.extra["captions_judged"] == "no: nobody could"
    assert event.extra["judged"] == ("no: it hung" if told else "yes")
    assert event.extra["figures"]["judged_users"] == 0
