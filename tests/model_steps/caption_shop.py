"""A small shop for explanations: items of several trades, a day in autumn, users, and vectors by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from model_steps.explaining.candidates import Shelf, Tag
from model_steps.explaining.explainer import Customer, Shop
from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import Lexicon
from model_steps.explaining.rules import Said
from model_steps.explaining.surroundings import Surroundings
from representation.context import ActionGroup, CategoryDays, Context, EntityCount, Period
from settings import ExplanationsSettings

DAY = "2017-10-25"
SIGNALS = [
    {"kind": "season", "text": "autumn, week of 2017-10-23", "weight": 1.0},
    {"kind": "holiday", "text": "Halloween on 2017-10-31", "weight": 0.1},
    {"kind": "holiday", "text": "Veterans Day (observed) on 2017-11-10", "weight": 0.05},
    {"kind": "trend", "text": "more wanted than the week before: skis (9 times)", "weight": 9.0},
    {"kind": "weather", "text": "first frost", "weight": 1.0},
]
SURROUNDINGS = Surroundings.of(SIGNALS)


def item(number: str, text: str, path: str, brand: str | None = None) -> Item:
    return Item(number, f"e{number}", text, path.split(" > ")[-1], path, brand)


YOGURT = item("1", "plain yogurt, yogurt, grocery, private, 32 oz", "grocery > yogurt > plain yogurt", "Private")
CEREAL = item("2", "kids cereal, cold cereal, grocery, national, 14.5 oz", "grocery > cold cereal > kids cereal")
CARDIGAN = item("3", "Norda wool cardigan, crimson, with horn buttons", "clothing > knitwear > cardigans", "Norda")
SOCKS = item("4", "hiking socks merino 3 pk", "clothing > hosiery > socks")
MUFFINS = item("5", "english muffins & waffles 12 ct", "bakery > bread buns > english muffins & waffles")
ICE = item("6", "family tub vanilla ice cream 1.5 l", "grocery > frozen > ice cream", "Bella Vista")
TESTS = item("7", "pregnancy tests 2 ct", "drugstore > family planning > pregnancy tests")
COUPON = item("8", "coupon for plain yogurt", "grocery > yogurt > plain yogurt")
OTHER = item("9", "other, misc", "other > misc")
ITEMS = (YOGURT, CEREAL, CARDIGAN, SOCKS, MUFFINS, ICE)
LEXICON = Lexicon.of(
    [one.category_path for one in (*ITEMS, TESTS)], [one.brand for one in ITEMS if one.brand is not None]
)
SETTINGS = ExplanationsSettings()
USER = "a3f09c1be27d4f56"
ATTRIBUTES = (("age", "45-54"), ("city", "Vienna"), ("household", "2 adults no kids"), ("name", "Zofia Quell"))


def said(caption: str, about: Item = YOGURT, **changed: Any) -> Said:
    """A caption with all that rules look at, or with something changed."""
    others = {
        "user_id": USER,
        "attributes": ATTRIBUTES,
        "surroundings": SURROUNDINGS,
        "lexicon": LEXICON,
        "settings": SETTINGS,
    }
    return Said(caption, about, **{**others, **changed})


def context(user: str = USER, bought: Sequence[tuple[str, Item]] = (), known: Sequence[str] = ()) -> Context:
    """A user.

    Args:
        bought: a day or month, and an item. known: categories with evidence.
    """
    periods = tuple(Period(name, (ActionGroup("purchase", (EntityCount(one.entity_id, 1),)),)) for name, one in bought)
    evidence = tuple(CategoryDays(name, 3, "2017-10-02", None, rank) for rank, name in enumerate(known, start=1))
    return Context(user, periods, ATTRIBUTES, (("skis", 4), ("jam", 2)), evidence)


def vector(angle: float) -> Any:
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def shelf_of(items: Sequence[Item] = ITEMS) -> Shelf:
    return Shelf(items, lambda found: {one.entity_id: vector(0.1 * int(one.item_id)) for one in found})


def embed(texts: Sequence[str]) -> Any:
    return np.stack([vector(0.0)] * len(texts)) if texts else np.zeros((0, 2), np.float32)


def tokenizes(text: str) -> list[int]:
    """An answer's tokens: its bytes, and an end."""
    return [*text.encode(), 0]


def shop_of(items: Sequence[Item] = ITEMS) -> Shop:
    return Shop(DAY, shelf_of(items), LEXICON, SURROUNDINGS)


def customer(user: str = USER, items: Sequence[Item] = ITEMS, persona: str = "dairy expert", **known: Any) -> Customer:
    """A user with a tag for the category of each item."""
    tags = tuple(Tag(rank, one.category, one.category, persona) for rank, one in enumerate(items, start=1))
    return Customer(context(user, **known), tags)
