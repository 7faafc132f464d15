"""Good outputs of made-up customers in shops of several languages, made by the agents' own code. For tests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from examples.second_shop.generate import CATALOG
from model_steps.agents import ranked_planner
from model_steps.agents.ranked_reasons import Reasons
from model_steps.judge.case import Case, Customer
from model_steps.judge.vocabulary import Vocabulary
from representation.catalog import CategoryVectors
from representation.cleaning import normalize_text
from representation.context import CategoryDays
from schemas.judge_labels import item_id

DAY = "2017-08-23"
# Paths as shops write them. The grocer's are real labels of the demo's log, with what is odd about them.
PATHS: dict[str, tuple[str, ...]] = {
    "grocer": (
        "dairy > yogurt > single yogurt", "dairy > milk > white milk", "dairy > cultured dairy > kefir",
        "grocery > shelf-stable juice > high-juice blended juice", "pastry > bread > tortillas & pita bread",
        "grocery > soft drinks > soft drink can 24 packs", "deli > deli cheese > chopped celery & celery sticks",
        "natural foods > natural frozen foods > other", "produce > berries > fresh",
        "grocery > teas > tea bags & bulk tea",
        "drugstore > hardware supplies > do-it-yourself electrical supplies",
        "drugstore > bookstore > paperback best sellers",
        "apparel > hosiery & socks > men's basic sport socks",
        "drugstore > first aid products > over-the-counter drugs",
        "grocery > condiments > ketchup mustard & barbecue sauce", "meat > turkey > bone-in turkey breast",
        "liquor > other wine > large low-proof ready-to-drink cocktails", "grocery > ice > ice",
        "drugstore > fragrances > parfums de coeur fragrances", "coupons > store coupons > store coupons",
    ),
    "outdoor": tuple(f"{department} > {name}" for department, name in CATALOG),
    "accents": (
        "épicerie > crème brûlée", "épicerie > pâté de campagne", "milch > Käse", "milch > Weißkäse, 45 % Fett",
        "getränke > 100 % juice", "süßes > M&M's", "getränke > 2 liter", "getränke > jalapeño limeade",
        "brot > Bäckerei-Brötchen", "getränke > 7UP", "süßes > Ben & Jerry's", "milch > 1.5 % milk", "fleisch > fresh",
    ),
    "russian": (
        "молочные продукты > сыр", "молочные продукты > йогурт питьевой", "хлеб > булочки с маком",
        "напитки > сок 100 %", "напитки > чай чёрный", "дом > мыло", "мясо > свежее мясо", "мясо > колбаса варёная",
        "овощи > картофель", "фрукты > яблоки", "дом > порошок стиральный", "корма > корм для кошек",
    ),
    "japanese": (
        "飲料 > コーヒー豆", "飲料 > 緑茶", "食品 > 味噌", "食品 > インスタントラーメン", "食品 > 豆腐",
        "菓子 > せんべい", "菓子 > チョコレート", "日用品 > トイレットペーパー", "酒 > 日本酒", "果物 > りんご",
    ),
    "flat": ("because", "on one day", "bought before", "goods", "daily bread", "last week s papers"),
}  # fmt: skip


def catalog_of(paths: Sequence[str]) -> CategoryVectors:
    """A catalog with random vectors, always the same."""
    rows = []
    for path in paths:
        *above, name = path.split(" > ")
        text = normalize_text(f"{name}, {above[-1]}" if above else name, 200)
        rows.append({"entity_id": path, "text": text, "category": name, "category_path": path if above else None})
    vectors = np.random.default_rng(0).normal(size=(len(rows), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return CategoryVectors.of(rows, dict(zip(paths, vectors, strict=True)))


def vocabulary_of(catalog: CategoryVectors, texts: Sequence[str] = ()) -> Vocabulary:
    return Vocabulary.of([*catalog.labels, *catalog.parents], texts)


def outputs(catalog: CategoryVectors, customers: int, seed: int = 0) -> list[Case]:
    """Each customer's tags with persona and reason as published, some bought before and some not."""
    return [
        case
        for number in range(customers)
        for case in _of_customer(catalog, f"u{number}", random.Random(f"{seed}:{number}"))
    ]


def _of_customer(catalog: CategoryVectors, user_id: str, chance: random.Random) -> list[Case]:
    names = chance.sample(catalog.names, min(6, len(catalog.names)))
    evidence = catalog.evidence_of([_bought(name, rank, chance) for rank, name in enumerate(names, 1)])
    groups = catalog.personas_of(evidence, 3, 4)
    named: list[ranked_planner.Naming] = []
    for group in groups:
        namings = ranked_planner.namings(catalog.below(catalog.fields_of(group), group), DAY)
        ranking = chance.sample(list(namings), len(namings))
        named.append(ranked_planner.choose(ranking, namings, group, {naming.field for naming in named}))
    customer = Customer(user_id, DAY, (("city", "Graz"),), tuple(evidence), "season: summer")
    reasons = Reasons(catalog, evidence, DAY)
    cases = []
    for name in chance.sample(catalog.names, min(4, len(catalog.names))):
        expert, tag = chance.randrange(len(groups)), catalog.labels[catalog.row_of[name]]
        why = reasons.why(named[expert].need, name, groups[expert])[:300]
        known = item_id("tag", DAY, user_id, tag, name)
        cases.append(Case(known, customer, tag, name, f"{named[expert].field} expert", why, ""))
    return cases


def _bought(name: str, rank: int, chance: random.Random) -> CategoryDays:
    days = chance.choice((1, 1, 2, 3, 7, 140))
    last = date.fromisoformat(DAY) - timedelta(days=chance.randrange(150))
    usual = None if days < 3 else chance.choice((1.0, 3.5, 7.0, 14.0, 40.0, 90.0))
    return CategoryDays(name, days, last.isoformat(), usual, rank)
