"""The distribution of a list that is drawn without replacement from an expert's shares (Plackett-Luce).

What is served is the most probable tags of a persona, what is trained on a sampled list: one policy, taken by its mode
and sampled. ``nothing`` is an answer of an expert and never a tag: each draw is from the shares of all tags that are
left, so it is as if ``nothing`` had been drawn before the first one.
"""

from __future__ import annotations

import torch

# The share that is left of the others is at least this: beyond, float32 has no digits for it.
LEAST_LEFT = 1e-6


def log_probabilities(worths: torch.Tensor, nothing: torch.Tensor) -> torch.Tensor:
    """For each place of each list, the log-probability of its tag among the tags that are left.

    A list's sum is its log-probability: sum over i of l_i - log(1 - p(nothing) - sum over j < i of exp l_j).

    Args:
        worths: lists x places, log-probability of each tag among all options; the tags of a list differ.
        nothing: of each list, log-probability of ``nothing``; minus infinity where there is no such option.

    Returns:
        Lists x places.
    """
    taken = torch.cat([nothing[:, None], worths[:, :-1]], dim=1).exp().cumsum(dim=1)
    return worths - torch.log1p(-taken.clamp(max=1 - LEAST_LEFT))
