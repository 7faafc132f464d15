"""The categories a user bought from, with the facts: what a persona can rest on. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_steps.agents.data_text import delimit
from representation.context import Context
from representation.evidence import groups as groups

MAXIMUM_CATEGORIES = 40
MAXIMUM_ITEMS = 3


@dataclass(frozen=True)
class Entity:
    """Text and category of an entity with the category above it; a query has none."""

    text: str
    category: str | None
    parent: str | None = None


@dataclass(frozen=True)
class CategoryFacts:
    """What a user did in one category.

    Args:
        label: the category as prompts show it. count: actions. period: the newest one (a day or a month).
        items: texts of the most frequent entities.
    """

    category: str
    label: str
    count: int
    period: str
    items: tuple[str, ...]

    @property
    def fact(self) -> str:
        """For example ``yogurt: 7 times, last 2017-10-31``."""
        return f"{self.label}: {self.count} {'time' if self.count == 1 else 'times'}, last {self.period}"

    @property
    def line(self) -> str:
        """The fact with the items, for the expert."""
        return f"- {self.fact} ({'; '.join(self.items)})"


def label_of(category: str, parent: str | None = None) -> str:
    """A category's name as it may stand inside a JSON string of a grammar: letters, digits and a few signs.

    A single word ("fresh", "other") says little, so the category above it is added.
    """
    if parent and len(category.split()) == 1 and parent != category:
        category = f"{category}, {parent}"
    kept = "".join(character if character.isalnum() or character in " &-/.,%" else " " for character in category)
    return " ".join(delimit(kept, 60).split())


def facts_of(context: Context, entities: Mapping[str, Entity], most: int = MAXIMUM_CATEGORIES) -> list[CategoryFacts]:
    """A user's categories, most frequent first (the newest first among equals), each under a label of its own."""
    counts: dict[str, int] = {}
    newest: dict[str, str] = {}
    parents: dict[str, str | None] = {}
    items: dict[str, dict[str, int]] = {}
    for period in context.periods:
        for group in period.actions:
            for entry in group.entities:
                entity = entities[entry.entity_id]
                if entity.category is None:
                    continue
                category = entity.category
                counts[category] = counts.get(category, 0) + entry.count
                newest.setdefault(category, period.name)
                parents.setdefault(category, entity.parent)
                texts = items.setdefault(category, {})
                texts[entity.text] = texts.get(entity.text, 0) + entry.count
    order = {category: number for number, category in enumerate(counts)}
    found: dict[str, CategoryFacts] = {}
    for category in sorted(counts, key=lambda name: (-counts[name], order[name])):
        label = label_of(category, parents[category])
        if len(label) < 3 or label in found:
            continue
        best = sorted(items[category], key=lambda text: (-items[category][text], text))[:MAXIMUM_ITEMS]
        found[label] = CategoryFacts(
            category, label, counts[category], newest[category], tuple(delimit(text, 60) for text in best)
        )
    return list(found.values())[:most]


def disjoint(chosen: Sequence[Sequence[str]], available: Sequence[str]) -> tuple[list[list[str]], int]:
    """Give each evidence to the first persona that named it; an empty persona gets the best that is left.

    Args:
        chosen: labels by persona. available: the user's labels, best first.

    Returns:
        The labels by persona, and how many personas had to be completed.
    """
    taken: set[str] = set()
    parted: list[list[str]] = []
    for labels in chosen:
        own = [label for label in dict.fromkeys(labels) if label in set(available) and label not in taken]
        taken.update(own)
        parted.append(own)
    completed = 0
    for own in parted:
        if not own:
            completed += 1
            left = next((label for label in available if label not in taken), None)
            if left is not None:
                own.append(left)
                taken.add(left)
    return parted, completed
