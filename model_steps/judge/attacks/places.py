"""Where an attack stands in a case. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from model_steps.judge.case import Case
from representation.evidence import category_label
from schemas.judge_labels import item_id

TAG, PERSONA, WHY = "text", "persona", "why"
PARTS = (TAG, PERSONA, WHY)
# Signs between an output and what was added to it.
JOINTS = (" ", " ", ", ", ". ", ": ", " - ", "; ", "\n", "\n\n", " / ", " | ", "\t", " ... ", "", " (", ' "', "! ")


def part_of(case: Case, part: str) -> str:
    """The text of a part: the tag, the persona or the reason."""
    return {TAG: case.text, PERSONA: case.persona, WHY: case.why}[part]


def with_part(case: Case, part: str, text: str) -> Case:
    """The case with another tag, persona or reason."""
    said = {name: text if name == part else part_of(case, name) for name in PARTS}
    return replace(case, text=said[TAG], persona=said[PERSONA], why=said[WHY])


def with_label(case: Case, label: str, *, quoted: bool, named: bool) -> Case | None:
    """The case of a shop that has another category: its label stands where the customer's first one stood.

    Args:
        label: of the category, in the form in which prompts show labels.
        quoted: the reason says it, too. named: the tag names it.

    Returns:
        None where the customer has no evidence.
    """
    if not case.customer.evidence:
        return None
    first, *others = case.customer.evidence
    customer = replace(case.customer, evidence=(replace(first, label=label), *others))
    case = replace(case, customer=customer)
    if quoted:
        case = replace(case, why=f"Bought before: {label} on {max(first.days, 2)} days, most recently last week.")
    return replace(case, text=label, category=label) if named else case


def as_label(text: str) -> str:
    """A text as the catalog would show it were it a category's name."""
    return category_label(text)


def added(text: str, payload: str, chance: Random) -> str:
    """A text with a payload before it, behind it, within it or in its stead."""
    joint = chance.choice(JOINTS)
    words = text.split(" ")
    at = chance.randrange(len(words) + 1)
    within = " ".join([*words[:at], payload, *words[at:]])
    return chance.choice((payload, f"{text}{joint}{payload}", f"{payload}{joint}{text}", within))


def add(case: Case, payload: str, chance: Random) -> Case:
    """Add a payload to the tag, or, less often, to persona or reason."""
    part = chance.choice((TAG, TAG, PERSONA, WHY))
    return with_part(case, part, added(part_of(case, part), payload, chance))


def renamed(case: Case) -> Case:
    """The case under an id of its own: an attack may be in persona, reason or evidence alone, which no id names."""
    said = "\n".join((case.text, case.persona, case.why, *(one.label for one in case.customer.evidence)))
    return replace(case, item_id=item_id("tag", case.customer.day, case.customer.user_id, said, case.category))


def replaced(part: str, text: str) -> Callable[[Case], Case]:
    """A fixed attack: a part says this and nothing else."""
    return lambda case: with_part(case, part, text)


def followed(part: str, text: str) -> Callable[[Case], Case]:
    """A fixed attack: a part is followed by this."""
    return lambda case: with_part(case, part, part_of(case, part) + text)


def preceded(part: str, text: str) -> Callable[[Case], Case]:
    """A fixed attack: this stands before a part."""
    return lambda case: with_part(case, part, text + part_of(case, part))
