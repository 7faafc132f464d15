"""What ``make retrain`` asks for, and a retraining as a person reads it."""

from __future__ import annotations

from typing import Any

from launcher.retrain import result_lines, run_conf
from launcher.session import ensure_pools
from settings import AirflowSettings

CANDIDATE = {"candidate": "experts-1", "beside": "experts-0", "new": True}


def test_what_a_run_is_asked_for() -> None:
    assert run_conf("tiny", 0, False) == {"preset": "tiny", "force": False}
    assert run_conf("small", 3, True) == {"preset": "small", "force": True, "days": 3}


def test_each_step_and_the_comparison_are_told() -> None:
    told: dict[str, dict[str, Any]] = {
        "examples": {"reused": True},
        "experts": {"reused": False, "seconds": 61.4},
        "judge": {"reused": True},
        "reward": {"reused": True},
        "reinforce": {"reused": False, "seconds": 1234.0},
        "captions": {"reused": True},
        "reinforce_captions": {"reused": False, "seconds": 71.0},
        "evaluate": {
            "users": 4,
            "days": ["2017-08-09", "2017-08-23"],
            "recall_at_30": {
                "candidate": {"value": 0.25, "low": 0.2, "high": 0.3},
                "base": {"value": None, "low": None, "high": None},
            },
        },
        "candidate": CANDIDATE,
    }
    assert result_lines(told) == [
        "examples          there already",
        "entity adaptor    the champion's",
        "experts (SFT)     made in 61 s",
        "judge             there already",
        "reward model      there already",
        "experts (GRPO)    made in 1,234 s",
        "captions (SFT)    there already",
        "captions (GRPO)   made in 71 s",
        "recall_at_30 of candidate: 0.250 (0.200 to 0.300)",
        "recall_at_30 of base: no user with an outcome",
        "  on 4 validation users as of 2017-08-09, 2017-08-23; the holdout stays closed.",
        "",
        "Candidate experts-1 beside the champion experts-0",
    ]


def test_a_candidate_that_was_told_before_says_so() -> None:
    lines = result_lines({"candidate": {**CANDIDATE, "why": "It was told before."}})
    assert lines[-1] == "It was told before."


def test_machines_with_gpus_have_a_pool_of_their_own() -> None:
    made: list[tuple[str, int]] = []

    class Pools:
        def ensure_pool(self, name: str, slots: int) -> None:
            made.append((name, slots))

    pools: Any = Pools()
    ensure_pools(pools, AirflowSettings())
    assert made == [("heavy", 1)]
    made.clear()
    ensure_pools(pools, AirflowSettings(gpu_pool="gpu", gpu_slots=8))
    assert made == [("heavy", 1), ("gpu", 8)]
    made.clear()
    # The same pool twice would take the last one's size.
    ensure_pools(pools, AirflowSettings(gpu_pool="heavy", heavy_slots=2))
    assert made == [("heavy", 2)]
