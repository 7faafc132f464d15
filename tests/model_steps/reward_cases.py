"""Cases of a small shop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model_steps.judge.case import Case, Customer
from representation.evidence import CategoryEvidence
from schemas.judge_labels import item_id

DAY = "2017-08-23"


def customer_of(user: str, bought: Sequence[str], **others: Any) -> Customer:
    """A customer who bought these, the first on most days."""
    evidence = tuple(
        CategoryEvidence(name, name, len(bought) - number, "2017-08-20", 7.0 if number == 0 else None, number + 1)
        for number, name in enumerate(bought)
    )
    given: dict[str, Any] = {"attributes": (("age", "35-44"),), "season": "season: summer", **others}
    return Customer(user, DAY, evidence=evidence, **given)


def case_of(customer: Customer, text: str, **others: Any) -> Case:
    """A tag given to a customer."""
    given: dict[str, Any] = {
        "category": text,
        "persona": "groceries",
        "why": f"{text} is bought weekly",
        "release": "",
        **others,
    }
    known = item_id("tag", customer.day, customer.user_id, text, given["category"])
    return Case(known, customer, text, **given)
