"""What a reward model learns by: the order of tiers within a group, or each output's tier by itself (PAPER 2.4).

Scores come as they are before the sigmoid. The paper does not say whether the score inside its exponential is that, or
what the sigmoid makes of it; both can be had. After the sigmoid two scores are less than 1 apart, so a positive's share
never exceeds e / (e + n) among n negatives: the loss has a floor above zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import torch
from torch import nn

from schemas.judge_labels import TIERS

# Where the score inside the exponential is taken.
Taken = Literal["before_sigmoid", "after_sigmoid"]

# Point-wise targets. The paper has none: these lie as far from one another as can be.
TARGETS: Mapping[str, float] = MappingProxyType({"S": 1.0, "A": 0.5, "B": 0.0})


def has_order(tiers: Sequence[str]) -> bool:
    """Whether a group teaches an order: it has more than one tier."""
    return len(set(tiers)) > 1


def listwise(scores: torch.Tensor, tiers: Sequence[str], taken: Taken = "before_sigmoid") -> torch.Tensor:
    """L_RM of one group (PAPER 2.4), a scalar.

    All outputs of a tier are positives, those of every lower tier its negatives: S against A and B, A against B. Each
    positive has a denominator of its own, itself and the negatives: its like are neither above nor below it.

    Args:
        scores: before the sigmoid, one an output.
        tiers: of the outputs: S, A or B.
        taken: whether f in exp(f) is the score before or after the sigmoid.

    Raises:
        ValueError: there are not as many tiers as scores, one is none, or all outputs are of one tier.
    """
    _refuse_unfit(scores, tiers)
    if not has_order(tiers):
        raise ValueError("A group of one tier has no order to learn: leave it out and count it.")
    f = scores.sigmoid() if taken == "after_sigmoid" else scores
    total = scores.new_zeros(())
    for place, tier in enumerate(TIERS[:-1]):
        positives = f[[number for number, own in enumerate(tiers) if own == tier]]
        negatives = f[[number for number, own in enumerate(tiers) if own in TIERS[place + 1 :]]]
        if len(positives) and len(negatives):
            # -log(e^p / (e^p + sum of e^n)) is softplus(log sum of e^n - p), which overflows nowhere.
            total = total + nn.functional.softplus(negatives.logsumexp(0) - positives).sum()
    return total


def pointwise(scores: torch.Tensor, tiers: Sequence[str], targets: Mapping[str, float] = TARGETS) -> torch.Tensor:
    """Binary cross-entropy of each output's score with its tier's target, averaged over the group: the baseline.

    Args:
        scores: before the sigmoid, one an output.
        tiers: of the outputs: S, A or B.
        targets: of the tiers, 0 to 1.

    Raises:
        ValueError: there are not as many tiers as scores, or one is none.
    """
    _refuse_unfit(scores, tiers)
    wanted = torch.tensor([targets[tier] for tier in tiers], dtype=scores.dtype, device=scores.device)
    return nn.functional.binary_cross_entropy_with_logits(scores, wanted)


def _refuse_unfit(scores: torch.Tensor, tiers: Sequence[str]) -> None:
    if scores.shape != (len(tiers),) or not tiers:
        raise ValueError(f"Scores of the shape {tuple(scores.shape)} are none of {len(tiers)} outputs.")
    if strange := set(tiers) - set(TIERS):
        raise ValueError(f"{min(strange)!r} is no tier: one of {', '.join(TIERS)}.")
