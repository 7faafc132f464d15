"""Candidates of one customer as a group: what their prompts begin with, and how each goes on. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from evaluation.tiers import Tier
from model_steps.engine.chat import Chat
from model_steps.judge.case import Case
from model_steps.judge.evaluators import Asking
from model_steps.judge.reward.prompt import rendered
from model_steps.judge.shop import Shop
from model_steps.judge.shown import Showing
from runtime.errors import DataError
from settings import JudgeSettings

Tokens = tuple[int, ...]
# A case as the tokens of its whole prompt.
Encode = Callable[[Case], Sequence[int]]
# No chance is nearer to none or to certainty.
SURE = 0.001


@dataclass(frozen=True)
class Group:
    """What one customer was given on one day.

    Args:
        prompt: tokens that all candidates begin with.
        candidates: tokens of each behind it; the score is read at the last one.
        places: of the candidates, among the cases that were grouped.
        tiers: of the candidates; none where nobody judged them.
        odds: logarithms of the odds that counting gives them; none where nothing counts.
        real: whether a release really wrote one of them.
    """

    user_id: str
    day: str
    prompt: Tokens
    candidates: tuple[Tokens, ...]
    places: tuple[int, ...] = ()
    tiers: tuple[Tier, ...] = ()
    odds: tuple[float, ...] = ()
    real: bool = False


def log_odds(shops: Callable[[str], Shop]) -> Callable[[Case], float]:
    """What the head is told beside the words: the language model does not read the number of a chance (docs/judge.md).

    Args:
        shops: the shop as it was known on a day; where it expects nothing, odds are even.
    """

    def of(case: Case) -> float:
        expected = shops(case.customer.day).expected
        chance = 0.5 if expected is None else min(max(expected(case), SURE), 1 - SURE)
        return math.log(chance / (1 - chance))

    return of


def encoder(chat: Chat, shops: Callable[[str], Shop], settings: JudgeSettings) -> Encode:
    """How cases become tokens for a language model.

    Args:
        chat: its template.
        shops: the shop as it was known on a day.
        settings: how much of a customer's purchases is shown, and within how many days an output is to be bought.
    """

    @cache
    def asks(day: str) -> tuple[Asking, Showing]:
        asking = Asking(shops(day), settings, chat.render, chat.count, chat.answer_tokens)
        return asking, asking.showing()

    return lambda case: chat.tokens(rendered(case, *asks(case.customer.day)))


def grouped(
    cases: Sequence[Case], encode: Encode, tiers: Sequence[Tier] = (), odds: Callable[[Case], float] | None = None
) -> list[Group]:
    """Cases by customer and day, in the order of their first ones.

    Args:
        cases: of any customers. encode: gives a case's tokens. tiers: one a case, or none at all.
        odds: of a case, as ``log_odds`` gives them; none: no candidate has any.

    Raises:
        DataError: one customer is described in two ways on one day, or there are not as many tiers as cases.
    """
    if tiers and len(tiers) != len(cases):
        raise DataError(f"There are {len(cases):,} cases and {len(tiers):,} tiers: give each case one, or give none.")
    found: dict[tuple[str, str], list[int]] = {}
    for place, case in enumerate(cases):
        found.setdefault((case.customer.user_id, case.customer.day), []).append(place)
    groups = []
    for (user, day), places in found.items():
        if any(cases[place].customer != cases[places[0]].customer for place in places):
            raise DataError(
                f"The customer {user} on {day} is described in two ways: candidates are held against each other on "
                "the same evidence, so give each customer one."
            )
        prompt, candidates = parted([tuple(encode(cases[place])) for place in places])
        own = tuple(tiers[place] for place in places) if tiers else ()
        told = tuple(odds(cases[place]) for place in places) if odds else ()
        groups.append(Group(user, day, prompt, candidates, tuple(places), own, told))
    return groups


def parted(prompts: Sequence[Tokens]) -> tuple[Tokens, tuple[Tokens, ...]]:
    """What all prompts begin with, and the rest of each, which has a token at least.

    Args:
        prompts: one at least, each of two tokens or more.
    """
    most = min(map(len, prompts)) - 1
    first = prompts[0]
    shared = next((at for at in range(most) if any(prompt[at] != first[at] for prompt in prompts)), most)
    return first[:shared], tuple(prompt[shared:] for prompt in prompts)
