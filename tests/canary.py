"""Searches what a run wrote for an id that nothing but the source may hold, as decoded values."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def found(folder: Path, canary: str) -> list[str]:
    """The files below a folder that have a canary in their names or in what they hold, decoded."""
    return sorted({path.name for path in folder.rglob("*") if path.is_file() and _has(path, canary)})


def _has(path: Path, canary: str) -> bool:
    if canary in str(path):
        return True
    if path.suffix == ".parquet":
        return any(canary in text for row in pq.ParquetFile(path).read().to_pylist() for text in _texts(row))
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:15] == b"SQLite format 3":
        with sqlite3.connect(path) as database:
            return any(canary in line for line in database.iterdump())
    return canary.encode() in content


def _texts(value: Any) -> Iterator[str]:
    """Everything that a value holds as text; a moment also as the number it may have been read from."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, datetime):
        yield from (str(value), f"{value.timestamp():.0f}")
    else:
        yield f"{value:f}" if isinstance(value, float) else str(value)
