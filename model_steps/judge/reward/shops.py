"""The shop as the reward model is shown it, with what counting expects, and a published day's intents as cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from lake.registry.days import read_day
from lake.store.location import Lake
from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.counting import Counting, told
from model_steps.judge.customers import read_catalog_facts
from model_steps.judge.day_inputs import read_buyers, read_cases
from model_steps.judge.features import Popularity
from model_steps.judge.shop import CatalogTexts, Shop, levels_of
from runtime.errors import SourceMissing
from schemas import intents


def shops_of(
    facts: CatalogFacts, cases: Sequence[Case], popularity: Mapping[str, Popularity], counting: Counting | None
) -> Callable[[str], Shop]:
    """The shop as it was known on a day.

    Args:
        cases: whose chances are counted. popularity: by day, of each that a case has.
        counting: of the judge; none: the prompt does not tell what it expects.
    """
    shop = _shop(facts)
    if counting is not None:
        shop = told(shop, counting.chances(cases, facts, popularity))
    return lambda day: replace(shop, buyers=popularity[day])


def read_popularity(lake: Lake, days: Iterable[str]) -> dict[str, Popularity]:
    """Share of a day's customers that bought from a category, by day; of a day without contexts nothing is known."""
    return {day: read_buyers(lake, day) for day in sorted(set(days))}


def read_intents(lake: Lake, embedder: str, day: str) -> list[Case]:
    """What a published day tells its customers to buy, as cases, by customer and rank.

    Raises:
        DataError: the day is not published. SourceMissing: it has no intents, or as ``day_inputs.read_cases``.
    """
    rows = read_day(lake, intents.TABLE, day).to_pylist()
    if not rows:
        raise SourceMissing(f"The day {day} in {lake.root} has no intents to score: name another day.")
    shop = _shop(read_catalog_facts(lake, embedder))
    return read_cases(lake, day, sorted(rows, key=lambda row: (row["user_id"], row["rank"])), shop)


def _shop(facts: CatalogFacts) -> Shop:
    """Without texts, which are shown to validity's evaluator alone."""
    paths = tuple(levels_of(path, label) for path, label in zip(facts.paths, facts.vectors.labels, strict=True))
    return Shop(facts.vectors, paths, CatalogTexts(()))
