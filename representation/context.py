"""A user's context, as the ``contexts`` table holds it, in a form that prompts are rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class EntityCount:
    """An entity and how often it was acted on."""

    entity_id: str
    count: int


@dataclass(frozen=True)
class ActionGroup:
    """The entities of one action, most frequent first."""

    action: str
    entities: tuple[EntityCount, ...]


@dataclass(frozen=True)
class Period:
    """A day (YYYY-MM-DD) or a month (YYYY-MM) with its actions."""

    name: str
    actions: tuple[ActionGroup, ...]


@dataclass(frozen=True)
class CategoryDays:
    """On which days a user bought from a category; ``representation.evidence.CategoryEvidence`` explains each."""

    category: str
    days: int
    last_day: str
    usual_interval: float | None
    rank: int


@dataclass(frozen=True)
class Context:
    """C without the environment: behaviors by period, attributes and long-term interests (PAPER 1.1).

    Args:
        evidence: what experts may be shown, the most certain category first; none where the context was made before
            evidence was kept.
    """

    user_id: str
    periods: tuple[Period, ...]
    attributes: tuple[tuple[str, str], ...]
    interests: tuple[tuple[str, int], ...]
    evidence: tuple[CategoryDays, ...] | None = None

    def without_oldest_period(self) -> Context | None:
        """The context without its oldest period, or None when only one is left."""
        return replace(self, periods=self.periods[:-1]) if len(self.periods) > 1 else None


def from_row(row: Mapping[str, Any]) -> Context:
    """A context from a row of the ``contexts`` table."""
    return Context(
        user_id=row["user_id"],
        periods=tuple(
            Period(
                period["period"],
                tuple(
                    ActionGroup(
                        group["action"],
                        tuple(EntityCount(entry["entity_id"], entry["count"]) for entry in group["entities"]),
                    )
                    for group in period["actions"]
                ),
            )
            for period in row["periods"]
        ),
        attributes=tuple((pair["name"], pair["value"]) for pair in row["attributes"]),
        interests=tuple((pair["category"], pair["count"]) for pair in row["interests"]),
        evidence=None if row.get("evidence") is None else tuple(CategoryDays(**one) for one in row["evidence"]),
    )
