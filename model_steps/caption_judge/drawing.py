"""Drawing customers and items whose captions are labelled, by a seed. Pure functions.

No pseudonym leaves the lake: a drawn customer gets a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from model_steps.caption_judge.splits import split_of
from model_steps.explaining.candidates import Tag
from representation.context import Context
from runtime.fingerprint import digest

# Interests that a judge sees, and that a file keeps of a customer.
MOST_INTERESTS = 12


@dataclass(frozen=True)
class DrawnCustomer:
    """A customer who was drawn.

    Args:
        name: instead of the pseudonym. tags: for which items are chosen.
    """

    name: str
    split: str
    context: Context
    tags: tuple[Tag, ...]


def drawn_users(users: Iterable[str], number: int, seed: int) -> list[str]:
    """So many users, the same for equal seeds whatever their order."""
    return sorted(set(users), key=lambda user: digest(["caption draw", seed, user]))[:number]


def named(number: int, day: str) -> str:
    """What a drawn customer of a day is called."""
    return f"customer-{day.replace('-', '')}-{number:03d}"


def customer_of(context: Context, name: str, shelves: Mapping[str, str], most: int, seed: int) -> DrawnCustomer:
    """A customer with tags for categories of the split that the name is of.

    Their own categories stand for tags, drawn so that captions are of many kinds of items; the shelf that a category
    stands on stands for the persona.

    Args:
        shelves: the level above each category of the catalog. most: tags.
    """
    split = split_of(name)
    own = [
        one.category for one in context.evidence or () if one.category in shelves and split_of(one.category) == split
    ]
    drawn = sorted(own, key=lambda category: digest(["caption tag", seed, name, category]))[:most]
    tags = tuple(Tag(rank, each, each, shelves[each]) for rank, each in enumerate(drawn, start=1))
    return DrawnCustomer(name, split, context, tags)


def interests_of(context: Context) -> tuple[str, ...]:
    """Categories of a customer's evidence and long-term interests, the most certain first."""
    own = [one.category for one in context.evidence or ()]
    return tuple(dict.fromkeys([*own, *(category for category, _ in context.interests)]))


def kept_interests(interests: Sequence[str], category: str) -> tuple[str, ...]:
    """The first ones, and a category among them where the customer has it."""
    first = tuple(interests[:MOST_INTERESTS])
    if category in interests and category not in first:
        first = (*first[:-1], category)
    return first
