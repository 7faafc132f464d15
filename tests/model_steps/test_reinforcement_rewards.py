"""The four rewards on hand-computed lists, and the edges of the bands of words."""

from __future__ import annotations

import numpy as np
import pytest

from model_steps.training.reinforcement.rewards import BANDS, accuracy, alignment, diversity, length

CATEGORY_OF = {"white milk": "milk", "skim milk": "milk", "corn": "corn", "rye bread": "bread"}


def test_accuracy_is_the_share_of_what_came_next_that_is_named() -> None:
    assert accuracy(["white milk", "corn"], ["milk", "bread", "oil", "eggs"], CATEGORY_OF) == 0.25
    assert accuracy(["white milk", "rye bread"], ["milk", "bread"], CATEGORY_OF) == 1.0
    # Two tags of one category name it once, and one that the map does not know names none.
    assert accuracy(["white milk", "skim milk", "unicorns"], ["milk", "corn"], CATEGORY_OF) == 0.5


def test_what_cannot_be_scored_is_missing_and_not_zero() -> None:
    assert accuracy(["corn"], [], CATEGORY_OF) is None
    assert accuracy(["corn"], ["milk"], CATEGORY_OF) == 0.0
    assert alignment([]) is None
    assert alignment([0.5, None]) is None
    assert diversity(np.array([[1.0, 0.0]], np.float32)) is None
    assert length([], BANDS["english"]) is None


def test_alignment_is_the_mean_over_tags() -> None:
    assert alignment([0.2, 0.4, 0.9]) == pytest.approx(0.5)


def test_diversity_is_the_mean_distance_of_all_pairs() -> None:
    # Distances of the three pairs: 1 (at right angles), 0 (equal), 1.
    assert diversity(np.array([[1, 0], [0, 1], [1, 0]], np.float32)) == pytest.approx(2 / 3)
    assert diversity(np.array([[1, 0], [-1, 0]], np.float32)) == pytest.approx(2.0)
    assert diversity(np.array([[0.6, 0.8], [1, 0]], np.float32)) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("language", "scores"),
    [
        # An edge that two bands share has the full score.
        ("paper", {3: 0, 4: 0.5, 5: 0.5, 6: 1, 8: 1, 11: 1, 12: 0.5, 13: 0.5, 14: 0}),
        ("english", {1: 0.5, 2: 1, 5: 1, 6: 0.5, 7: 0.5, 8: 0}),
    ],
)
def test_the_bands_of_words_have_these_edges(language: str, scores: dict[int, float]) -> None:
    bands = BANDS[language]  # type: ignore[index]
    assert {words: length([" ".join(["word"] * words)], bands) for words in scores} == scores


def test_length_is_the_mean_over_tags() -> None:
    assert length(["milk", "white milk", "fresh white milk"], BANDS["english"]) == pytest.approx(2.5 / 3)
    # Under the paper's bands no English tag of a modifier and a core word is worth anything.
    assert length(["milk", "white milk", "fresh white milk"], BANDS["paper"]) == 0.0
