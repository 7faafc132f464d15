"""V1's aggregated text (PAPER 7.1): ``Time1 (Action1, ...), Time2 (...) | Item1; Item2; ...``.

First behaviors are grouped by time and action, then items that share the same times and actions share a line.
"""

from __future__ import annotations

from collections.abc import Mapping

from representation.context import Context

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
