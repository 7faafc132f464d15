"""What counting expects: the chance that a customer buys a tag's category, by the regression on a case's numbers.

It is the strongest simple judge of relevance (docs/judge.md). A tuned judge is told what it says, as one more piece of
evidence, so that its own part is what counting does not see; and a judge is compared with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.judged import regression
from evaluation.judged.regression import Regression
from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.features import NAMES, Popularity, matrix
from model_steps.judge.shop import Shop
from runtime.errors import DataError
from schemas.judge_labels import FINDINGS

FILE = "counting.json"


@dataclass(frozen=True)
class Counting:
    """The regression of relevance, as a judge's release carries it."""

    regression: Regression

    @classmethod
    def fit(
        cls,
        cases: Sequence[Case],
        labels: Sequence[str],
        splits: Sequence[str],
        facts: CatalogFacts,
        popularity: Mapping[str, Popularity],
    ) -> Counting:
        """Learn from labels of relevance.

        Args:
            cases: with a label each. splits: of their users; all must be train. popularity: by day.

        Raises:
            As ``evaluation.judged.regression.fit``.
        """
        return cls(regression.fit(matrix(cases, facts, popularity), labels, splits, NAMES, FINDINGS))

    def chances(
        self, cases: Sequence[Case], facts: CatalogFacts, popularity: Mapping[str, Popularity]
    ) -> dict[str, float]:
        """By item, the chance, 0 to 1, that its customer buys it.

        Args:
            popularity: by day; of each day that a case has.
        """
        if not cases:
            return {}
        found = self.regression.probabilities(matrix(cases, facts, popularity))[:, FINDINGS.index("positive")]
        return {case.item_id: float(chance) for case, chance in zip(cases, found, strict=True)}

    def content(self) -> bytes:
        """The file of a release."""
        return json.dumps(self.regression.document(), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def read(cls, content: bytes, where: str) -> Counting:
        """From the file of a release.

        Args:
            where: it lies, for a sentence.

        Raises:
            DataError: it is damaged, or was made of other numbers than these.
        """
        try:
            document = json.loads(content)
        except ValueError as error:
            raise DataError(f"{where} is no JSON ({error}): restore it.") from None
        return cls(Regression.read(document, NAMES, FINDINGS))


def told(shop: Shop, chances: Mapping[str, float]) -> Shop:
    """A shop whose evaluators are told what counting expects of each case.

    Args:
        chances: by item; of each case that will be shown.
    """
    return replace(shop, expected=lambda case: chances[case.item_id])
