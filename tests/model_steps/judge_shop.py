"""A shop of six categories for tests of the judge: a catalog, customers, and cases."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_steps.judge.case import Case, Customer, tag_case
from model_steps.judge.catalog_facts import CatalogFacts
from representation.catalog import CategoryVectors
from representation.evidence import CategoryEvidence

DAY = "2017-08-23"
# Category: path above it, and direction of its vector in degrees: within 60 of each other two are near.
SHOP = {
    "hand soap": ("care > bath products", 270),
    "red wine": ("grocery > wine", 140),
    "shrimp": ("seafood > frozen shellfish", 200),
    "white bread": ("grocery > bread buns & rolls", 80),
    "white milk": ("grocery > dairy", 0),
    "yogurt": ("grocery > dairy", 30),
}
NAMES = sorted(SHOP)
ITEMS = ("white milk, dairy, grocery, private, organic, 1 gal", "yogurt, dairy, grocery, national, greek")


def catalog() -> CategoryVectors:
    angles = [np.radians(SHOP[name][1]) for name in NAMES]
    parents = tuple(SHOP[name][0].rpartition(" > ")[2] for name in NAMES)
    vectors = np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)
    return CategoryVectors(tuple(NAMES), tuple(NAMES), parents, vectors)


def catalog_facts() -> CatalogFacts:
    paths = [f"{SHOP[name][0]} > {name}" for name in NAMES]
    return CatalogFacts.of(catalog(), paths, [*ITEMS, *paths])


def evidence(*rows: tuple[str, int, str, float | None]) -> tuple[CategoryEvidence, ...]:
    """Of category, days, last day and usual interval, the most certain first."""
    return tuple(CategoryEvidence(row[0], *row, rank) for rank, row in enumerate(rows, 1))


# White milk on 7 days, weekly; bread once, three weeks ago.
MILK_BUYER = evidence(("white milk", 7, "2017-08-22", 7.0), ("white bread", 1, "2017-08-01", None))


def customer(own: tuple[CategoryEvidence, ...] = MILK_BUYER, user: str = "user-1") -> Customer:
    return Customer(user, DAY, (), own, "season: summer")


def case(text: str, why: str = "", persona: str = "", **other: Any) -> Case:
    """A tag; it names the category that is called as it is, unless another one is given."""
    category = other.pop("category", text if text in SHOP else None)
    return tag_case(customer(**other), text, category, persona, why)
