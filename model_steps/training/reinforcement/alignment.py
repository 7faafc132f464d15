"""What the judge's reward model says of an expert's tags (PAPER 2.4): each tag as a case, in the words it would have.

It is the expensive reward: a prompt of its own a tag. So a persona's tags are scored together behind what their prompts
share, and each pair of persona and tag once in a training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.engine.chat import Chat
from model_steps.judge.case import Case, Customer, tag_case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.counting import Counting
from model_steps.judge.customers import People, read_people
from model_steps.judge.own_reasons import OwnReasons
from model_steps.judge.reward.groups import encoder, grouped, log_odds
from model_steps.judge.reward.measured import Scorer
from model_steps.judge.reward.shops import shops_of
from model_steps.training.experts.personas import PersonaExample
from model_steps.training.reinforcement.examples import Key
from settings import JudgeSettings, Settings


class Alignment:
    """Scores of tags by a reward model, kept by persona and tag.

    Args:
        scorer: the reward model. counting: of its judge, whose chances its prompts tell.
        chat: the language model's template. facts: of the catalog.
        people: the customers by day, as its judge was shown them.
        reading: how it learnt to read.
        settings: how personas are parted and how long a reason is.
    """

    def __init__(
        self,
        scorer: Scorer,
        counting: Counting | None,
        chat: Chat,
        facts: CatalogFacts,
        people: Mapping[str, People],
        reading: JudgeSettings,
        settings: Settings,
    ) -> None:
        self._scorer, self._counting, self._chat, self._facts = scorer, counting, chat, facts
        self._people, self._reading, self._settings = people, reading, settings
        self._popularity = {day: one.popularity for day, one in people.items()}
        self._kept: dict[tuple[Key, str], float | None] = {}
        self.asked = 0
        self.tokens = 0

    def scores(self, persona: PersonaExample, tags: Sequence[str]) -> list[float | None]:
        """f_RM of each tag, 0 to 1; None where the judge would not know the customer, or the persona."""
        key = persona.key
        new = sorted({tag for tag in tags if (key, tag) not in self._kept})
        if new:
            said = zip(new, self._scored(persona, new), strict=True)
            self._kept |= {(key, tag): score for tag, score in said}
        return [self._kept[key, tag] for tag in tags]

    def _scored(self, persona: PersonaExample, tags: Sequence[str]) -> Sequence[float | None]:
        people = self._people.get(persona.day)
        customer = people.customers.get(persona.user_id) if people else None
        cases = [self._case(customer, persona, tag) for tag in tags] if customer and customer.evidence else []
        known = [case for case in cases if case is not None]
        if not cases or len(known) < len(cases):
            return [None] * len(tags)
        shops = shops_of(self._facts, known, self._popularity, self._counting)
        (group,) = grouped(known, encoder(self._chat, shops, self._reading), odds=log_odds(shops))
        said = self._scorer.score(group.prompt, group.candidates, group.odds)
        self.asked, self.tokens = self.asked + len(tags), self.tokens + said.tokens_shared
        return list(said.scores)

    def _case(self, customer: Customer, persona: PersonaExample, tag: str) -> Case | None:
        category = self._facts.vectors.category_of[tag]
        try:
            name, why = self._reasons(customer).by(persona.persona, category, "ranked")
        except IndexError:
            return None
        return tag_case(customer, tag, category, name, why)

    @lru_cache(maxsize=64)  # noqa: B019 - one object a training
    def _reasons(self, customer: Customer) -> OwnReasons:
        shape, settings = self._settings.examples, self._settings
        return OwnReasons(
            self._facts, customer, shape.personas, shape.categories, settings.inference.maximum_why, "reinforcement"
        )


def read_customers(
    lake: Lake, days: Sequence[str], rule: SplitRule, facts: CatalogFacts, settings: Settings
) -> dict[str, People]:
    """The customers of training days, by day, as the reward model's own training reads them.

    Raises:
        As ``judge.customers.read_people``.
    """
    return {day: read_people(lake, day, rule, facts.vectors, settings) for day in sorted(set(days))}
