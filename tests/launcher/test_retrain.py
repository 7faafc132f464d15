"""What ``make retrain`` asks for, and a retraining as a person reads it."""

from __future__ import annotations

from launcher.retrain import result_lines, run_conf

CANDIDATE = {"candidate": "experts-1", "beside": "experts-0", "new": True}


def test_what_a_run_is_asked_for() -> None:
    assert run_conf("tiny", 0, False) == {"preset": "tiny", "force": False}
    assert run_conf("small", 3, True) == {"preset": "small", "force": True, "days": 3}


def test_each_step_and_the_comparison_are_told() -> None:
    told = {
        "examples": {"reused": True},
        "experts": {"reused": False, "seconds": 61.4},
        "judge": {"reused": True},
        "reward": {"reused": True},
        "reinforce": {"reused": False, "seconds": 1234.0},
        "evaluate": {
            "users": 4,
            "day": "2017-08-23",
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
        "recall_at_30 of candidate: 0.250 (0.200 to 0.300)",
        "recall_at_30 of base: no user with an outcome",
        "  on 4 validation users of 2017-08-23; the holdout stays closed.",
        "",
        "Candidate experts-1 beside the champion experts-0",
    ]


def test_a_candidate_that_was_told_before_says_so() -> None:
    lines = result_lines({"candidate": {**CANDIDATE, "why": "It was told before."}})
    assert lines[-1] == "It was told before."
