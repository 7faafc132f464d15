"""The figures of a record as tables for people. Pure functions, whatever figures there are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_MEASURED = "not measured"
# What an interval holds.
INTERVAL = {"value", "low", "high"}


@dataclass
class FigureTable:
    """Figures that have the same columns, for example one a judge.

    Args:
        title: where in the record they stand. columns: over the figures. rows: a name, and a text a column.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, list[str]]] = field(default_factory=list)


def tables_of(figures: Mapping[str, Any]) -> list[FigureTable]:
    """Figures side by side where they have the same names below them; single ones a line each.

    Lists (of bins, of a confusion) are left to the plots.
    """
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for path, text in _leaves(figures, ()):
        groups.setdefault(path[:-1], {})[path[-1]] = text
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], FigureTable] = {}
    for path, cells in groups.items():
        if path and len(cells) > 1:
            above, columns, rows = path[:-1], tuple(cells), [(path[-1], list(cells.values()))]
        else:
            above, columns, rows = path, ("",), [(name, [text]) for name, text in cells.items()]
        title = " · ".join(map(words, above)) or "The exam"
        found.setdefault((above, columns), FigureTable(title, tuple(map(words, columns)))).rows.extend(
            (words(name), texts) for name, texts in rows
        )
    return list(found.values())


def words(name: str) -> str:
    """A name of a figure for people."""
    return name.replace("_", " ")


def text_of(value: Any) -> str:
    """A figure, or a figure with its interval, as a text."""
    if isinstance(value, Mapping):
        middle, low, high = (text_of(value[name]) for name in ("value", "low", "high"))
        return middle if middle == NOT_MEASURED or low == high == NOT_MEASURED else f"{middle} ({low} to {high})"
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOT_MEASURED
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def _leaves(figures: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in figures.items():
        here = (*path, str(name))
        if isinstance(value, Mapping) and set(value) != INTERVAL:
            yield from _leaves(value, here)
        elif not isinstance(value, list | tuple):
            yield here, text_of(value)
