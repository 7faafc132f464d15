"""The saving of a shared beginning, by a clock that is set by hand and on a tiny model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.reward_sharing import GROUP, sharing_speedup
from model_steps.judge.reward.groups import Group
from model_steps.training.reward.model import Scored
from tests.model_steps.tiny_reward import fresh, write_model

GROUPS = [Group("a", "2017-08-23", (1, 2), ((3,), (4,))), Group("b", "2017-08-23", (5,), ((6,),))]


def test_the_ratio_is_of_the_same_group_and_both_ways_take_turns() -> None:
    now, order = [0.0], []
    # A slow minute in the second round falls on both ways.
    cost: Iterator[float] = iter([1, 1] * 4 + [10, 10] * 2 + [1, 1] * 2)

    def score(prompt: Any, candidates: Any, *, shared: bool) -> Scored:
        order.append(shared)
        now[0] += next(cost) * (1 if shared else 3)
        return Scored((0.5, 0.5) if shared else (0.5, 0.5 + 1e-5), 10, 25)

    model: Any = SimpleNamespace(score=score)
    found = sharing_speedup(model, GROUPS, rounds=3, clock=lambda: now[0])
    assert found == {"speedup": 3.0, "tokens": 2.5, "difference": pytest.approx(1e-5), "pairs": 6}
    firsts = order[::2]
    assert firsts.count(True) == firsts.count(False) == 4


def test_a_tiny_model_is_timed_in_both_ways(tmp_path: Path) -> None:
    reward = fresh(write_model(tmp_path))
    group = Group("a", "2017-08-23", tuple(range(2, 42)), tuple((one, 1) for one in range(2, 2 + GROUP)))
    found = sharing_speedup(reward, [group], rounds=1)
    # 40 and 8 ends behind 8 candidates of one token each, for each of 8 rows of 42.
    assert found["tokens"] == round(8 * 42 / (40 + 8 + 8), 3)
    assert found["difference"] < 1e-4
    assert found["pairs"] == 1
    assert found["speedup"] > 0
