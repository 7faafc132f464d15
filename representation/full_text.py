"""The uncompressed form that compression is measured against: one line an event (PAPER 1.1, 7.1)."""

from __future__ import annotations

from representation.context import Context
from representation.text import Texts


def event_line(period: str, action: str, text: str) -> str:
    return f"{period} {action}: {text}\n"


def render_history(context: Context, texts: Texts) -> str:
    """Every event on its own line, repeated as often as it happened."""
    return "".join(
        event_line(period.name, group.action, texts[entry.entity_id]) * entry.count
        for period in context.periods
        for group in period.actions
        for entry in group.entities
    )
