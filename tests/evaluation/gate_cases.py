"""Gates in memory: a policy of one metric with slices, and results of users that are given by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from evaluation.gate.gating import Case
from evaluation.gate.policy import Policy
from evaluation.gate.user_figures import SCHEMA
from lake.registry.judge_records import Standing
from lake.registry.openings import Opening
from lake.registry.release_checks import ReleaseCheck
from lake.registry.user_results import Header, UserResults

DAY, HOLDOUT = "2017-11-01", "frozen"
HERE = {"language model": "m", "embedder": "e", "prompts": "p", "catalog": "c"}
ValueOf = Callable[[int], float]
BOUNDS: Mapping[str, Any] = {"tier": "critical", "allowed_loss": 0.1, "least_users": 20}


def policy(**changes: Any) -> Policy:
    """Recall overall, of light and of heavy users, and of tail categories."""
    metric = {
        **BOUNDS,
        "name": "recall",
        "floor": 0.2,
        "gain": 0,
        "slices": [
            {**BOUNDS, "cut": "activity", "value": "light"},
            {**BOUNDS, "cut": "activity", "value": "heavy"},
            {**BOUNDS, "cut": "category", "value": "tail"},
            {**BOUNDS, "cut": "history", "value": "new", "tier": "advisory"},
        ],
        **changes.pop("metric", {}),
    }
    limits = {"load_seconds": 60, "answer_seconds": 60, "memory_gib": 8, "catalog_near": 0.5}
    said: dict[str, Any] = {"name": "test", "holdout_openings": 2, "judge_minimum_kappa": 0.4, "release": limits}
    return Policy.model_validate({**said, "metrics": [metric, *changes.pop("more", [])], **changes})


def results(release: str, value: ValueOf, users: int = 200, **header: Any) -> UserResults:
    """Results of numbered users: even ones are light, odd ones heavy, every fiftieth is new."""
    rows = [
        {
            "user_id": f"u{number:04}",
            "metric": "recall",
            "categories": categories,
            "found": value(number),
            "of": 1.0,
            "activity": "heavy" if number % 2 else "light",
            "history": "known" if number % 50 else "new",
        }
        for number in range(users)
        for categories in ("all", "tail")
    ]
    said = Header(release, DAY, HOLDOUT, f"look at {release}", f"said by {release}", {"tags": 30}, {}, {})
    return UserResults(replace(said, **header), pa.Table.from_pylist(rows, SCHEMA))


def opening(release: str, number: int) -> Opening:
    return Opening(DAY, f"look at {release}", release, ("recall",), 200, "me", "", number, "2026-11-27T00:00:00Z")


def release_check(**changes: Any) -> ReleaseCheck:
    """A release that loads and belongs here."""
    found = ReleaseCheck(
        release="new",
        at="2026-11-27T00:00:00Z",
        day=DAY,
        loaded=True,
        problem="",
        made_for={name: HERE[name] for name in ("language model", "embedder", "prompts")},
        here=HERE,
        catalog_near=0.9,
        prompts=12,
        answered=12,
        load_seconds=20.0,
        answer_seconds=3.0,
        memory_gib=4.0,
    )
    return replace(found, **changes)


def case(new: ValueOf, old: ValueOf | None, users: int = 200, **changes: Any) -> Case:
    """A candidate called new against a champion called old, or none; all else is in order."""
    found = Case(
        release="new",
        champion_release=None if old is None else "old",
        candidate=results("new", new, users),
        champion=None if old is None else results("old", old, users),
        release_check=release_check(),
        here=HERE,
        standing=Standing("valid", "The judge passed.", "r1"),
        holdout=HOLDOUT,
        ledger=(opening("old", 1), opening("new", 2)),
    )
    return replace(found, **changes)


def old(number: int) -> float:
    """Recall of the champion: 0.3 to 0.5, in turn over users of both activities."""
    return 0.3 + 0.05 * (number // 2 % 5)


def wobble(number: int) -> float:
    """What tells two releases apart on single users and not on all: -0.1 to 0.1, its mean 0 within each activity."""
    return 0.05 * (number // 2 % 5 - 2)
