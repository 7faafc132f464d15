"""The catalog's categories with their vectors, from the lake's tables."""

from __future__ import annotations

import pyarrow as pa

from representation.catalog import CategoryVectors
from runtime.errors import SourceMissing


def category_vectors(categories: pa.Table, vectors: pa.Table) -> CategoryVectors:
    """Join categories with their vectors.

    Args:
        categories: entity_id, text, category and category_path of the entities of kind category.
        vectors: entity_id and vector, of one embedder.

    Raises:
        SourceMissing: a category has no vector.
    """
    rows = categories.to_pylist()
    found = dict(zip(vectors["entity_id"].to_pylist(), vectors["vector"].to_pylist(), strict=True))
    lost = [row["category"] for row in rows if row["entity_id"] not in found]
    if lost:
        raise SourceMissing(
            f"{len(lost)} of {len(rows)} categories have no vector ({min(lost)!r} first): run "
            "`python -m model_steps.embed` first."
        )
    return CategoryVectors.of(rows, found)
