"""V1's aggregated text (PAPER 7.1): ``Time1 (Action1, ...), Time2 (...) | Item1; Item2; ...``.

First behaviors are grouped by time and action, then items that share the same times and actions share a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from representation.context import Context, EntityCount, Period

Texts = Mapping[str, str]
Signature = tuple[tuple[str, tuple[str, ...]], ...]


def render_history(context: Context, texts: Texts) -> str:
    """The behaviors as aggregated text, newest first; ``texts`` gives each entity's text."""
    occurrences: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    counts: dict[str, int] = {}
    for period in context.periods:
        actions: dict[str, list[str]] = {}
        for group in period.actions:
            for entry in group.entities:
                actions.setdefault(entry.entity_id, []).append(group.action)
                counts[entry.entity_id] = counts.get(entry.entity_id, 0) + entry.count
        for entity, done in actions.items():
            occurrences.setdefault(entity, []).append((period.name, tuple(done)))
    lines: dict[Signature, list[str]] = {}
    for entity, times in occurrences.items():
        lines.setdefault(tuple(times), []).append(entity)
    return "\n".join(
        f"{_times(signature)} | {'; '.join(_item(entity, counts[entity], texts) for entity in entities)}"
        for signature, entities in lines.items()
    )


def _times(signature: Signature) -> str:
    return ", ".join(f"{time} ({', '.join(actions)})" for time, actions in signature)


def _item(entity: str, count: int, texts: Texts) -> str:
    return f"{texts[entity]} x{count}" if count > 1 else texts[entity]


def render_profile(context: Context) -> str:
    """Attributes and long-term interests as two lines; a line without content is left out."""
    lines = []
    if context.attributes:
        lines.append("profile: " + ", ".join(f"{name} {value}" for name, value in context.attributes))
    if context.interests:
        lines.append("long-term interests: " + ", ".join(category for category, _ in context.interests))
    return "\n".join(lines)


def render_text(context: Context, texts: Texts) -> str:
    """Profile and history as text."""
    return "\n".join(part for part in (render_profile(context), render_history(context, texts)) if part)


def fit_text(context: Context, texts: Texts, count_tokens: Callable[[str], int], limit: int) -> tuple[Context, int]:
    """Cut a context until its text has at most ``limit`` tokens; returns it with the number of periods dropped.

    The oldest periods go first. When the newest alone is too long, its last entities go (the rarest).
    """
    dropped = 0
    while count_tokens(render_text(context, texts)) > limit:
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
    return type(context)(context.user_id, tuple(periods), context.attributes, context.interests)
