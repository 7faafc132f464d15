"""Progress in the log."""

from __future__ import annotations

import logging

import pytest

from runtime.progress import Progress


def test_progress_says_done_total_rate_and_time_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "intentflow")
    progress = Progress(2_000, "users", every_seconds=0)
    progress.advance(500, "shard 1")
    (line,) = caplog.messages
    assert line.startswith("500 of 2,000 users, ")
    assert line.endswith(" s left (shard 1)")
    assert "/s, " in line


def test_progress_is_quiet_between_two_lines_and_loud_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "intentflow")
    progress = Progress(100, "rows", every_seconds=3600)
    for _row in range(100):
        progress.advance()
    progress.done()
    (line,) = caplog.messages
    assert line.startswith("100 of 100 rows")
    assert line.endswith("0 s left")


@pytest.mark.parametrize(("total", "count"), [(10, 4), (0, 0)])
def test_the_end_is_said_even_when_not_all_was_done(caplog: pytest.LogCaptureFixture, total: int, count: int) -> None:
    caplog.set_level(logging.INFO, "intentflow")
    progress = Progress(total, "users", every_seconds=3600)
    progress.advance(count) if count else None
    progress.done("stopped")
    (line,) = caplog.messages
    assert line.startswith(f"{count} of {total} users")
    assert "(stopped)" in line
