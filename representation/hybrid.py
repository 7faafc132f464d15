"""The hybrid form (PAPER 1.2): each entity is one slot, everything else stays text."""

from __future__ import annotations

from dataclasses import dataclass

from representation.context import Context


@dataclass(frozen=True)
class Slot:
    """The place of one entity's vector in a prompt."""

    entity_id: str


def render_history(context: Context) -> tuple[str | Slot, ...]:
    """The behaviors by period and action, newest first: text segments and slots in the order of the prompt."""
    segments: list[str | Slot] = []
    for period in context.periods:
        for group in period.actions:
            segments.append(f"{chr(10) if segments else ''}{period.name} ({group.action}) |")
            segments.extend(Slot(entry.entity_id) for entry in group.entities)
    return tuple(segments)
