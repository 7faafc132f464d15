"""How captions spread, by shares, against values by hand."""

from __future__ import annotations

import math
import random

import pytest

from evaluation import captions
from model_steps.training.captions import spread

# ROUGE-L of the first two is 2 * 2 / (3 + 3), of either and the third 0.
WARM, COLD, SOUP = "Warm milk today.", "Cold milk today.", "Soup for everyone."


def test_diversity_is_what_drawn_captions_have_on_average() -> None:
    one, other = {WARM: 0.5, SOUP: 0.5}, {COLD: 1.0}
    assert spread.diversity([one, other]) == pytest.approx(1 - 0.5 * 2 / 3)
    # Three readers: of three pairs two are (one, other), and the third is of one with itself: 1 in half of the draws.
    assert spread.diversity([one, one, other]) == pytest.approx(1 - (2 * 0.5 * 2 / 3 + 0.5) / 3)
    assert spread.diversity([one]) is None
    certain = [{WARM: 1.0}, {COLD: 1.0}, {SOUP: 1.0}]
    assert spread.diversity(certain) == pytest.approx(captions.diversity([[WARM, COLD, SOUP]]))


def test_diversity_is_the_limit_of_the_benchmarks() -> None:
    readers = [{WARM: 0.2, COLD: 0.3, SOUP: 0.5}, {WARM: 0.6, SOUP: 0.4}]
    chance = random.Random(0)
    drawn = [[chance.choices(list(own), list(own.values()))[0] for own in readers] for _ in range(4_000)]
    assert captions.diversity(drawn) == pytest.approx(spread.diversity(readers), abs=0.03)


def test_distinct_captions_entropy_and_means() -> None:
    assert spread.distinct([{WARM: 1.0}, {WARM: 1.0}]) == pytest.approx(1)
    assert spread.distinct([{WARM: 0.5, COLD: 0.5}, {WARM: 1.0}]) == pytest.approx(1 + 0.5)
    assert spread.entropy({WARM: 0.5, COLD: 0.5, SOUP: 0.0}) == pytest.approx(math.log(2))
    assert spread.entropy({WARM: 1.0}) == 0
    assert spread.expected({WARM: 0.25, COLD: 0.75}, {WARM: 1.0, COLD: 0.2}) == pytest.approx(0.4)
