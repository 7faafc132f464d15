"""What a persona rests on, in one form for both ways of asking. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model_steps.agents.evidence import CategoryFacts
from representation.evidence import CategoryEvidence


@dataclass(frozen=True)
class PersonaFact:
    """One category that a persona rests on.

    Args:
        label: as prompts show it.
        days: with a purchase; none where actions were counted. actions: none where days were.
        last: the newest day (YYYY-MM-DD), or the period of the newest action, which may be a month (YYYY-MM).
    """

    label: str
    days: int | None
    actions: int | None
    last: str


def of_written(facts: Iterable[CategoryFacts]) -> tuple[PersonaFact, ...]:
    """The facts that a written persona names."""
    return tuple(PersonaFact(fact.label, None, fact.count, fact.period) for fact in facts)


def of_ranked(evidence: Iterable[CategoryEvidence]) -> tuple[PersonaFact, ...]:
    """The evidence that a persona was parted by, the most certain first."""
    return tuple(PersonaFact(one.label, one.days, None, one.last_day) for one in evidence)
