"""Self-perception: questions about an entity whose answers are derivable from its text (PAPER 1.2). Pure functions.

The paper lets a large model write them. A shop's texts are made of fields, so here they follow from the fields: what
is asked for stands in the text word for word, which is checked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PHRASINGS: Mapping[str, tuple[str, ...]] = {
    "department": (
        "Which department of the shop sells it?",
        "In which department is this product found?",
        "Name the department of this product.",
        "What department does it belong to?",
    ),
    "category": (
        "Which category is it in?",
        "What category of products does it belong to?",
        "Name the category of this product.",
        "Under which category is it listed?",
    ),
    "type": (
        "What kind of product is it?",
        "What is this product?",
        "Name the type of this product.",
        "What would a customer call this product?",
    ),
    "brand": (
        "Is its brand national or private?",
        "Which kind of brand does it have?",
        "Name the kind of its brand.",
        "What kind of brand makes it?",
    ),
    "size": (
        "What size is the package?",
        "How much is in one package?",
        "Name the size of this product.",
        "How large is it?",
    ),
}
PATH_SEPARATOR = " > "
_SIZE = re.compile(r"\.?\d[\d./ x-]*[a-z].*")
OPTIONS = 10


@dataclass(frozen=True)
class Described:
    """An entity's text with what the catalog says of it apart: category path, and brand where it has one."""

    entity_id: str
    text: str
    path: str
    brand: str | None


@dataclass(frozen=True)
class Question:
    """A question about an entity, with its answer."""

    entity_id: str
    text: str
    attribute: str
    question: str
    answer: str


def attributes_of(entity: Described) -> dict[str, str]:
    """What the entity's text says of it, by attribute."""
    levels = entity.path.split(PATH_SEPARATOR)
    # First and last level, and the one above the last when there is one between.
    named = {"department": levels[0], "type": levels[-1]}
    if len(levels) > 2:
        named["category"] = levels[-2]
    if entity.brand:
        named["brand"] = entity.brand.lower()
    before, _, last = entity.text.rpartition(", ")
    if before and _SIZE.fullmatch(last):
        named["size"] = last
    return {name: value for name, value in named.items() if value and _stands_in(entity.text, value)}


def _stands_in(text: str, value: str) -> bool:
    """Whether a text holds a value as whole words."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def ask(entity: Described, attribute: str, answer: str, chance: random.Random) -> Question:
    """One question, in one of its phrasings."""
    return Question(entity.entity_id, entity.text, attribute, chance.choice(PHRASINGS[attribute]), answer)


def questions_of(entity: Described, chance: random.Random) -> list[Question]:
    """A question for each attribute that the text tells."""
    return [ask(entity, name, answer, chance) for name, answer in attributes_of(entity).items()]


def options_of(question: Question, answers: Sequence[str], chance: random.Random) -> list[str]:
    """The right answer among others to the same question, sorted.

    Args:
        answers: of entities to this attribute.
    """
    others = sorted(set(answers) - {question.answer})
    picked = chance.sample(others, min(OPTIONS - 1, len(others)))
    return sorted([question.answer, *picked])
