"""The catalog's categories with their labels, the level above and their vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from representation.evidence import Vectors, category_label
from runtime.errors import SourceMissing
from spark_jobs.histories.category_days import PATH_SEPARATOR


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
        return {name: row for row, name in enumerate(self.names)}

    @classmethod
    def of(cls, categories: pa.Table, vectors: pa.Table) -> CategoryVectors:
        """Join categories with their vectors.

        Args:
            categories: entity_id, text, category and category_path of the entities of kind category.
            vectors: entity_id and vector, of one embedder.

        Raises:
            SourceMissing: a category has no vector.
        """
        rows = sorted(categories.to_pylist(), key=lambda row: str(row["category"]))
        found = dict(zip(vectors["entity_id"].to_pylist(), vectors["vector"].to_pylist(), strict=True))
        if lost := [row["category"] for row in rows if row["entity_id"] not in found]:
            raise SourceMissing(
                f"{len(lost)} of {len(rows)} categories have no vector ({lost[0]!r} first): run "
                "`python -m model_steps.embed` first."
            )
        parents = [_parent(row["category_path"]) for row in rows]
        return cls(
            names=tuple(row["category"] for row in rows),
            labels=tuple(
                category_label(row["text"].removesuffix(f", {parent}"), parent)
                for row, parent in zip(rows, parents, strict=True)
            ),
            parents=tuple(category_label(parent or "") for parent in parents),
            vectors=np.array([found[row["entity_id"]] for row in rows], np.float32).reshape(len(rows), -1),
        )


def _parent(path: str | None) -> str | None:
    """The last but one level of a path."""
    levels = (path or "").split(PATH_SEPARATOR)
    return levels[-2] if len(levels) > 1 else None
