"""Where the sigmoid stands: a scale and a shift of all scores, fitted on validation outputs.

The list-wise loss only knows differences within a group, so scores may lie anywhere: far from zero the sigmoid says 1
of everything, and a reward between 0 and 1 (PAPER 2.4) tells nothing apart. The order of scores stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from model_steps.judge.reward.head import ScalarHead
from model_steps.judge.reward.losses import TARGETS

STEPS = 1_000


def fit_level(
    scores: Sequence[Sequence[float]], tiers: Sequence[Sequence[str]], targets: Mapping[str, float] = TARGETS
) -> tuple[float, float]:
    """Scale and shift with which the sigmoid of a score is nearest to its tier's target, by cross-entropy.

    Args:
        scores: before the sigmoid, groups x outputs. tiers: of them.
        targets: of the tiers, 0 to 1.

    Returns:
        A scale above 0: where lower scores have the higher tiers all stays as it is, (1, 0).
    """
    said = np.concatenate([np.asarray(own, np.float64) for own in scores])
    wanted = np.array([targets[tier] for own in tiers for tier in own])
    # A target between 0 and 1 is an output that is that much of either class.
    shares = np.concatenate([wanted, 1 - wanted])
    classes = np.repeat([1, 0], len(said))
    kept = shares > 0
    if len(set(classes[kept])) < 2:
        return 1.0, 0.0
    fitted = LogisticRegression(max_iter=STEPS).fit(
        np.tile(said, 2)[kept, None], classes[kept], sample_weight=shares[kept]
    )
    scale, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return (scale, shift) if scale > 0 else (1.0, 0.0)


def set_level(head: ScalarHead, scale: float, shift: float) -> None:
    """Make a head say ``scale * score + shift`` where it said a score."""
    for part in (head.weight, head.bias, head.odds):
        part.data.mul_(scale)
    head.bias.data.add_(shift)
