"""Cut a context until it fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from representation.context import Context, EntityCount, Period


def fit(context: Context, length: Callable[[Context], int], limit: int) -> tuple[Context, int]:
    """Cut a context until its length (tokens) is at most ``limit``; returns it with the number of periods dropped.

    The oldest periods go first. When the newest alone is too long, its last entities go (the rarest).
    """
    dropped = 0
    while length(context) > limit:
        shorter = context.without_oldest_period()
        if shorter is not None:
            context, dropped = shorter, dropped + 1
            continue
        entities = sum(len(group.entities) for period in context.periods for group in period.actions)
        if entities <= 1:
            break
        context = _with_first_entities(context, entities * 3 // 4)
    return context, dropped


def _with_first_entities(context: Context, keep: int) -> Context:
    left = keep
    periods = []
    for period in context.periods:
        groups = []
        for group in period.actions:
            kept: tuple[EntityCount, ...] = group.entities[:left]
            left -= len(kept)
            if kept:
                groups.append(type(group)(group.action, kept))
        if groups:
            periods.append(Period(period.name, tuple(groups)))
    return replace(context, periods=tuple(periods))
