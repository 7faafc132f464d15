"""The days that there can be."""

from __future__ import annotations

from datetime import date

import pytest

from launcher.run import check_day
from runtime.errors import UsageError
from settings import Settings, SourceSettings


@pytest.mark.parametrize("day", ["2016-12-31", "2018-01-01"])
def test_a_day_that_the_log_cannot_have(day: str) -> None:
    with pytest.raises(UsageError, match=rf"{day} is not in it"):
        check_day(date.fromisoformat(day), Settings())


def test_a_live_log_has_no_last_day() -> None:
    check_day(date(2030, 1, 1), Settings(source=SourceSettings(last_day=None)))
