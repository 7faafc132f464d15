"""UP-CF@r (Faggioli et al., UMAP 2020, "Recency Aware Collaborative Filtering for Next Basket Recommendation"): recent
frequencies of all users, weighted by how much their categories are the user's. Baskets are days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.grid import Scores
from evaluation.visits import Visits


@dataclass(frozen=True)
class Filtering:
    """The parameters, in the paper's symbols.

    Args:
        recent: newest baskets that count (r).
        asymmetry: share of the user's own number of categories in the norm (alpha); 0.5 is the cosine.
        locality: power of the similarity (q): the higher, the fewer users count.
    """

    recent: int
    asymmetry: float
    locality: float


# Chosen on users of train and validation by `python -m bench.baseline_settings`.
FILTERING = Filtering(recent=100, asymmetry=0.5, locality=10)


def recent_popularity(visits: Visits, recent: int) -> Scores:
    """The share of a user's newest baskets that hold the category, as users x categories.

    Args:
        visits: of the users.
        recent: newest baskets that count.
    """
    basket, numbers = visits.baskets()
    counted = np.minimum(numbers, recent)[visits.rows]
    return visits.summed((basket < recent) / np.maximum(counted, 1))


def similarity(own: Scores, everybody: Scores, asymmetry: float) -> Scores:
    """The asymmetric cosine of two users' sets of categories: ``common / (|u|^alpha |v|^(1 - alpha))``.

    Args:
        own: of the users to be scored; what is positive is in the set.
        everybody: of those they are compared with.
        asymmetry: alpha.
    """
    mine, theirs = (own > 0).astype(np.float32), (everybody > 0).astype(np.float32)
    norm = np.outer(mine.sum(axis=1) ** asymmetry, theirs.sum(axis=1) ** (1 - asymmetry))
    common = mine @ theirs.T
    alike: Scores = np.divide(common, norm, out=np.zeros_like(common), where=norm > 0)
    return alike


def up_cf(own: Scores, everybody: Scores, recent: Scores, filtering: Filtering = FILTERING) -> Scores:
    """``sum over users v of similarity(u, v)^q x recent popularity of v``; the user is one of them.

    Args:
        own: distinct days of the users to be scored, users x categories.
        everybody: distinct days of all users.
        recent: ``recent_popularity`` of all users.
        filtering: the parameters.
    """
    weights = similarity(own, everybody, filtering.asymmetry) ** np.float32(filtering.locality)
    return (weights @ recent).astype(np.float32)
