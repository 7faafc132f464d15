"""What the calendar alone says of a week: its season and the holidays near it (PAPER 1.1: E).

A day long past has them too, whatever was landed since: so training examples carry what the day itself would have said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import holidays

from representation.calendar import monday
from runtime.errors import ConfigurationError

HOLIDAY_DAYS = 21
SEASONS = ("winter", "spring", "summer", "autumn")

# One line of ``schemas.signals``: kind, text, weight.
Signal = dict[str, Any]


def calendar_signals(week: date, country: str) -> Iterator[Signal]:
    """The season (northern hemisphere) and the holidays that begin within three weeks of the week's Monday.

    Raises:
        ConfigurationError: the country is unknown.
    """
    yield {"kind": "season", "text": f"{SEASONS[week.month % 12 // 3]}, week of {week}", "weight": 1.0}
    try:
        kinds = holidays.country_holidays(country).supported_categories
        wanted = tuple(kind for kind in ("public", "unofficial") if kind in kinds)
        found = holidays.country_holidays(
            country, years=[week.year, week.year + 1], categories=wanted, language="en_US"
        )
    except NotImplementedError:
        raise ConfigurationError(
            f"No holidays are known for {country!r} (INTENTFLOW_SOURCE__COUNTRY): use an ISO country code such as US."
        ) from None
    for day, name in sorted(found.items()):
        distance = (day - week).days
        if 0 <= distance < HOLIDAY_DAYS:
            yield {"kind": "holiday", "text": f"{name} on {day}", "weight": 1.0 / (1 + distance)}


def season_text(day: str, country: str) -> str:
    """Season and holidays as of the Monday of a day's week, a line a kind."""
    texts: dict[str, list[str]] = {}
    for signal in calendar_signals(monday(date.fromisoformat(day)), country):
        texts.setdefault(signal["kind"], []).append(signal["text"])
    return "\n".join(f"{kind}: {'; '.join(found)}" for kind, found in texts.items())
