"""What evaluators know of the shop: its categories and their levels, its texts, and how popular a category is.

Pure; ``day_inputs.py`` reads it from a lake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from model_steps.judge.case import Case
from representation.catalog import CategoryVectors
from representation.evidence import PATH_SEPARATOR, CategoryEvidence, category_label

# Words for how many of a hundred customers: prompts that change with every customer would be asked anew every day.
STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100)


class CatalogTexts:
    """The catalog's texts, found by the words that they share with a tag; rare words count more (TF-IDF).

    Args:
        texts: of categories and items, any order.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(sorted(set(texts)))

    @cached_property
    def _index(self) -> tuple[Any, Any]:
        """Vectorizer and matrix, made when the first tag is looked up."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(token_pattern=r"\w+")
        return vectorizer, vectorizer.fit_transform(self.texts)

    def nearest(self, tag: str, most: int) -> list[str]:
        """The texts most like a tag, the nearest first; none that shares no word with it."""
        if not any(character.isalnum() for text in self.texts for character in text):
            return []
        vectorizer, matrix = self._index
        alike = (matrix @ vectorizer.transform([tag]).T).toarray().ravel()
        order = np.argsort(-alike, kind="stable")[:most]
        return [self.texts[row] for row in order if alike[row] > 0]


@dataclass(frozen=True)
class Shop:
    """What evaluators know of the shop.

    Args:
        catalog: the categories with their vectors.
        paths: of each category, in the catalog's order, all levels from the top as prompts show them, its own last.
        texts: of the catalog.
        buyers: share of the customers whose evidence holds a category, by category; 0 where it has none.
        expected: the chance, by counting, that a case's customer buys its category; none: prompts do not tell.
    """

    catalog: CategoryVectors
    paths: tuple[tuple[str, ...], ...]
    texts: CatalogTexts
    buyers: Mapping[str, float] = field(default_factory=dict)
    expected: Callable[[Case], float] | None = None

    @cached_property
    def below(self) -> Mapping[str, int]:
        """How many categories lie below a level, by its name."""
        return Counter(level for path in self.paths for level in set(path[:-1]))

    @cached_property
    def _above(self) -> Mapping[str, tuple[str, ...]]:
        """What lies above a level; of several of one name the first by their categories."""
        found: dict[str, tuple[str, ...]] = {}
        for path in self.paths:
            for depth, level in enumerate(path[:-1]):
                found.setdefault(level, path[:depth])
        return found

    def above(self, case: Case) -> tuple[str, ...]:
        """The levels above what a tag names, from the top: above its category, or above the level that it is."""
        row = self.catalog.row_of.get(case.category or "")
        return self._above.get(category_label(case.text), ()) if row is None else self.paths[row][:-1]

    def nearest(self, case: Case, most: int) -> list[CategoryEvidence]:
        """Of what the customer bought, the categories nearest to the tag's, without itself, the nearest first."""
        row = self.catalog.row_of.get(case.category or "")
        bought = [one for one in case.customer.evidence if one.category != case.category]
        own = [one for one in bought if one.category in self.catalog.row_of]
        if row is None or not own:
            return []
        alike = self.catalog.vectors[self.catalog.rows(own)] @ self.catalog.vectors[row]
        return [own[place] for place in np.argsort(-alike, kind="stable")[:most]]


def levels_of(category_path: str | None, label: str) -> tuple[str, ...]:
    """All levels of a category path as prompts show them, the category's own label last."""
    above = (category_path or "").split(PATH_SEPARATOR)[:-1]
    return (*(category_label(level) for level in above), label)


def of_hundred(share: float) -> str:
    """A share, 0 to 1, as a number of a hundred that a small model reads: ``none``, ``fewer than 1``, ``about 15``."""
    if share <= 0:
        return "none"
    hundredth = 100 * share
    return "fewer than 1" if hundredth < 0.5 else f"about {min(STEPS, key=lambda step: abs(step - hundredth))}"
