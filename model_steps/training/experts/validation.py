"""Recall of validation users, and how often what experts say of them comes true."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from model_steps.agents.ranked_expert import NOTHING
from model_steps.training.experts.personas import PersonaExample

MOST_A_PERSONA = 24
LIST = 30
SHORT_LIST = 10

Ranking = Sequence[tuple[str, float]]
# The most probable tags behind each of an expert's prompts, so many at most.
Ranks = Callable[[Sequence[Sequence[int]], int], Sequence[Ranking]]
# A user's pool in the order of an arbiter.
Reviews = Callable[[str, Sequence[str]], Sequence[str]]


def shares_of(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Probabilities of the tags of several personas; one that several name has their sum."""
    worth: dict[str, float] = {}
    for ranking in rankings:
        for tag, logprob in ranking:
            if tag != NOTHING:
                worth[tag] = worth.get(tag, 0.0) + math.exp(logprob)
    return worth


def pooled(rankings: Sequence[Ranking]) -> list[str]:
    """Tags of several personas, the most probable first."""
    worth = shares_of(rankings)
    return sorted(worth, key=lambda tag: (-worth[tag], tag))


def calibration(users: Mapping[str, Sequence[PersonaExample]], ranks: Ranks) -> dict[str, dict[str, float]]:
    """What the experts' shares are worth, by kind of tag (``ranked_pool.Calibration``): two logistic regressions.

    Args:
        users: the personas of each user. ranks: gives the most probable tags behind a customer's prompts.

    Returns:
        Intercept and slope of each kind; nothing where too little came true to say so of both.
    """
    said: dict[str, list[tuple[float, bool]]] = {"own": [], "other": []}
    for personas in users.values():
        own = {tag for one in personas for tag in one.shown}
        wanted = {tag for one in personas for tag in one.outcomes}
        for tag, share in shares_of(ranks([one.prompt for one in personas], MOST_A_PERSONA)).items():
            said["own" if tag in own else "other"].append((math.log(share), tag in wanted))
    found = {kind: _scale(pairs) for kind, pairs in said.items()}
    return {kind: scale for kind, scale in found.items() if scale} if all(found.values()) else {}


def _scale(pairs: Sequence[tuple[float, bool]]) -> dict[str, float]:
    if len({true for _, true in pairs}) < 2:
        return {}
    fitted = LogisticRegression(C=np.inf).fit([[share] for share, _ in pairs], [true for _, true in pairs])
    slope = float(fitted.coef_[0, 0])
    return {"intercept": round(float(fitted.intercept_[0]), 4), "slope": round(slope, 4)} if slope > 0 else {}


@dataclass(frozen=True)
class Reviewing:
    """An arbiter that is validated beside the experts.

    Args:
        size: of the pool that it puts in order. order: its order.
    """

    size: int
    order: Reviews


def recalls(
    users: Mapping[str, Sequence[PersonaExample]],
    ranks: Ranks,
    reviewing: Reviewing | None = None,
    length: int = LIST,
    short: int = SHORT_LIST,
) -> dict[str, float]:
    """Share of a user's outcomes that are among the first tags, averaged over the users who have any.

    Args:
        users: the personas of each user.
        ranks: gives the most probable tags behind a customer's prompts.
        reviewing: the arbiter; none: the experts' own order decides.
        length, short: of the lists.

    Returns:
        ``recall`` and ``recall_short`` of the order that is published, and with an arbiter ``recall_experts`` and
        ``recall_experts_short`` of the experts' own and ``recall_pool`` of the best order that there is.
    """
    found: dict[str, list[float]] = {}
    for user, personas in users.items():
        wanted = {tag for one in personas for tag in one.outcomes}
        if not wanted:
            continue

        def note(name: str, listed: Sequence[str], wanted: set[str] = wanted) -> None:
            found.setdefault(name, []).append(len(wanted & set(listed)) / len(wanted))

        own = pooled(ranks([one.prompt for one in personas], MOST_A_PERSONA))
        order = own
        if reviewing is not None:
            pool = own[: reviewing.size]
            order = [*reviewing.order(user, pool), *own[reviewing.size :]]
            note("recall_experts", own[:length])
            note("recall_experts_short", own[:short])
            note("recall_pool", [tag for tag in pool if tag in wanted][:length])
        note("recall", order[:length])
        note("recall_short", order[:short])
    return {name: sum(shares) / len(shares) for name, shares in found.items()}
