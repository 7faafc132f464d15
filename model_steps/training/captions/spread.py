"""How captions of validation pairs spread over what may be said, and how good they are: exact, nothing is drawn.

Pure functions of the shares of each caption.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations

from evaluation.captions import rouge_l

Shares = Mapping[str, float]
_alike = lru_cache(maxsize=2**18)(rouge_l)


def diversity(readers: Sequence[Shares]) -> float | None:
    """Expected 1 - ROUGE-L between the captions of one item, each reader's drawn once, over all pairs of readers.

    Args:
        readers: shares of each reader's captions.

    Returns:
        None where there are fewer than two readers.
    """
    pairs = list(combinations(readers, 2))
    if not pairs:
        return None
    return 1 - sum(_common(one, other) for one, other in pairs) / len(pairs)


def _common(one: Shares, other: Shares) -> float:
    return sum(
        share * more * _alike(*sorted((caption, another)))
        for caption, share in one.items()
        for another, more in other.items()
    )


def distinct(readers: Sequence[Shares]) -> float:
    """Expected number of different captions of one item, each reader's drawn once."""
    every = {caption for shares in readers for caption in shares}
    return sum(1 - math.prod(1 - shares.get(caption, 0.0) for shares in readers) for caption in every)


def entropy(shares: Shares) -> float:
    """Of a pair's captions, in nats."""
    return -sum(share * math.log(share) for share in shares.values() if share > 0)


def expected(shares: Shares, worth: Mapping[str, float]) -> float:
    """Mean of a number that each caption has."""
    return sum(share * worth[caption] for caption, share in shares.items())
