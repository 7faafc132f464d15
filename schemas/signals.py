"""signals: the environment of a day (PAPER 1.1: E), the same through a week so that prompts stay the same."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, BatchRule, Column, Table

KINDS = ("season", "holiday", "trend", "campaign", "weather")

TABLE = Table(
    name="signals",
    meaning="One line of environment: season, holiday, trend, campaign, weather.",
    columns=(
        DAY,
        Column("week", pa.string(), "Monday of the week the signal holds for."),
        Column("kind", pa.string(), f"One of {', '.join(KINDS)}."),
        Column("text", pa.string(), "The line as the model reads it."),
        Column("weight", pa.float64(), "Importance within the kind, e.g. a trend's lift; larger first."),
    ),
    key=("kind", "text"),
    partition_by=("day",),
    batch_rules=(BatchRule("seasons", minimum=1, maximum=1, why="Every day has exactly one season."),),
)
