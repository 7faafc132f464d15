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
from model_steps.training.lora.loop import Written
from model_steps.training.lora.taught import Taught, packed, teach
from settings import ExpertsSettings

# Batches whose examples are sorted by length together: so a batch's prompts are of like lengths, and little is filled.
BATCHES_SORTED = 16


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
        self._together: tuple[int, list[list[Taught]]] = (-1, [])

    def parts(self, step: int) -> dict[str, list[Taught]]:
        """Personas and pools of a step."""
        return {"personas": self.personas(step), "pools": self.reviews(step)}

    def personas(self, step: int) -> list[Taught]:
        """The personas of a step."""
        number, place = divmod(step, BATCHES_SORTED)
        if self._together[0] != number:
            self._together = (number, self._batches(number))
        return self._together[1][place]

    def _batches(self, number: int) -> list[list[Taught]]:
        settings = self._settings
        size = settings.batch * BATCHES_SORTED
        chance = random.Random(f"{settings.seed}/{number}")
        taught = [
            packed([self._taught(row, chance) for row in self._customers_rows[place % len(self._customers_rows)]])
            for place in range(number * size, (number + 1) * size)
        ]
        taught.sort(key=lambda each: len(each.tokens))
        batches = [taught[start : start + settings.batch] for start in range(0, size, settings.batch)]
        chance.shuffle(batches)
        return batches

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
