"""The demo log's labels spelt out: a committed list beside the source, one line a label and level.

The catalog names its things by abbreviations ("SFT DRNK 2 LITER BTL CARB INCL"). The list gives each an English name,
one to one over the leaves, so that every category keeps its identity under another text. A label that the list lacks
stays as it is. The departments that ``evaluation/logs/completejourney.toml`` leaves out keep their names, so that one
rule holds for both forms.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from runtime.errors import ConfigurationError

LIST = Path(__file__).parent / "completejourney_labels.tsv"
# From department to leaf, as the path of an item has them.
LEVELS = ("department", "product_category", "product_type")
COLUMNS = ("level", "label", "readable")

logger = logging.getLogger(__name__)

# Level -> label of the catalog -> what a customer would say.
Labels = Mapping[str, Mapping[str, str]]


def read_labels(path: Path = LIST) -> Labels:
    """The list by level.

    Raises:
        ConfigurationError: a line has not three fields, names no level, is empty, or comes twice.
    """
    first, *lines = path.read_text().splitlines()
    labels: dict[str, dict[str, str]] = {level: {} for level in LEVELS}
    if tuple(first.split("\t")) != COLUMNS:
        raise ConfigurationError(f"{path.name} does not begin with the columns {', '.join(COLUMNS)}, tabs between.")
    for number, line in enumerate(lines, start=2):
        fields = line.split("\t")
        if len(fields) != len(COLUMNS) or fields[0] not in labels or not all(fields):
            raise ConfigurationError(f"{path.name}, line {number}: a level, a label and its English, tabs between.")
        level, label, readable = fields
        if label in labels[level]:
            raise ConfigurationError(f"{path.name}, line {number}: {level} {label!r} stands there already.")
        labels[level][label] = readable
    return labels


def readable_path(labels: Labels, column: str = "path") -> pl.Expr:
    """A path from department to leaf, its labels replaced where the list has them; missing levels stay null."""
    return pl.concat_list(
        pl.col(column).list.get(position).replace(labels[level]) for position, level in enumerate(LEVELS)
    )


def unlisted(labels: Labels, products: pl.DataFrame) -> Sequence[tuple[str, str]]:
    """(level, label) of the labels that the list lacks, sorted.

    Args:
        labels: the list.
        products: columns department, product_category, product_type; null where a level is missing.
    """
    return [
        (level, label)
        for level in LEVELS
        for label in products[level].drop_nulls().unique().sort().to_list()
        if label not in labels[level]
    ]


def report_unlisted(labels: Labels, products: pl.DataFrame) -> None:
    """One line in the log when the catalog has labels that the list lacks."""
    if missing := unlisted(labels, products):
        logger.warning(
            "%d labels of the catalog are not in %s and stay abbreviated, the first: %s %r.",
            len(missing), LIST.name, *missing[0],
        )  # fmt: skip
