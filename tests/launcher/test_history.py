"""The commands that run before Airflow does, and the days that there can be."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from commands.errors import Exit, UsageError
from launcher.history import StepFailed, check_day, run_step
from settings import AirflowSettings, Settings, SourceSettings


def test_a_failed_step_keeps_its_sentence_and_its_code(tmp_path: Path) -> None:
    settings = Settings(airflow=AirflowSettings(home=tmp_path))
    said: list[str] = []

    with pytest.raises(StepFailed, match=r"`python -m lake.publish` failed: .*batch") as error:
        run_step(
            "lake.publish", "--lake", str(tmp_path), "--batch", "no/such/batch", settings=settings, say=said.append
        )

    assert error.value.exit_code == Exit.NO_INPUT
    assert said  # what the command logged was shown


@pytest.mark.parametrize("day", ["2016-12-31", "2018-01-01"])
def test_a_day_that_the_log_cannot_have(day: str) -> None:
    with pytest.raises(UsageError, match=rf"{day} is not in it"):
        check_day(date.fromisoformat(day), Settings())


def test_a_live_log_has_no_last_day() -> None:
    check_day(date(2030, 1, 1), Settings(source=SourceSettings(last_day=None)))
