"""Relevance, factuality and informativeness by code: what a caption says of its item and of its customer.

Of each dimension ``numbers`` are what a regression learns from, and ``rule`` is the finding by code alone. Pure
functions.
"""

from __future__ import annotations

from functools import lru_cache

from model_steps.caption_judge.dimensions import NEGATIVE, NEUTRAL, POSITIVE
from model_steps.caption_judge.looked import Looked, lists
from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import declared, stems

RELEVANCE = ("named_share", "names_nothing", "fits", "habit_is_false", "other_words", "task_words")
FACTUALITY = (
    "invented_words", "invented_numbers", "unknown_names", "effects", "banned", "other_share", "told",
    "invented_attributes",
)  # fmt: skip
INFORMATIVENESS = ("named_share", "beyond_name", "says_size", "says_brand", "vague", "words")

_KNOWN_SHARE = 0.5


def fits(looked: Looked) -> float:
    """How well an item fits its customer's interests, 0 to 1: 1 where its category is one, else the share of its
    name's words that the most alike one has."""
    item, interests = looked.case.item, looked.case.reader.interests
    if item.category in interests:
        return 1.0
    return max((len(looked.name & stems(one)) / len(looked.name) for one in interests), default=0.0)


@lru_cache(maxsize=8192)
def telling(name: str) -> frozenset[str]:
    """Stems of a category's name without words that hold together."""
    return stems(name) - declared().plain


def name_words(item: Item) -> frozenset[str]:
    """Telling stems of what an item is called."""
    return telling(item.what or item.category) | telling(item.category)


def habit_is_false(looked: Looked) -> bool:
    """Whether it takes a customer for one who knows such things and is new to them, or the other way."""
    habit = lists()["habit"]
    return bool(looked.says(habit["new"] if looked.case.reader.is_regular else habit["known"]))


def relevance_numbers(looked: Looked) -> tuple[float, ...]:
    return (
        len(looked.name & looked.stems) / len(looked.name),
        looked.broke("names_nothing"),
        fits(looked),
        float(habit_is_false(looked)),
        float(len(looked.invented)),
        looked.broke("task_words"),
    )


def relevance_rule(looked: Looked) -> str:
    share = len(looked.name & looked.stems) / len(looked.name)
    if not looked.told or habit_is_false(looked) or not fits(looked):
        return NEGATIVE
    return POSITIVE if share >= _KNOWN_SHARE else NEUTRAL


def _names_stranger(looked: Looked) -> bool:
    """Whether it has a name that is not the item's; holidays are another dimension's."""
    return bool(looked.broke("unknown_name")) and not looked.says(declared().holidays)


def factuality_numbers(looked: Looked) -> tuple[float, ...]:
    telling = looked.stems - declared().plain
    attributes = frozenset[str]().union(*declared().attributes.values())
    numbers = [word for word in looked.words if word[0].isdigit() and word not in looked.case.item.numbers]
    return (
        float(len(looked.invented)),
        float(len(numbers)),
        float(_names_stranger(looked)),
        float(looked.count(lists()["effect"]["words"])),
        looked.broke("banned_words"),
        len(telling - looked.case.item.own) / max(len(telling), 1),
        float(bool(looked.told)),
        # What is invented is said of the item where the item is named; else nobody knows of what. A color or a size is
        # an attribute; a table in the catalog may only be where the item stands.
        float(bool(looked.told) and len(looked.invented & attributes) + len(numbers)),
    )


def factuality_rule(looked: Looked) -> str:
    wrong = looked.broke("invented_number", "banned_words") or _names_stranger(looked)
    if wrong or looked.invented or looked.count(lists()["effect"]["words"]):
        return NEGATIVE
    return POSITIVE if looked.told else NEUTRAL


def informativeness_numbers(looked: Looked) -> tuple[float, ...]:
    item = looked.case.item
    return (
        len(looked.name & looked.stems) / len(looked.name),
        float(len(looked.told - looked.name)),
        float(any(looked.said.says(size) for size in item.sizes)),
        float(item.maker is not None and looked.said.says(item.maker)),
        float(looked.count(lists()["vague"]["words"])),
        float(len(looked.words)),
    )


def informativeness_rule(looked: Looked) -> str:
    if not looked.told:
        return NEGATIVE
    return POSITIVE if looked.told - looked.name else NEUTRAL
