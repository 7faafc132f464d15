"""What each step of the experts' training learns: personas, pools of the arbiter, and general answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from model_steps.engine.options import Options
from model_steps.training.experts.personas import PersonaExample, of_customers
from model_steps.training.experts.pools import Customer, draw_pool, popular
from model_steps.training.experts.pools import target_shares as pool_shares
from model_steps.training.experts.targets import target_shares
from model_steps.training.lora.batches import Batches
from model_steps.training.lora.loop import Written
from model_steps.training.lora.taught import Taught, packed, teach
from settings import ExpertsSettings


class ExpertsCourse:
    """What each step learns: a pure function of the seed and the step's number.

    Args:
        rows: examples in their order, which is gone through again when it ends.
        encode: a row as its prompt with outcomes.
        expected: what was expected of a row's evidence before anything came true, by label.
        general: written answers of the general share.
        options: the tag space.
        customers: whose pools teach the arbiter, in their order. ask: the arbiter's prompt about a customer's pool.
    """

    names: Sequence[str] = ("personas", "pools")

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        encode: Callable[[Mapping[str, Any]], PersonaExample],
        general: Sequence[Written],
        options: Options,
        settings: ExpertsSettings,
        customers: Sequence[Customer] = (),
        ask: Callable[[Customer, Sequence[str]], Sequence[int]] | None = None,
        expected: Callable[[Mapping[str, Any]], Mapping[str, float]] | None = None,
    ) -> None:
        self._customers_rows = of_customers(rows)
        self._encode, self._general, self._options = encode, general, options
        self._settings, self._customers, self._ask, self._expected = settings, customers, ask, expected
        self._popular = popular(customers)
        self._batches = Batches(self._customer, settings.batch, settings.seed)

    def parts(self, step: int) -> dict[str, list[Taught]]:
        """Personas and pools of a step."""
        return {"personas": self.personas(step), "pools": self.reviews(step)}

    def personas(self, step: int) -> list[Taught]:
        """The personas of a step."""
        return self._batches.of(step)

    def _customer(self, place: int, chance: random.Random) -> Taught:
        """All personas of a customer."""
        rows = self._customers_rows[place % len(self._customers_rows)]
        return packed([self._taught(row, chance) for row in rows])

    def _taught(self, row: Mapping[str, Any], chance: random.Random) -> Taught:
        one, settings = self._encode(row), self._settings
        expected = self._expected(row) if self._expected else {}
        shares = target_shares(one.outcomes, settings.target_size, chance, expected, settings.expected)
        return teach(one.prompt, shares, self._options)

    def reviews(self, step: int) -> list[Taught]:
        """The pools of a step; of those of which nothing came true, or of a single tag, there is nothing to learn."""
        settings = self._settings
        if self._ask is None:
            return []
        taught = []
        for place in range(step * settings.reviews, (step + 1) * settings.reviews):
            one = self._customers[place % len(self._customers)]
            chance = random.Random(f"{settings.seed}/review/{place}")
            pool = draw_pool(list(one.own), self._popular, settings.review_pool, chance)
            shares = pool_shares(pool, one.outcomes)
            if shares and len(pool) > 1:
                taught.append(teach(self._ask(one, pool), shares, self._options.among(pool)))
        return taught

    def written(self, step: int) -> list[Written]:
        """The general examples of a step: so many that their share of all examples is the mix's, on average."""
        mix = self._settings.mix
        if not self._general or not mix.general:
            return []
        chance = random.Random(f"{self._settings.seed}/general/{step}")
        wanted = sum(one.examples for one in self.personas(step)) * mix.general / mix.behavior
        number = int(wanted) + (chance.random() < wanted - int(wanted))
        return [chance.choice(self._general) for _ in range(number)]
