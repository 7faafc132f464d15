"""Figures of agreement from tables of classes, one value a table, NaN where a table gives none. Pure functions.

A confusion table counts items by the reference's class (rows) and the judge's (columns). A coincidence table, of any
number of annotators, counts pairs of labels of one item (Krippendorff, "Computing Krippendorff's alpha-reliability",
2011).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evaluation.cluster_bootstrap import Figure, Tables, share
from evaluation.metrics import Values


def accuracy(tables: Tables) -> Values:
    """Share of items that both give the same class."""
    return share(_same(tables), _all(tables))


def kappa(tables: Tables) -> Values:
    """Cohen's kappa: agreement beyond what the two raters' base rates give by chance.

    Undefined where both know one and the same class alone: chance then agrees always.
    """
    number = _all(tables)
    # By n squared, so that whole numbers stay exact and 0 is 0.
    by_chance = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1)
    return share(number * _same(tables) - by_chance, number**2 - by_chance)


def alpha(coincidences: Tables) -> Values:
    """Krippendorff's nominal alpha: one minus observed by expected disagreement.

    Undefined where all pairable labels are of one class: nothing shows that annotators tell classes apart.
    """
    number = _all(coincidences)
    by_class = coincidences.sum(axis=-1)
    expected = number**2 - (by_class**2).sum(axis=-1)
    return 1 - share((number - 1) * (number - _same(coincidences)), expected)


def coincidences(given: npt.NDArray[np.int64]) -> Tables:
    """Coincidence tables of items, one each: classes x classes, their sum the number of the item's labels.

    Args:
        given: items x classes, how many annotators gave which class; two labels an item or more.
    """
    # Ordered pairs of labels of two annotators, one annotator's own label being no pair.
    pairs = given[:, :, None] * given[:, None, :] - given[:, :, None] * np.eye(given.shape[1])
    tables: Tables = pairs / (given.sum(axis=1) - 1)[:, None, None]
    return tables


def f1(of: int) -> Figure:
    """F1 of a class, by its position; undefined where neither rater gives it."""
    return lambda tables: share(
        2 * tables[..., of, of], tables[..., of, :].sum(axis=-1) + tables[..., :, of].sum(axis=-1)
    )


def true_positive_rate(of: int) -> Figure:
    """Sensitivity: of the items of a class, the share that the judge gives it."""
    return lambda tables: share(tables[..., of, of], tables[..., of, :].sum(axis=-1))


def true_negative_rate(of: int) -> Figure:
    """Specificity: of the items of other classes, the share that the judge does not give it."""

    def rate(tables: Tables) -> Values:
        others = _all(tables) - tables[..., of, :].sum(axis=-1)
        false_positives = tables[..., :, of].sum(axis=-1) - tables[..., of, of]
        return share(others - false_positives, others)

    return rate


def base_rate(of: int) -> Figure:
    """The share of a class among the reference's labels."""
    return lambda tables: share(tables[..., of, :].sum(axis=-1), _all(tables))


def judged_rate(of: int) -> Figure:
    """The share of a class among the judge's labels."""
    return lambda tables: share(tables[..., :, of].sum(axis=-1), _all(tables))


def difference(figure: Figure) -> Figure:
    """The figure of the first judge minus that of the second; tables are judges x classes x classes."""
    return lambda tables: figure(tables[:, 0]) - figure(tables[:, 1])


def _all(tables: Tables) -> Values:
    number: Values = tables.sum(axis=(-2, -1))
    return number


def _same(tables: Tables) -> Values:
    number: Values = np.trace(tables, axis1=-2, axis2=-1)
    return number
