"""The regression that a judge must beat: learnt of train users alone, and kept as plain numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evaluation.judged.regression import Numbers, Regression, fit
from runtime.errors import DataError, UsageError

FEATURES = ("days", "weeks")
CLASSES = ("negative", "neutral", "positive")


def examples(classes: int, number: int = 120) -> tuple[Numbers, list[str]]:
    """Classes that days tell apart, with noise."""
    random = np.random.default_rng(7)
    places = np.arange(number) % classes
    given = np.stack([places * 2 + random.normal(size=number), random.normal(3, 5, number)], axis=1)
    return given, [CLASSES[-classes:][place] for place in places]


def learnt(classes: int = 3) -> Regression:
    given, labels = examples(classes)
    return fit(given, labels, ["train"] * len(given), FEATURES, CLASSES)


@pytest.mark.parametrize("classes", [2, 3])
def test_its_probabilities_are_scikit_learns(classes: int) -> None:
    given, labels = examples(classes)
    found = learnt(classes).probabilities(given)
    scaled = (given - given.mean(axis=0)) / given.std(axis=0)
    model = LogisticRegression(C=1.0, max_iter=1_000).fit(scaled, labels)
    expected = model.predict_proba(scaled)
    order = [list(model.classes_).index(name) for name in CLASSES[-classes:]]
    assert np.allclose(found[:, -classes:], expected[:, order], atol=1e-6)
    assert np.allclose(found.sum(axis=1), 1)


def test_two_classes_by_hand() -> None:
    one = Regression(
        ("days",),
        ("negative", "positive"),
        np.array([4.0]),
        np.array([2.0]),
        np.array([0.0, 0.5]),
        np.array([[0.0], [3.0]]),
    )
    # 0.5 + 3 x (6 - 4) / 2 = 3.5
    assert one.probabilities(np.array([[6.0]]))[0, 1] == pytest.approx(1 / (1 + math.exp(-3.5)))
    assert one.labels(np.array([[6.0], [0.0]])) == ["positive", "negative"]
    assert one.labels(np.empty((0, 1))) == []


def test_a_class_that_no_example_had_is_never_said() -> None:
    found = learnt(2)
    given, _ = examples(3)
    assert (found.probabilities(given)[:, 0] == 0).all()
    assert set(found.labels(given)) == {"neutral", "positive"}


def test_of_one_class_alone_that_one_is_certain() -> None:
    found = fit(np.ones((3, 2)), ["positive"] * 3, ["train"] * 3, FEATURES, CLASSES)
    assert found.probabilities(np.array([[5.0, -5.0]])).tolist() == [[0, 0, 1]]


def test_a_number_that_is_always_the_same_says_nothing() -> None:
    given, labels = examples(3)
    given[:, 1] = 0.1
    found = fit(given, labels, ["train"] * len(given), FEATURES, CLASSES)
    given[:, 1] = 100.0
    assert np.isfinite(found.probabilities(given)).all()
    assert found.scales[1] == 1


def test_only_train_users_are_learnt_from() -> None:
    given, labels = examples(3)
    splits = ["train"] * (len(given) - 1)
    with pytest.raises(DataError, match=r"1 of 120 examples are of the split holdout: fit on train alone"):
        fit(given, labels, [*splits, "holdout"], FEATURES, CLASSES)
    with pytest.raises(DataError, match="of the split validation"):
        fit(given, labels, [*splits, "validation"], FEATURES, CLASSES)


def test_what_cannot_be_learnt_is_a_sentence() -> None:
    given, labels = examples(3)
    splits = ["train"] * len(given)
    with pytest.raises(UsageError, match="no example"):
        fit(np.empty((0, 2)), [], [], FEATURES, CLASSES)
    with pytest.raises(DataError, match="'S' is none of"):
        fit(given, ["S", *labels[1:]], splits, FEATURES, CLASSES)
    with pytest.raises(DataError, match="119 labels"):
        fit(given, labels[1:], splits, FEATURES, CLASSES)
    given[3, 1] = math.nan
    with pytest.raises(DataError, match="weeks of item 3 is nan"):
        fit(given, labels, splits, FEATURES, CLASSES)
    with pytest.raises(DataError, match="days, weeks"):
        learnt().probabilities(given[:, :1])


@pytest.mark.parametrize("classes", [2, 3])
def test_it_survives_as_json(classes: int) -> None:
    before = learnt(classes)
    document = json.loads(json.dumps(before.document(), allow_nan=False))
    after = Regression.read(document, FEATURES, CLASSES)
    given, _ = examples(3)
    assert (after.probabilities(given) == before.probabilities(given)).all()


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field is missing": lambda document: document.pop("means"),
    "no number": lambda document: document["scales"].__setitem__(0, "wide"),
    "not finite": lambda document: document["coefficients"][0].__setitem__(0, math.nan),
    "too short": lambda document: document["intercepts"].pop(),
    "one coefficient less": lambda document: [row.pop() for row in document["coefficients"]],
    "ragged": lambda document: document["coefficients"][1].pop(),
    "no scale": lambda document: document["scales"].__setitem__(1, 0.0),
    "no class at all": lambda document: document.__setitem__("intercepts", [None] * 3),
    "infinite": lambda document: document["intercepts"].__setitem__(0, math.inf),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_document_is_refused(damage: str) -> None:
    document = learnt().document()
    DAMAGES[damage](document)
    with pytest.raises(DataError, match="fit it anew"):
        Regression.read(document, FEATURES, CLASSES)


@pytest.mark.parametrize("document", [None, [], "text", 3, {"features": 1}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(DataError, match="fit it anew"):
        Regression.read(document, FEATURES, CLASSES)


def test_a_document_of_other_numbers_or_labels_is_refused() -> None:
    document = learnt().document()
    with pytest.raises(DataError, match="others are wanted"):
        Regression.read(document, ("weeks", "days"), CLASSES)
    with pytest.raises(DataError, match="others are wanted"):
        Regression.read(document, FEATURES, ("S", "A", "B"))
