"""A judged output with what was known of its customer at the end of the day: what every evaluator takes its part of."""

from __future__ import annotations

from dataclasses import dataclass

from representation.evidence import CategoryEvidence
from schemas.judge_labels import item_id

KIND = "tag"


@dataclass(frozen=True)
class Customer:
    """What was known of a customer at the end of a day, and nothing later.

    Args:
        day: last day of the history, as YYYY-MM-DD.
        evidence: all categories that the customer bought from within the history, the most certain first.
        season: season and holidays of the day's week, a line a kind.
    """

    user_id: str
    day: str
    attributes: tuple[tuple[str, str], ...]
    evidence: tuple[CategoryEvidence, ...]
    season: str


@dataclass(frozen=True)
class Case:
    """One tag that a customer was given.

    Args:
        item_id: ``schemas.judge_labels.item_id`` of it.
        text: the tag. category: that it names in the catalog; none where it names none.
        persona: the expert's name, as published. why: the reason, as published.
        release: that wrote it; empty for one that was built.
    """

    item_id: str
    customer: Customer
    text: str
    category: str | None
    persona: str
    why: str
    release: str


def tag_case(customer: Customer, text: str, category: str | None, persona: str, why: str, release: str = "") -> Case:
    """A tag that a customer was given, under the id that it has among judged outputs."""
    name = item_id(KIND, customer.day, customer.user_id, text, category, persona, why)
    return Case(name, customer, text, category, persona, why, release)
