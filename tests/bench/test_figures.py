"""What benchmarks make of their measurements."""

from __future__ import annotations

import pytest

from bench import engine, refresh


def test_rates_are_compared_pair_by_pair() -> None:
    pairs = [
        engine.Pair(10.0, 9.5, 1_000, 10.0, 1_000),
        engine.Pair(20.0, 19.0, 1_000, 10.0, 1_000),
        engine.Pair(10.0, 9.0, 1_100, 10.0, 1_000),
    ]
    found = engine.summary(pairs)
    assert found["token_rate_ratio"] == 1.0
    assert found["spread"] == pytest.approx(0.6)
    assert (found["step_seconds"], found["vllm_seconds"], found["tokens"]) == (10.0, 10.0, 1_000)


def figures(**changes: float) -> dict[str, float]:
    return {
        "run.seconds": 100.0,
        "behaviors": 3_000.0,
        "land.stage.seconds": 10.0,
        "land.audit.seconds": 5.0,
        "compress.contexts.seconds": 20.0,
        "embed.seconds": 2.0,
        "infer.shard.seconds": 40.0,
        "infer.shard.seconds_users": 30.0,
        "infer.shard.users_in": 12.0,
        "infer.shard.model_calls": 15.0,
        "infer.shard.cached_answers": 45.0,
        **changes,
    }


def test_what_no_command_took_is_orchestration() -> None:
    day = refresh.of_day("2017-11-02", figures(), 2_300, 400)
    assert day["steps"] == {"land": 15.0, "compress": 20.0, "embed": 2.0, "infer": 40.0, "orchestration": 23.0}
    assert (day["cached_share"], day["model_calls"], day["changed_contexts"]) == (0.75, 15, 400)


def test_the_first_day_is_not_like_the_others() -> None:
    days = [
        refresh.of_day("2017-11-01", figures(**{"run.seconds": 900.0}), 2_300, 2_300),
        refresh.of_day("2017-11-02", figures(), 2_300, 400),
        refresh.of_day("2017-11-03", figures(**{"behaviors": 5_000.0}), 2_300, 500),
    ]
    found = refresh.summary(days)
    assert found["seconds_per_new_behavior"] == 200 / 8_000
    assert found["orchestration_share"] == 0.23
    assert found["seconds_a_day"] == 100.0
