"""The hybrid form (PAPER 1.2): each entity is one slot, everything else stays text.

In a prompt a slot is one character, which no text of a log can hold: cleaning removes private characters. Which
entity it stands for is told beside the text, in the order of the slots.
"""

from __future__ import annotations

from dataclasses import dataclass

from representation.context import Context
from representation.text import render_profile

SLOT = "\ue000"


@dataclass(frozen=True)
class Hybrid:
    """A text with slots, and the entities they stand for."""

    text: str
    entities: tuple[str, ...]

    def parts(self) -> list[str]:
        """The texts before, between and after the slots; neighbors have an empty one between them."""
        return self.text.split(SLOT)


def render_history(context: Context) -> Hybrid:
    """The behaviors by period and action, newest first."""
    lines, entities = [], []
    for period in context.periods:
        for group in period.actions:
            lines.append(f"{period.name} ({group.action}) |{SLOT * len(group.entities)}")
            entities += [entry.entity_id for entry in group.entities]
    return Hybrid("\n".join(lines), tuple(entities))


def render_hybrid(context: Context) -> Hybrid:
    """Profile and history."""
    history = render_history(context)
    return Hybrid("\n".join(part for part in (render_profile(context), history.text) if part), history.entities)
