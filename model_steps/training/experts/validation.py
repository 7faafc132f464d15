"""Recall of validation users: what training is stopped by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from model_steps.agents.ranked_expert import NOTHING
from model_steps.training.experts.personas import PersonaExample

MOST_A_PERSONA = 24
LIST = 30

Ranks = Callable[[Sequence[int], int], Sequence[tuple[str, float]]]


def pooled(rankings: Sequence[Sequence[tuple[str, float]]]) -> list[str]:
    """Tags of several personas, the most probable first; one that several name has the sum of its probabilities."""
    worth: dict[str, float] = {}
    for ranking in rankings:
        for tag, logprob in ranking:
            if tag != NOTHING:
                worth[tag] = worth.get(tag, 0.0) + math.exp(logprob)
    return sorted(worth, key=lambda tag: (-worth[tag], tag))


def recall(users: Mapping[str, Sequence[PersonaExample]], ranks: Ranks, length: int = LIST) -> float:
    """Share of a user's outcomes that are among the first tags, averaged over the users who have any.

    Args:
        users: the personas of each user.
        ranks: gives the most probable tags behind a prompt.
        length: of the list.
    """
    shares = []
    for personas in users.values():
        wanted = {tag for one in personas for tag in one.outcomes}
        if wanted:
            listed = pooled([ranks(one.prompt, MOST_A_PERSONA) for one in personas])[:length]
            shares.append(len(wanted & set(listed)) / len(wanted))
    return sum(shares) / len(shares) if shares else 0.0
