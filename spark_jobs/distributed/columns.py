"""Two things that Arrow columns are asked for again and again."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def map_distinct(column: pa.ChunkedArray | pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """``function`` of each distinct text, spread over the column; null stays null."""
    encoded = flat(column).dictionary_encode()
    values = pa.array([function(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return values.take(encoded.indices)
