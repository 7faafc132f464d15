"""How far two raters, or several annotators, give the same items the same class (issue 15).

Every figure has its interval over users (``evaluation.cluster_bootstrap``). What is undefined, such as kappa where both
raters know one class alone, is None and never a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation import confusion
from evaluation.bootstrap import RESAMPLES
from evaluation.class_codes import NONE_GIVEN, Labels, codes
from evaluation.cluster_bootstrap import ClusterInterval, Figure, Tables, by_user, intervals
from runtime.errors import UsageError

_BY_CLASS = ("true_positive_rate", "true_negative_rate", "base_rates", "judged_rates")


@dataclass(frozen=True)
class Agreement:
    """A judge held against a reference, on the items that both labelled.

    Args:
        items: how many those are.
        users: how many users they belong to.
        confusion: items by class of the reference (rows) and of the judge (columns), in the order of the classes.
        accuracy: share of items with the same class.
        kappa: Cohen's; read it with the base rates: where one class dominates it is low at any accuracy.
        f1: of the class that was asked for.
        true_positive_rate: by class, of the items of that class the share that the judge gives it.
        true_negative_rate: by class, of the items of other classes the share that the judge does not give it.
        base_rates: by class, its share among the reference's labels.
        judged_rates: by class, its share among the judge's labels.
    """

    items: int
    users: int
    confusion: tuple[tuple[int, ...], ...]
    accuracy: ClusterInterval
    kappa: ClusterInterval
    f1: ClusterInterval
    true_positive_rate: dict[str, ClusterInterval]
    true_negative_rate: dict[str, ClusterInterval]
    base_rates: dict[str, ClusterInterval]
    judged_rates: dict[str, ClusterInterval]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Reliability:
    """Agreement of two annotators or more, on the items that at least two of them labelled.

    Args:
        alpha: Krippendorff's, nominal.
        annotators: how many there are.
        items: how many have two labels or more.
        users: how many users those belong to.
    """

    alpha: ClusterInterval
    annotators: int
    items: int
    users: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def agreement(
    reference: Labels,
    judged: Labels,
    users: Sequence[str],
    classes: Sequence[str],
    positive: str,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Agreement:
    """All figures of a judge against a reference.

    Args:
        reference: what counts as true.
        judged: the judge's labels of the same items.
        users: whose each item is.
        classes: all that a label can be.
        positive: the class of the F1, such as the tier S.
        seed: of the draws of users.
        resamples: how many draws.

    Raises:
        DataError: a label is no class, or the numbers of labels and users differ.
        UsageError: classes are named twice, or the positive one is none of them.
    """
    tables = _confusions(reference, [judged], users, classes)[:, 0]
    figures = _figures(classes, positive)
    figures |= {f"base_rates/{name}": confusion.base_rate(index) for index, name in enumerate(classes)}
    figures |= {f"judged_rates/{name}": confusion.judged_rate(index) for index, name in enumerate(classes)}
    found = intervals(tables, figures, seed, resamples)
    total = tables.sum(axis=0)
    return Agreement(
        items=int(total.sum()),
        users=len(tables),
        confusion=tuple(tuple(int(number) for number in row) for row in total),
        accuracy=found["accuracy"],
        kappa=found["kappa"],
        f1=found["f1"],
        **{name: {each: found[f"{name}/{each}"] for each in classes} for name in _BY_CLASS},
    )


def paired_agreement(
    reference: Labels,
    judged: Labels,
    rival: Labels,
    users: Sequence[str],
    classes: Sequence[str],
    positive: str,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, ClusterInterval]:
    """Figures of a judge minus a rival's, on the items that all three labelled, with the same draws of users.

    Returns:
        ``accuracy``, ``kappa``, ``f1``, and ``true_positive_rate/CLASS`` and ``true_negative_rate/CLASS``.

    Raises:
        DataError: a label is no class, or the numbers of labels and users differ.
        UsageError: classes are named twice, or the positive one is none of them.
    """
    tables = _confusions(reference, [judged, rival], users, classes)
    differences = {name: confusion.difference(figure) for name, figure in _figures(classes, positive).items()}
    return intervals(tables, differences, seed, resamples)


def reliability(
    annotators: Mapping[str, Labels],
    users: Sequence[str],
    classes: Sequence[str],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Reliability:
    """Krippendorff's nominal alpha of annotators who need not have labelled everything.

    Args:
        annotators: by name, the labels of the same items.
        users: whose each item is.
        classes: all that a label can be.
        seed: of the draws of users.
        resamples: how many draws.

    Raises:
        DataError: a label is no class, or the numbers of labels and users differ.
        UsageError: classes are named twice.
    """
    given = np.zeros((len(users), len(classes)), dtype=np.int64)
    for name, labels in annotators.items():
        given += codes(labels, len(users), classes, name)[:, None] == np.arange(len(classes))
    compared = given.sum(axis=1) > 1
    tables = by_user(confusion.coincidences(given[compared]), _of(users, compared))
    alpha = intervals(tables, {"alpha": confusion.alpha}, seed, resamples)["alpha"]
    return Reliability(alpha, len(annotators), int(compared.sum()), len(tables))


def _figures(classes: Sequence[str], positive: str) -> dict[str, Figure]:
    if positive not in classes:
        raise UsageError(f"{positive!r} is none of the classes {', '.join(classes)}: name one of them as the positive.")
    figures: dict[str, Figure] = {
        "accuracy": confusion.accuracy,
        "kappa": confusion.kappa,
        "f1": confusion.f1(list(classes).index(positive)),
    }
    figures |= {f"true_positive_rate/{name}": confusion.true_positive_rate(at) for at, name in enumerate(classes)}
    return figures | {f"true_negative_rate/{name}": confusion.true_negative_rate(at) for at, name in enumerate(classes)}


def _confusions(reference: Labels, judges: Sequence[Labels], users: Sequence[str], classes: Sequence[str]) -> Tables:
    """Users x judges x classes of the reference x classes of the judge, on items that nobody left out."""
    true = codes(reference, len(users), classes, "the reference")
    said = np.array([codes(labels, len(users), classes, "a judge") for labels in judges])
    compared = (true != NONE_GIVEN) & (said != NONE_GIVEN).all(axis=0)
    unit = np.eye(len(classes))
    tables = unit[true[compared]][:, None, :, None] * unit[said[:, compared].T][:, :, None, :]
    return by_user(tables, _of(users, compared))


def _of(users: Sequence[str], compared: npt.NDArray[np.bool_]) -> list[str]:
    return [user for user, is_compared in zip(users, compared, strict=True) if is_compared]
