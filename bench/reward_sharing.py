"""What it saves to compute once what a group's candidates share: seconds with and without it, on the same groups.

Both ways alternate group by group, each being first as often as second, so that a busy minute falls on both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from model_steps.judge.reward.groups import Group
from model_steps.training.reward.model import RewardModel

# Candidates of a group, as line 3 of the issue has them.
GROUP = 8


def sharing_speedup(
    model: RewardModel, groups: Sequence[Group], rounds: int = 3, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """How many times cheaper a group is with a shared beginning.

    Args:
        model: scores them.
        groups: of which each is scored in both ways.
        rounds: how often all are, after one unmeasured time.
        clock: gives seconds.

    Returns:
        ``speedup``: of the seconds of each group, without by with sharing, the median over groups and rounds;
        ``tokens``: the same of positions computed, over all groups; ``difference``: the largest of two scores of one
        candidate; ``pairs``: how many were timed.
    """
    ratios: list[float] = []
    difference, shared_tokens, alone_tokens = 0.0, 0, 0
    for number in range(rounds + 1):
        for place, group in enumerate(groups):
            seconds, scores = {}, {}
            for shared in (True, False) if (number + place) % 2 else (False, True):
                begun = clock()
                found = model.score(group.prompt, group.candidates, shared=shared)
                seconds[shared], scores[shared] = clock() - begun, found.scores
            if not number:
                pairs = zip(scores[True], scores[False], strict=True)
                difference = max(difference, *(abs(one - other) for one, other in pairs))
                shared_tokens, alone_tokens = shared_tokens + found.tokens_shared, alone_tokens + found.tokens_alone
            else:
                ratios.append(seconds[False] / seconds[True])
    return {
        "speedup": round(median(ratios), 3),
        "tokens": round(alone_tokens / shared_tokens, 3),
        "difference": difference,
        "pairs": len(ratios),
    }
