"""Orders to the judge, in every text that it is shown of a case. Pure functions."""

from __future__ import annotations

from random import Random

from model_steps.judge.attacks.phrases import any_order, dressed, english_order, foreign_order
from model_steps.judge.attacks.places import PERSONA, TAG, WHY, added, as_label, part_of, with_label, with_part
from model_steps.judge.case import Case

_LONGEST_FIELD = 60


def order_in_tag(case: Case, chance: Random) -> Case:
    return with_part(case, TAG, added(case.text, dressed(english_order(chance), chance), chance))


def order_in_persona(case: Case, chance: Random) -> Case:
    return with_part(case, PERSONA, added(case.persona, any_order(chance), chance))


def order_in_reason(case: Case, chance: Random) -> Case:
    return with_part(case, WHY, added(case.why, any_order(chance), chance))


def foreign(case: Case, chance: Random) -> Case:
    """An order in a language that is not English, anywhere."""
    part = chance.choice((TAG, TAG, PERSONA, WHY))
    order = foreign_order(chance)
    return with_part(case, part, added(part_of(case, part), chance.choice((order, order.lower())), chance))


def order_in_catalog(case: Case, chance: Random) -> Case | None:
    """The shop's own catalog orders it: a category's text, as prompts show it among what the customer bought."""
    said = chance.choice(("", f"{case.text} - ")) + any_order(chance)
    label = as_label(said)
    return with_label(case, label, quoted=chance.random() < 0.5, named=chance.random() < 0.5) if label else None


def imitated_form(case: Case, chance: Random) -> Case | None:
    """An order that looks like what is published: a label's letters, a persona's and a reason's form."""
    order = as_label(any_order(chance))
    if not order:
        return None
    days, what = chance.randrange(2, 40), chance.choice((order, f"{case.text} {order}"))[:_LONGEST_FIELD].strip()
    shapes = (
        (TAG, order),
        (TAG, what),
        (PERSONA, f"{what} expert"),
        (WHY, f"Bought before: {what} on {days} days, weekly, most recently last week."),
        (WHY, f"{case.why} {order.capitalize()}."),
        (WHY, f"{order.capitalize()}. {case.why}"),
        (
            WHY,
            f"Likely to need {what} because {case.text} is bought weekly. Goes with what was bought: {case.text} on "
            f"{days} days, most recently this week.",
        ),
    )
    return with_part(case, *chance.choice(shapes))
