"""The catalog's categories with their labels, the level above and their vectors: what personas are made with.

Pure functions, the same for training's examples (Spark) and for serving (the agents).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from representation.context import CategoryDays
from representation.evidence import CategoryEvidence, Vectors, category_label, label_in_catalog, parent_of, personas

NAMES = 3


@dataclass(frozen=True)
class CategoryVectors:
    """Categories, sorted by name.

    Args:
        names: as the catalog has them. labels: as prompts show them. parents: the level above as prompts show it,
            empty where there is none.
        vectors: of unit length, a row a category.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    parents: tuple[str, ...]
    vectors: Vectors

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of a category's name."""
        return {name: row for row, name in enumerate(self.names)}

    @cached_property
    def category_of(self) -> dict[str, str]:
        """The category of a label; of several under one label the first by name."""
        return dict(zip(reversed(self.labels), reversed(self.names), strict=True))

    @classmethod
    def of(cls, categories: Sequence[Mapping[str, Any]], vectors: Mapping[str, Any]) -> CategoryVectors:
        """Join categories with their vectors.

        Args:
            categories: entity_id, text, category and category_path of the entities of kind category.
            vectors: by entity_id, each category's.
        """
        rows = sorted(categories, key=lambda row: str(row["category"]))
        return cls(
            names=tuple(row["category"] for row in rows),
            labels=tuple(label_in_catalog(row["text"], row["category_path"]) for row in rows),
            parents=tuple(category_label(parent_of(row["category_path"]) or "") for row in rows),
            vectors=np.array([vectors[row["entity_id"]] for row in rows], np.float32).reshape(len(rows), -1),
        )

    def evidence_of(self, own: Sequence[CategoryDays]) -> list[CategoryEvidence]:
        """A user's categories under the labels that prompts show."""
        return [
            CategoryEvidence(
                one.category,
                self.labels[self.row_of[one.category]],
                one.days,
                one.last_day,
                one.usual_interval,
                one.rank,
            )
            for one in own
        ]

    def rows(self, evidence: Sequence[CategoryEvidence]) -> list[int]:
        """The rows of evidence's categories."""
        return [self.row_of[one.category] for one in evidence]

    def personas_of(
        self, evidence: Sequence[CategoryEvidence], number: int, most: int
    ) -> list[tuple[CategoryEvidence, ...]]:
        """A user's evidence by persona, the one of the most certain category first; none where there is no evidence.

        Args:
            evidence: the most certain first; only the first ``number * most`` are parted. number: K. most: categories
                a persona.
        """
        parted = personas(self.vectors[self.rows(evidence)], number, most)
        return [tuple(evidence[row] for row in group) for group in parted]

    def below(self, names: Sequence[str], group: Sequence[CategoryEvidence]) -> dict[str, list[CategoryEvidence]]:
        """Of a group's evidence what lies below each of its names."""
        above = [self.parents[row] or self.labels[row] for row in self.rows(group)]
        return {name: [one for one, level in zip(group, above, strict=True) if level == name] for name in names}

    def fields_of(self, group: Sequence[CategoryEvidence]) -> list[str]:
        """What a persona may be called: the levels above its categories, most days of buying below them first.

        Beside the first only those with two of its categories and half of its days, for one odd category makes no
        expert.
        """
        days: Counter[str] = Counter()
        above = [self.parents[row] or self.labels[row] for row in self.rows(group)]
        for name, one in zip(above, group, strict=True):
            days[name] += one.days
        first, *others = days.most_common(NAMES)
        return [first[0], *(name for name, count in others if 2 * count >= first[1] and above.count(name) > 1)]

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Candidates for a persona's name: the levels above its categories, most frequent first."""
        above = Counter(self.parents[row] or self.labels[row] for row in rows)
        return [name for name, _count in above.most_common(NAMES)]
