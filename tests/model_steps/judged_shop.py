"""A small shop with two customers and their tags, and a stand-in for the engine that ranks what it is told to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from model_steps.agents.words import Categories
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.judge.case import Case, Customer
from model_steps.judge.day_inputs import shop_of
from model_steps.judge.evaluators import Asking
from model_steps.judge.shop import CatalogTexts, Shop
from representation.evidence import CategoryEvidence
from schemas.judge_labels import item_id
from settings import JudgeSettings

DAY = "2017-11-01"
PLACES = {"milk": 0, "cheese": 20, "butter": 30, "soap": 90, "beer": 200}
PATHS = {
    "milk": "grocery > dairy > milk",
    "cheese": "grocery > dairy > cheese",
    "butter": "grocery > dairy > butter",
    "soap": "drugstore > care > soap",
    "beer": "grocery > drinks > beer",
}
NAMES = tuple(sorted(PLACES))
CATEGORIES = Categories(
    NAMES,
    NAMES,
    np.array([[math.cos(math.radians(PLACES[n])), math.sin(math.radians(PLACES[n]))] for n in NAMES], np.float32),
    tuple(PATHS[name] for name in NAMES),
)
TEXTS = CatalogTexts(["oat milk, dairy, 1 gal", "milk, dairy", "hard cheese, dairy", "root beer, drinks", "soap, care"])
SHOP: Shop = shop_of(CATEGORIES, TEXTS, {"milk": 0.62, "butter": 0.004, "soap": 0.13})

MILK = CategoryEvidence("milk", "milk", 8, "2017-10-30", 7.0, 1)
SOAP = CategoryEvidence("soap", "soap", 3, "2017-09-13", 14.0, 2)
CHEESE = CategoryEvidence("cheese", "cheese", 2, "2017-10-25", None, 3)
ANN = Customer("ann", DAY, (("age", "35"), ("income", "50k")), (MILK, SOAP, CHEESE), "season: autumn\nholiday: none")
BOB = Customer("bob", DAY, (), (SOAP,), "season: autumn")


def case(text: str, customer: Customer = ANN, category: str | None = "", **facts: str) -> Case:
    """A tag given to a customer; its category is called like it unless another or none is named."""
    own = text if category == "" else category
    told = {"persona": "dairy expert", "why": "Bought before: milk on 8 days.", "release": "experts-1", **facts}
    return Case(item_id("tag", DAY, customer.user_id, text, own), customer, text, own, **told)


def asking(shop: Shop = SHOP, **settings: Any) -> Asking:
    """Evaluators whose prompts are plain text and whose tokens are letters; words are counted."""
    return Asking(
        shop,
        JudgeSettings(**{"nearest": 3, "rules": (), **settings}),
        lambda system, user: f"{system}\n{user}",
        count,
        letters,
    )


def letters(text: str) -> list[int]:
    return [*map(ord, text), 0]


def count(text: str) -> int:
    return len(text.split())


def ranked(shares: Mapping[str, float]) -> Answer:
    """The engine's answer to a ranking, from probabilities."""
    return Answer(ranking.write([(label, math.log(share)) for label, share in shares.items()]), 1, 0, 1)


class Answers:
    """Answers rankings with the shares that it is told to give, and writes the same sentence always.

    Args:
        shares: of a request's options.
    """

    def __init__(self, shares: Callable[[Request], Mapping[str, float]], written: str = "") -> None:
        self._shares, self._written = shares, written
        self.asked: list[Request] = []

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        self.asked += requests
        return [
            ranked(self._shares(request)) if request.options else Answer(self._written, 1, 0, 1) for request in requests
        ]


def sure(label: str, share: float = 0.8) -> dict[str, float]:
    """Most for one label, the rest for the other two."""
    others = {"negative", "neutral", "positive"} - {label}
    return {label: share, **dict.fromkeys(sorted(others), (1 - share) / 2)}
