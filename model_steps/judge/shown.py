"""What each evaluator is shown of a case: the facts of its prompt, delimited, capped and stripped. Pure functions."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from model_steps.agents.data_text import delimit, delimit_block
from model_steps.agents.ranked_expert import profile_line
from model_steps.judge import prompt_files
from model_steps.judge.case import Case, Customer
from model_steps.judge.shop import Shop, of_hundred
from representation.evidence import FIELDS, category_label, line, lines
from settings import JudgeSettings

Item = TypeVar("Item")

# Characters that are kept of a tag, of a persona's name, of a reason and of a line of the season or the profile.
TAG, PERSONA, WHY, ABOUT = 120, 60, 300, 300
NEVER, NOTHING = "never", "nothing"


def reordered(items: Sequence[Item], seed: int | None, *of: str) -> list[Item]:
    """Items in another order, the same for equal seeds; without a seed as they are.

    Args:
        items: two or more that differ come in another order than they have.
        seed: of the order.
        of: what else decides about it, such as whose items they are.
    """
    found = list(items)
    if seed is None or all(item == found[0] for item in found):
        return found
    chance = random.Random("\0".join([str(seed), *of]))
    while found == list(items):
        chance.shuffle(found)
    return found


class Showing:
    """Shows cases to evaluators, a customer's lines made once.

    Args:
        count: tokens of a text.
        seed: the lines of a customer's purchases come in another order (``reordered``).
    """

    def __init__(self, shop: Shop, settings: JudgeSettings, count: Callable[[str], int], seed: int | None) -> None:
        self._shop, self._settings, self._count, self._seed = shop, settings, count, seed
        self._customers: dict[Customer, str] = {}
        self._facts: dict[str, Callable[[Case], str]] = {
            "customer": self._customer,
            "season": self._season,
            "attributes": self._attributes,
            "tag": self._tag,
            "persona": self._persona,
            "why": self._why,
            "own": self._own,
            "nearest": self._nearest,
            "buyers": self._buyers,
            "expected": self._expected,
            "above": self._above,
            "below": self._below,
            "texts": self._texts,
        }

    def message(self, name: str, case: Case, question: str) -> str:
        """What the evaluator of this name reads; facts that nobody knows have no line.

        Args:
            name: a dimension, or ``one_shot``. question: that is asked of the case.
        """
        shown = prompt_files.question(name).shown
        facts = {fact: self._facts[fact](case) for fact in shown.get_identifiers() if fact != "question"}
        return "\n".join(each for each in shown.substitute(facts, question=question).split("\n") if each.strip())

    def _customer(self, case: Case) -> str:
        customer = case.customer
        if customer not in self._customers:
            evidence = lines(customer.evidence, customer.day, self._count, self._settings.evidence_tokens)
            order = reordered(evidence, self._seed, customer.user_id)
            shown = delimit_block("\n".join(order)) or NOTHING
            self._customers[customer] = prompt_files.customer().substitute(fields=FIELDS, evidence=shown)
        return self._customers[customer]

    def _season(self, case: Case) -> str:
        return delimit_block(case.customer.season, ABOUT)

    def _attributes(self, case: Case) -> str:
        return delimit(profile_line(case.customer.attributes), ABOUT)

    def _tag(self, case: Case) -> str:
        return delimit(case.text, TAG) or NOTHING

    def _persona(self, case: Case) -> str:
        return delimit(case.persona, PERSONA) or NOTHING

    def _why(self, case: Case) -> str:
        return delimit(case.why, WHY) or NOTHING

    def _own(self, case: Case) -> str:
        own = next((one for one in case.customer.evidence if one.category == case.category), None)
        return NEVER if own is None else delimit(line(own, case.customer.day))

    def _nearest(self, case: Case) -> str:
        nearest = self._shop.nearest(case, self._settings.nearest)
        return "\n".join(delimit(line(one, case.customer.day)) for one in nearest) or NOTHING

    def _buyers(self, case: Case) -> str:
        return of_hundred(self._shop.buyers.get(case.category or "", 0.0))

    def _expected(self, case: Case) -> str:
        if self._shop.expected is None:
            return ""
        chance = self._shop.expected(case)
        # In the words of the answer, which a small model copies before it reads numbers.
        leans = "positive" if chance > 0.5 else "negative"
        return f"by counting {leans}: {of_hundred(chance)} of 100 such customers buy it"

    def _above(self, case: Case) -> str:
        return delimit(" > ".join(self._shop.above(case)), ABOUT) or NOTHING

    def _below(self, case: Case) -> str:
        return str(self._shop.below.get(category_label(case.text), 0))

    def _texts(self, case: Case) -> str:
        found = self._shop.texts.nearest(delimit(case.text, TAG), self._settings.catalog_texts)
        return "\n".join(delimit(text) for text in found) or NOTHING
