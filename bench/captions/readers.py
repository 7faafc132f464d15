"""Who gets a caption for which item: items of categories that several users buy from, and these users. Pure functions.

A lake of the log has no intents, so the categories that a user's experts would be shown stand for tags, and a persona
is the group that holds the category, called after the level above as the planner may call it. No model is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lake.registry.splits import drawn
from model_steps.explaining.candidates import Tag
from model_steps.explaining.explainer import Customer
from representation.catalog import CategoryVectors
from representation.context import Context
from runtime.errors import UsageError
from runtime.fingerprint import digest
from settings import ExamplesSettings


@dataclass(frozen=True)
class Audience:
    """A category, an item of which is shown to several users.

    Args:
        customers: each with one tag, the category's. fitting: how many of them bought from it; the others bought from
            the nearest ones.
    """

    category: str
    customers: tuple[Customer, ...]
    fitting: int


@dataclass(frozen=True)
class _Person:
    """A user with the persona that each category is in, of those that experts would be shown."""

    context: Context
    persona_of: Mapping[str, str]

    @classmethod
    def of(cls, context: Context, catalog: CategoryVectors, shape: ExamplesSettings) -> _Person:
        own = catalog.evidence_of([one for one in context.evidence or () if one.category in catalog.row_of])
        persona_of: dict[str, str] = {}
        taken: set[str] = set()
        for group in catalog.personas_of(own, shape.personas, shape.categories):
            names = [*catalog.fields_of(group), *(one.label for one in group)]
            name = next((name for name in names if name not in taken), names[0])
            taken.add(name)
            persona_of |= {one.category: f"{name} expert" for one in group}
        return cls(context, persona_of)

    def nearest(self, category: str, catalog: CategoryVectors) -> tuple[float, str]:
        """The cosine of the user's category that is nearest to another one, and its name."""
        own = sorted(self.persona_of)
        if not own:
            return -1.0, ""
        cosines = catalog.vectors[[catalog.row_of[name] for name in own]] @ catalog.vectors[catalog.row_of[category]]
        best = int(np.argmax(cosines))
        return round(float(cosines[best]), 4), own[best]


def audiences(
    people: Sequence[Context],
    catalog: CategoryVectors,
    sells: Callable[[Sequence[str]], Collection[str]],
    items: int,
    readers: int,
    shape: ExamplesSettings,
) -> list[Audience]:
    """So many categories with so many users each, the same for the same people.

    Categories that enough users buy from come first, by a stable draw; then those that most buy from. Of a category's
    users a stable draw is taken; where they are too few, those join whose own categories are nearest to it.

    Args:
        people: the users. catalog: of all categories. sells: which of some categories have an item that gets captions.
        items: wanted, one a category. readers: wanted for each.

    Raises:
        UsageError: there are too few users or categories.
    """
    if len(people) < readers:
        raise UsageError(
            f"{len(people)} users have a history, and {readers} are wanted for each item: lower --readers."
        )
    known = {context.user_id: _Person.of(context, catalog, shape) for context in people}
    fitting: dict[str, list[str]] = {}
    for user in sorted(known):
        for category in known[user].persona_of:
            fitting.setdefault(category, []).append(user)
    there = sells(sorted(fitting))
    turn = {category: digest(["captions", category]) for category in there}
    order = sorted(turn, key=lambda name: (-min(len(fitting[name]), readers), turn[name]))[:items]
    if len(order) < items:
        raise UsageError(
            f"The users buy from {len(order)} categories that get captions, and {items} are wanted: lower --items, or "
            "raise --users."
        )
    return [_audience(category, fitting[category], known, catalog, readers) for category in order]


def _audience(
    category: str, fitting: Sequence[str], known: Mapping[str, _Person], catalog: CategoryVectors, readers: int
) -> Audience:
    label = catalog.labels[catalog.row_of[category]]
    chosen = {user: known[user].persona_of[category] for user in drawn(fitting, readers, salt=f"{category}\0")}
    others = [(*known[user].nearest(category, catalog), user) for user in known if user not in set(fitting)]
    for _, own, user in sorted(others, key=lambda one: (-one[0], one[2]))[: readers - len(chosen)]:
        chosen[user] = known[user].persona_of.get(own, f"{label} expert")
    customers = [
        Customer(known[user].context, (Tag(1, label, category, persona),)) for user, persona in sorted(chosen.items())
    ]
    return Audience(category, tuple(customers), min(len(fitting), readers))


def chunks_of(groups: Sequence[Audience], size: int) -> list[list[Customer]]:
    """Pairs of a user and an item in the fixed groups that are written together, none with a user twice.

    So who was asked says of which item, whatever the prompt looks like.
    """
    chunks: list[list[Customer]] = []
    for group in groups:
        for customer in group.customers:
            user = customer.context.user_id
            free = (
                chunk for chunk in chunks if len(chunk) < size and user not in {one.context.user_id for one in chunk}
            )
            chunk = next(free, None)
            if chunk is None:
                chunks.append(chunk := [])
            chunk.append(customer)
    return chunks
