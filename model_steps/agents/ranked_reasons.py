"""Why a ranked tag: what the user did in the tag's own category; else the persona's need, and the nearest one."""

from __future__ import annotations

from collections.abc import Sequence

from representation.catalog import CategoryVectors
from representation.evidence import CategoryEvidence, fact


class Reasons:
    """Reasons of one user's tags.

    Args:
        own: the user's whole evidence. day: the last day of the history.
    """

    def __init__(self, catalog: CategoryVectors, own: Sequence[CategoryEvidence], day: str) -> None:
        self._catalog, self._day = catalog, day
        self._own = {one.category: one for one in own}

    def why(self, need: str, category: str, evidence: Sequence[CategoryEvidence]) -> str:
        """A sentence or two that hold for this tag.

        Args:
            need: the persona's. category: the tag's. evidence: the persona's, not empty.
        """
        bought = self._own.get(category)
        if bought is not None:
            return f"Bought before: {fact(bought, self._day)}."
        row = self._catalog.row_of[category]
        alike = self._catalog.vectors[self._catalog.rows(evidence)] @ self._catalog.vectors[row]
        return f"{need} Goes with what was bought: {fact(evidence[int(alike.argmax())], self._day)}."
