"""What the calendar says of a week."""

from __future__ import annotations

from datetime import date

import pytest

from representation.calendar_signals import HOLIDAY_DAYS, calendar_signals
from runtime.errors import ConfigurationError

CHRISTMAS_WEEKS = date(2017, 12, 18)


def test_a_week_has_its_season_and_the_holidays_ahead_nearest_first_in_weight() -> None:
    season, *ahead = calendar_signals(CHRISTMAS_WEEKS, "US")
    assert season == {"kind": "season", "text": "winter, week of 2017-12-18", "weight": 1.0}
    assert {"kind": "holiday", "text": "Christmas Day on 2017-12-25", "weight": 1 / 8} in ahead
    # The new year's holidays are of another year than the week.
    assert any("2018-01-01" in signal["text"] for signal in ahead)
    assert [signal["weight"] for signal in ahead] == sorted((signal["weight"] for signal in ahead), reverse=True)
    assert min(signal["weight"] for signal in ahead) > 1 / (1 + HOLIDAY_DAYS)


def test_a_country_that_nobody_knows_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="use an ISO country code such as US"):
        list(calendar_signals(CHRISTMAS_WEEKS, "XX"))
