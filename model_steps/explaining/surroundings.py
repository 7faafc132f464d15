"""What the day's signals say to a caption: season, holidays and weather; and nothing that names a product."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model_steps.agents.data_text import delimit
from model_steps.explaining.lexicon import declared

# Trends and campaigns name products: a caption of another one must not speak of them.
SHOWN = ("season", "holiday", "weather")
_DATE = re.compile(r"\s+on \d{4}-\d{2}-\d{2}$")
_HOLIDAY = re.compile(r"[A-Z][A-Za-z']*(?: [A-Za-z][A-Za-z']*){0,3}")
NO_SEASON = "any time"


@dataclass(frozen=True)
class Surroundings:
    """The environment of a day (PAPER 1.5: S).

    Args:
        lines: as prompts show them. season: none where the signals have none. holidays: the nearest first.
    """

    lines: str
    season: str | None
    holidays: tuple[str, ...]

    @property
    def seasons(self) -> tuple[str, ...]:
        """What a style may say of the season: the one there is, the holidays near, or that it does not matter."""
        return (*([self.season] if self.season else []), *self.holidays, NO_SEASON)

    @classmethod
    def of(cls, signals: Sequence[Mapping[str, Any]]) -> Surroundings:
        """Read a day's rows of ``signals``."""
        rows = sorted(signals, key=lambda row: (-row["weight"], row["text"]))
        texts = {kind: [delimit(row["text"]) for row in rows if row["kind"] == kind] for kind in SHOWN}
        lines = [f"{kind}: {'; '.join(found)}" for kind, found in texts.items() if found]
        seasons = [text.split(",")[0].strip().lower() for text in texts["season"]]
        holidays = [_DATE.sub("", text).split(" (")[0].replace("\u2019", "'") for text in texts["holiday"]]
        return cls(
            lines="\n".join(lines),
            season=next((season for season in seasons if season in declared().seasons), None),
            holidays=tuple(dict.fromkeys(name for name in holidays if _HOLIDAY.fullmatch(name))),
        )
