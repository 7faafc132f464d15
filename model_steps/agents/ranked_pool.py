"""The pool of ranked experts: one order over what all of a user's experts named. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from model_steps.agents.ranked_expert import NOTHING


@dataclass(frozen=True)
class Scale:
    """What a share is worth: ``log-odds of coming true = intercept + slope x log share`` (Platt, 1999).

    Args:
        slope: positive, so that the order stays.
    """

    intercept: float
    slope: float

    def __call__(self, logprob: float) -> float:
        """The log-probability that a tag of this share comes true."""
        odds = self.intercept + self.slope * logprob
        return -math.log1p(math.exp(-odds)) if odds > 0 else odds - math.log1p(math.exp(odds))


@dataclass(frozen=True)
class Calibration:
    """What the experts' shares are worth, found on validation users.

    A small model that chooses among thousands of tags gives too little to what the prompt shows and too much to a few
    of the others. So both kinds are brought to one scale, the chance of coming true; within a kind its order stays.

    Args:
        own: of tags that the user's evidence holds. other: of all others.
    """

    own: Scale
    other: Scale

    def of(self, label: str, logprob: float, own: Collection[str]) -> float:
        """The log-probability that a tag comes true.

        Args:
            logprob: of its share. own: labels of the user's evidence.
        """
        return (self.own if label in own else self.other)(logprob)


@dataclass(frozen=True)
class RankedTag:
    """A tag of the pool.

    Args:
        label: the category as prompts show it. logprob: of all experts that name it together, calibrated.
        expert: number, from 0, of the one that gives it the largest share.
    """

    label: str
    logprob: float
    expert: int


def pool_of(
    rankings: Sequence[Sequence[tuple[str, float]]],
    barred: Collection[str] = (),
    own: Collection[str] = (),
    calibration: Calibration | None = None,
) -> list[RankedTag]:
    """What the experts named, the most probable first, equal ones by text; each once.

    Experts' shares can be added: each expert could have said ``NOTHING``, so one whose field will see nothing gives
    little to all of its tags. A tag that several name has the sum of its shares.

    Args:
        rankings: by expert, tags with their log-probabilities. barred: tags that may not be named.
        own: labels of the user's evidence. calibration: of these, and of the others; none: shares decide as they are.
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
        if calibration is not None:
            whole = calibration.of(label, whole, own)
        pool.append(RankedTag(label, whole, expert))
    return sorted(pool, key=lambda tag: (-tag.logprob, tag.label))
