"""Full text: one line an event, as a history is before anything compresses it (PAPER 1.2's first length)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One action of a user on an entity, on a day."""

    day: str
    action: str
    entity_id: str


def render_events(events: Sequence[Event], texts: Mapping[str, str]) -> str:
    """``2017-10-03 purchase: <text>`` for each event, newest first; ``texts`` gives each entity's text."""
    return "\n".join(f"{event.day} {event.action}: {texts[event.entity_id]}" for event in events)
