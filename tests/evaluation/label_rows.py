"""Rows of judge_labels for tests: an output is named by its text, everything else about it follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from schemas.judge_labels import PEOPLE, TABLE, item_id

DAY = "2017-11-01"
USER = "user-1"

Row = dict[str, Any]


def item(text: str) -> str:
    """The id of the output with this text."""
    return item_id("tag", DAY, USER, text, None)


def built(text: str, dimension: str, label: str | None, *, origin: str = "outcome", release: str = "") -> Row:
    return {
        "item_id": item(text),
        "kind": "tag",
        "day": DAY,
        "user_id": USER,
        "text": text,
        "category": None,
        "persona": None,
        "why": None,
        "dimension": dimension,
        "label": label,
        "origin": origin,
        "annotator": "",
        "split": "holdout",
        "release": release,
        "comment": None,
    }


def given(text: str, dimension: str, label: str, annotator: str) -> Row:
    return {**built(text, dimension, label, origin=PEOPLE), "annotator": annotator}


def arrow(rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), TABLE.schema)


def frame(*rows: Row) -> pl.DataFrame:
    found = pl.from_arrow(arrow(rows))
    assert isinstance(found, pl.DataFrame)
    return found
