"""What agents would publish with a tag of a customer: the expert's name and the reason. Pure functions.

Personas are parted and named by the agents' own code; only which of the true namings is taken, which a planner's model
decides there, is decided by a hash here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from model_steps.agents.evidence import CategoryFacts, label_of
from model_steps.agents.ranked_planner import Naming, choose, namings
from model_steps.agents.ranked_reasons import Reasons
from model_steps.judge.case import Customer
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.outcomes import ordered
from representation.evidence import CategoryEvidence, Vectors, fact

# ranked: of the tag's category; near: of the nearest own one, whatever was bought; written: times, of several own ones;
# bare: the need alone, with no fact.
Form = Literal["ranked", "near", "written", "bare"]
# Categories that an agent that writes rests a persona on, at most (``settings.InferenceSettings.evidence``).
_WRITTEN_FACTS = 3


class OwnReasons:
    """Experts and reasons of one customer, who has evidence.

    Args:
        personas: K. categories: of a persona, at most. most: characters of a reason. seed: of the choice of namings.
    """

    def __init__(
        self, facts: CatalogFacts, customer: Customer, personas: int, categories: int, most: int, seed: str
    ) -> None:
        self._catalog, self._customer, self._most = facts.vectors, customer, most
        self._groups = facts.vectors.personas_of(customer.evidence, personas, categories)
        self._reasons = Reasons(facts.vectors, customer.evidence, customer.day)
        self._named: list[Naming] = []
        for number, group in enumerate(self._groups):
            below = self._catalog.below(self._catalog.fields_of(group), group)
            known = namings(below, customer.day)
            said = ordered(known, seed, customer.day, customer.user_id, str(number))
            taken = {naming.field for naming in self._named}
            self._named.append(choose(said, known, group, taken))

    @property
    def shown(self) -> list[CategoryEvidence]:
        """What experts are shown of the customer, by persona."""
        return [one for group in self._groups for one in group]

    def of(self, category: str, form: Form) -> tuple[str, str]:
        """The name of the expert whose persona has a category, or is nearest to it, and the reason that it gives."""
        return self.by(self._number(category), category, form)

    def by(self, number: int, category: str, form: Form) -> tuple[str, str]:
        """The name of a persona's expert, and the reason that it gives for a tag of a category.

        Args:
            number: of the persona.

        Raises:
            IndexError: the customer has no such persona.
        """
        naming, group = self._named[number], self._groups[number]
        return f"{naming.field} expert", self._why(category, naming, group, form)[: self._most]

    def _number(self, category: str) -> int:
        for number, group in enumerate(self._groups):
            if any(one.category == category for one in group):
                return number
        nearest = [float(self._alike(category, group).max()) for group in self._groups]
        return nearest.index(max(nearest))

    def _alike(self, category: str, group: Sequence[CategoryEvidence]) -> Vectors:
        vectors, row = self._catalog.vectors, self._catalog.row_of[category]
        alike: Vectors = vectors[self._catalog.rows(group)] @ vectors[row]
        return alike

    def _why(self, category: str, naming: Naming, group: Sequence[CategoryEvidence], form: Form) -> str:
        if form == "ranked":
            return self._reasons.why(naming.need, category, group)
        if form == "bare":
            return f"Likely to need {naming.field}."
        nearest = self._alike(category, group).argsort()[::-1]
        if form == "near":
            return f"{naming.need} Goes with what was bought: {fact(group[int(nearest[0])], self._customer.day)}."
        told = (self._times(group[int(place)]) for place in nearest[:_WRITTEN_FACTS])
        return f"{naming.need} Bought: {'; '.join(told)}."

    def _times(self, one: CategoryEvidence) -> str:
        """The fact as agents that write tell it, as if each day had one action."""
        parent = self._catalog.parents[self._catalog.row_of[one.category]]
        label = label_of(one.category, parent or None)
        return CategoryFacts(one.category, label, one.days, one.last_day, ()).fact
