"""What a published reason claims, and whether that holds for a customer's evidence. Pure functions.

Reasons have two forms (``model_steps/agents/ranked_reasons.py``, ``rows.py``)::

    Bought before: white milk on 7 days, weekly, most recently this week.
    Likely to need dairy because white milk is bought weekly. Goes with what was bought: yogurt on one day, last week.
    Likely to need dairy. Bought: yogurt: 7 times, last 2017-10-31; white milk: 1 time, last 2017-09.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from model_steps.agents.data_text import delimit
from model_steps.agents.evidence import label_of
from model_steps.judge.case import Case, Customer
from model_steps.judge.catalog_facts import CatalogFacts
from representation.evidence import CategoryEvidence, fact, reason

_RANKED = re.compile(r"(?:^|(?<= ))(?P<form>Bought before|Goes with what was bought): (?P<fact>.+)\.$")
_WRITTEN = re.compile(r"(?:^|(?<= ))Bought: (?P<facts>.+?)(?P<whole>\.?)$")
_TIMES = re.compile(r"(?P<label>.+): (?P<count>\d+) times?, last (?P<period>\d{4}-\d{2}(?:-\d{2})?)")
# Of a need, what the planner chose among true statements.
_NEED = re.compile(r"because (?P<fact>.+?)\.(?= Bought| Goes with|$)")
_NUMBER = re.compile(r" \d+$")

Form = Literal["own", "with", "times", "need"]


@dataclass(frozen=True)
class Claim:
    """A fact that a reason states.

    Args:
        form: ``own``, the tag's own category was bought; ``with``, another one; ``times``, how often and when last, of
            any category; ``need``, why a persona's field is needed.
        text: the fact.
    """

    form: Form
    text: str


def claims(why: str) -> tuple[Claim, ...]:
    """The facts that a reason states, in order; what was cut off at its end is none."""
    found = [Claim("need", match["fact"]) for match in _NEED.finditer(why)]
    if match := _RANKED.search(why):
        found.append(Claim("own" if match["form"] == "Bought before" else "with", match["fact"]))
    elif match := _WRITTEN.search(why):
        facts = match["facts"].split("; ")
        # A reason that is too long is cut, wherever that is.
        found += [Claim("times", text) for text in (facts if match["whole"] else facts[:-1])]
    return tuple(found)


def holds(claim: Claim, case: Case, facts: CatalogFacts) -> bool:
    """Whether a claim is true of the case's customer.

    Facts of days and needs must be, letter for letter, what the evidence says. How many times something was done
    evidence does not hold, so of such a fact the category and when it was last bought are looked up.
    """
    customer = case.customer
    named = [one for one in customer.evidence if one.label and one.label in claim.text]
    if claim.form == "need":
        return any(delimit(reason(one, customer.day)) == claim.text for one in named)
    if claim.form == "times":
        return _holds_of_times(claim.text, customer, facts)
    if claim.form == "own":
        named = [one for one in named if one.category == case.category or one.label == case.text]
    return any(fact(one, customer.day) == claim.text for one in named)


def _holds_of_times(text: str, customer: Customer, facts: CatalogFacts) -> bool:
    match = _TIMES.fullmatch(text)
    if match is None or int(match["count"]) < 1:
        return False
    named = (one for one in customer.evidence if match["label"] in (one.label, _written(one, facts)))
    return any(one.last_day.startswith(match["period"]) for one in named)


def _written(evidence: CategoryEvidence, facts: CatalogFacts) -> str:
    """A category's name as agents that write are shown it."""
    parent = facts.vectors.parents[facts.vectors.row_of[evidence.category]]
    return label_of(evidence.category, parent or None)


def names_another(case: Case, facts: CatalogFacts) -> bool:
    """Whether the expert is called after a field of products that the customer has nothing of.

    Agents that rank call experts after own categories and the levels above them, those of one field by number; what
    agents that write call them need be no field of the catalog, and then says nothing.
    """
    name = case.persona.removesuffix(" expert")
    known = next((field for field in (name, _NUMBER.sub("", name)) if field in facts.fields), None)
    own = facts.fields_of(one.category for one in case.customer.evidence)
    return known is not None and known not in own
