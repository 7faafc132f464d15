"""A run's output as a table of parts."""

from __future__ import annotations

import pytest

from bench.parts import BETWEEN, FIXED, START, parts, side_by_side
from runtime.errors import DataError

TOLD = """Airflow is ready after 23 s.

  0:02  champion                     started
  0:11  champion                     done after 9.5 s
  0:30                               12 of 12 users, 0.0/s, 0 s left (90 tokens/s)
  0:40  infer.shard [shard 1 of 2]   done after 20.0 s
  0:41  infer.shard [shard 2 of 2]   done after 10.0 s

  infer.shard                  100.0 s  tags 20, seconds
                                       users 12.5, tags in pool 262

daily_refresh for 2017-11-01 took 1:10 min in all.
"""


def test_users_are_left_out() -> None:
    assert parts(TOLD) == {START: 23, "champion": 9.5, "infer.shard": 17.5, BETWEEN: 7.5, FIXED: 57.5}


def test_an_earlier_runs_users_are_not_this_ones() -> None:
    assert parts(TOLD.replace("users 12.5", "users 272"))[FIXED] == 70


def test_a_run_that_failed_has_no_parts() -> None:
    with pytest.raises(DataError, match="keep all of its output"):
        parts(TOLD.replace("took", "failed after"))


def test_medians_side_by_side() -> None:
    lines = side_by_side([{"embed": 10, FIXED: 20}, {"embed": 30, FIXED: 40}], [{FIXED: 15}])
    assert lines == [
        {"part": "embed", "before": 20, "after": 0},
        {"part": FIXED, "before": 30, "after": 15, "ratio": 0.5},
    ]
