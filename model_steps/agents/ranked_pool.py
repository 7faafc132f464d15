"""The pool of ranked experts: one order over what all of a user's experts named. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from model_steps.agents.ranked_expert import NOTHING


@dataclass(frozen=True)
class RankedTag:
    """A tag of the pool.

    Args:
        label: the category as prompts show it. logprob: of all experts that name it together.
        expert: number, from 0, of the one that gives it the largest share.
    """

    label: str
    logprob: float
    expert: int


def pool_of(rankings: Sequence[Sequence[tuple[str, float]]], barred: Collection[str] = ()) -> list[RankedTag]:
    """What the experts named, the most probable first, equal ones by text; each once.

    Experts' shares can be added: each expert could have said ``NOTHING``, so one whose field will see nothing gives
    little to all of its tags. A tag that several name has the sum of its shares.

    Args:
        rankings: by expert, tags with their log-probabilities. barred: tags that may not be named.
    """
    shares: dict[str, list[tuple[float, int]]] = {}
    for expert, ranking in enumerate(rankings):
        for label, logprob in ranking:
            if label != NOTHING and label not in barred:
                shares.setdefault(label, []).append((logprob, expert))
    pool = []
    for label, given in shares.items():
        top, expert = max(given, key=lambda share: (share[0], -share[1]))
        whole = top + math.log(math.fsum(math.exp(logprob - top) for logprob, _ in given))
        pool.append(RankedTag(label, whole, expert))
    return sorted(pool, key=lambda tag: (-tag.logprob, tag.label))
