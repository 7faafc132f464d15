"""Other customers whose tags are put to a customer: any, and those of like evidence. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from model_steps.judge.case import Customer
from model_steps.judge.outcomes import ordered
from representation.catalog import CategoryVectors
from representation.evidence import Vectors

# Customers of like evidence that one is drawn from, and any others.
NEAR, ANY = 5, 8


class Others:
    """Customers of one day and split, by what they bought.

    Args:
        customers: each with evidence.
    """

    def __init__(self, customers: Sequence[Customer], catalog: CategoryVectors) -> None:
        by_user = {one.user_id: one for one in customers}
        self.users = tuple(sorted(by_user))
        self._row = {user: row for row, user in enumerate(self.users)}
        self._middles = np.zeros((len(self.users), catalog.vectors.shape[1]), np.float32)
        for row, user in enumerate(self.users):
            self._middles[row] = _middle(by_user[user], catalog)

    def near(self, user: str, *key: str) -> list[str]:
        """The nearest few, in an order of the key."""
        alike = self._middles @ self._middles[self._row[user]]
        nearest = (self.users[int(row)] for row in np.argsort(-alike, kind="stable"))
        return ordered([other for other in nearest if other != user][:NEAR], *key)

    def any(self, user: str, without: Collection[str], *key: str) -> list[str]:
        """Some others, whatever they bought, in an order of the key.

        Args:
            without: users who are none of them.
        """
        return ordered(set(self.users) - {user, *without}, *key)[:ANY]


def _middle(customer: Customer, catalog: CategoryVectors) -> Vectors:
    """The middle of a customer's categories, weighed by the logarithm of their days; of unit length."""
    weights = np.log1p([one.days for one in customer.evidence]).astype(np.float32)
    whole = weights @ catalog.vectors[catalog.rows(customer.evidence)]
    unit: Vectors = whole / np.maximum(np.linalg.norm(whole), np.float32(1e-9))
    return unit
