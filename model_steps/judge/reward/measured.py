"""What a reward model is worth: pairs in the right order, and what sharing a beginning saves. Pure but for the clock.

Pairs are of one group, what a held-out customer was given on one day; outputs that a release really wrote are looked at
apart, for a score that only knows invented ones is blind where it is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Protocol

from evaluation.judged.pairwise import pairwise_accuracy
from evaluation.tiers import tier_of
from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.reward.groups import Group
from model_steps.judge.reward.tiered import TieredCase
from model_steps.judge.rules import RULES
from schemas.judge_labels import DIMENSIONS

# Candidates of a group whose sharing is timed, as issue 15 has them.
GROUP = 8
# What the rival's tier is worth, as far as its only judgement comes true.
_WORTH: Mapping[str, float] = {"S": 1.0, "A": 0.5, "B": 0.0}


class Said(Protocol):
    """What a reward model says of a group."""

    @property
    def scores(self) -> Sequence[float]: ...

    @property
    def tokens_shared(self) -> int: ...

    @property
    def tokens_alone(self) -> int: ...


class Scorer(Protocol):
    """A reward model, as ``training.reward.model.RewardModel`` is one."""

    def score(
        self,
        prompt: Sequence[int],
        candidates: Sequence[Sequence[int]],
        odds: Sequence[float] = (),
        *,
        shared: bool = True,
    ) -> Said: ...


def accuracies(cases: Sequence[TieredCase], scores: Sequence[float], seed: int = 0) -> dict[str, Any]:
    """Share of pairs in the right order, with intervals over users: of all outputs, of built and of real ones.

    Args:
        cases: of any groups. scores: one a case, the higher the better.
        seed: of the draws of users.

    Returns:
        ``all``, ``built`` and ``real_outputs``, each as ``PairwiseAccuracy.as_dict``; the pairs of the latter two are
        of one kind.
    """
    found = {}
    for name, kinds in (("all", (False, True)), ("built", (False,)), ("real_outputs", (True,))):
        groups: dict[tuple[str, str], tuple[list[float], list[str]]] = {}
        for one, score in zip(cases, scores, strict=True):
            if one.real in kinds:
                own = groups.setdefault(one.group, ([], []))
                own[0].append(score)
                own[1].append(one.tier)
        found[name] = pairwise_accuracy(
            [own for own, _ in groups.values()],
            [tiers for _, tiers in groups.values()],
            [user for _, user in groups],
            seed,
        ).as_dict()
    return found


def counted(cases: Sequence[Case], chances: Mapping[str, float], facts: CatalogFacts, threshold: float) -> list[float]:
    """The rival without a language model: the chance by counting, and rules for all else.

    What a rule finds a defect in is 0. The others are worth the chance that they are relevant, times what their tier
    would then be worth.

    Args:
        chances: that a case's tag is bought, by ``item_id``. threshold: as of ``evaluation.tiers.tier_of``.
    """
    return [
        chances[case.item_id]
        * _WORTH[tier_of(["positive", *(RULES[name](case, facts) for name in DIMENSIONS["tag"][1:])], threshold)]
        for case in cases
    ]


def sharing(
    model: Scorer, groups: Sequence[Group], rounds: int = 3, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """How many times cheaper a group is with a shared beginning.

    Both ways alternate group by group, each being first as often as second, so that a busy minute falls on both.

    Args:
        model: scores them.
        groups: of which each is scored in both ways.
        rounds: how often all are, after one unmeasured time.
        clock: gives seconds.

    Returns:
        ``speedup``: of the seconds of each group, without by with sharing, the median over groups and rounds;
        ``tokens``: the same of positions computed, over all groups; ``difference``: the largest of two scores of one
        candidate; ``unsaturated``: share of scores that the sigmoid did not bring near 0 or 1, where any two are alike;
        ``pairs``: how many were timed; ``seconds_shared``, ``seconds_alone``: medians a group.
    """
    times: list[dict[bool, float]] = []
    told: list[float] = []
    difference, shared_tokens, alone_tokens = 0.0, 0, 0
    for number in range(rounds + 1):
        for place, group in enumerate(groups):
            seconds, scores = {}, {}
            for shared in (True, False) if (number + place) % 2 else (False, True):
                begun = clock()
                found = model.score(group.prompt, group.candidates, group.odds, shared=shared)
                seconds[shared], scores[shared] = clock() - begun, found.scores
            if number:
                times.append(seconds)
                continue
            pairs = zip(scores[True], scores[False], strict=True)
            difference = max(difference, *(abs(one - other) for one, other in pairs))
            told += scores[True]
            shared_tokens, alone_tokens = shared_tokens + found.tokens_shared, alone_tokens + found.tokens_alone
    return {
        "speedup": round(median(one[False] / one[True] for one in times), 3),
        "tokens": round(alone_tokens / shared_tokens, 3),
        "difference": difference,
        "unsaturated": round(sum(0.001 < score < 0.999 for score in told) / len(told), 3),
        "pairs": len(times),
        "seconds_shared": round(median(one[True] for one in times), 4),
        "seconds_alone": round(median(one[False] for one in times), 4),
    }
