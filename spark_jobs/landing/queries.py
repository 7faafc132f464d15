"""Queries that users searched for are entities too: found while landing, one row a distinct text."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from representation.cleaning import entity_id
from schemas import entities


def searched_queries(validated: pa.Table) -> list[str]:
    """The distinct queries of usable searches, of ``VALIDATED`` rows."""
    usable = pc.and_(pc.is_null(validated["rule"]), pc.fill_null(pc.equal(validated["action"], "search"), False))
    return [str(query) for query in validated["query"].filter(usable).unique().to_pylist()]


def query_entities(queries: Sequence[str]) -> pa.Table:
    """``schemas.entities`` of normalized queries, one row a distinct one."""
    rows = [
        {"entity_id": entity_id("query", text), "text": text, "kind": "query", "category": None, "category_path": None}
        for text in sorted(set(queries))
    ]
    return pa.Table.from_pylist(rows, entities.TABLE.schema)
