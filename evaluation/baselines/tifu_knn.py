"""TIFU-KNN (Hu et al., SIGIR 2020, "Modeling Personalized Item Frequency Information for Next-basket Recommendation"):
the user's own frequencies under two decays, and the mean of those of the nearest users. Baskets are days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.grid import Scores
from evaluation.visits import Numbers, Visits


@dataclass(frozen=True)
class Decays:
    """The parameters, in the paper's symbols.

    Args:
        group: baskets a group (m), counted from the newest; the oldest group may have fewer.
        within: decay from a basket to the one before within its group (r_b).
        across: decay from a group to the one before (r_g).
        neighbours: how many of the nearest users are averaged (k).
        own: weight of the user's own vector (alpha); the neighbours' mean has the rest.
    """

    group: int
    within: float
    across: float
    neighbours: int
    own: float


# What the paper gives for its four data sets; chosen among them by `python -m bench.baseline_settings`, on users of
# train and validation.
PUBLISHED = {
    "ta_feng": Decays(7, 0.9, 0.7, 300, 0.7),
    "dunnhumby": Decays(3, 0.9, 0.6, 900, 0.2),
    "valued_shopper": Decays(7, 1.0, 0.6, 300, 0.7),
    "instacart": Decays(3, 0.9, 0.7, 900, 0.9),
}
DECAYS = PUBLISHED["valued_shopper"]


def frequencies(visits: Visits, decays: Decays) -> Scores:
    """The users' vectors: the mean over groups, decayed, of the mean over each group's baskets, decayed.

    Args:
        visits: of the users.
        decays: the parameters.
    """
    basket, numbers = visits.baskets()
    group, place = np.divmod(basket, decays.group)
    of_user = numbers[visits.rows]
    groups = -(-of_user // decays.group)
    in_group = np.minimum(decays.group, of_user - group * decays.group)
    return visits.summed(decays.within**place / in_group * decays.across**group / groups)


def tifu_knn(own: Numbers, everybody: Scores, decays: Decays = DECAYS) -> Scores:
    """``alpha u + (1 - alpha) mean of the k nearest users' vectors``, nearest by Euclidean distance.

    Args:
        own: the places of the users to be scored among everybody; nobody is a neighbour of their own.
        everybody: vectors of all users.
        decays: the parameters.
    """
    vectors = everybody[own]
    neighbours = min(decays.neighbours, len(everybody) - 1)
    if neighbours < 1:
        return np.float32(decays.own) * vectors
    # The user's own square is the same for all neighbours, so their order does without it.
    distances = (everybody**2).sum(axis=1)[None] - 2 * vectors @ everybody.T
    distances[np.arange(len(own)), own] = np.inf
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    chosen = np.zeros(distances.shape, np.float32)
    np.put_along_axis(chosen, nearest, np.float32(1 / neighbours), axis=1)
    scores: Scores = np.float32(decays.own) * vectors + np.float32(1 - decays.own) * (chosen @ everybody)
    return scores
