"""A share reported by an imperfect judge, corrected: by hand, and against a truth that is known."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from evaluation.bootstrap import Interval
from evaluation.corrected_share import Proportion, corrected_share, limits, rogan_gladen
from evaluation.metrics import Values
from runtime.errors import DataError

DRAWS = 4_000


def test_done_by_hand() -> None:
    """q0 = 0.9, q1 = 0.8: (0.26 + 0.9 - 1) / 0.7.

    Adjusted: p = 27.9207 / 103.8415 = 0.26888, q0 = 46 / 52, q1 = 41 / 52, share 0.15349 / 0.67308 = 0.22805; variance
    (0.0018931 + 0.59591 x 0.0019629 + 0.052005 x 0.0032076) / 0.67308^2 = 0.084433^2; shifted by
    7.6829 x (0.22805 x 0.0032076 - 0.77195 x 0.0019629) = -0.00602; 0.22203 +- 1.95996 x 0.084433.
    """
    found = corrected_share(Proportion(26, 100), Proportion(45, 50), Proportion(40, 50))
    assert found.corrected.value == 0.2286
    assert found.corrected.low == pytest.approx(0.0565, abs=1.01e-4)
    assert found.corrected.high == pytest.approx(0.3875, abs=1.01e-4)
    assert found.reason is None


def test_the_raw_share_stands_beside_it() -> None:
    """Wilson of 26 in 100: (26 + z^2 / 2) / (100 + z^2) +- z sqrt(26 x 74 / 100 + z^2 / 4) / (100 + z^2)."""
    found = corrected_share(Proportion(26, 100), Proportion(45, 50), Proportion(40, 50))
    assert found.raw == Interval(0.26, 0.1840, 0.3537)


@pytest.mark.parametrize(
    ("p", "q0", "q1", "expected"),
    [
        (0.5, 0.9, 0.9, 0.5),
        (0.3, 1.0, 1.0, 0.3),  # a judge without error
        (0.26, 0.9, 0.8, 0.16 / 0.7),
        (0.05, 0.9, 0.8, 0.0),  # below what false positives alone give
        (0.95, 0.9, 0.8, 1.0),
    ],
)
def test_the_value(p: float, q0: float, q1: float, expected: float) -> None:
    assert float(rogan_gladen(np.array(p), np.array(q0), np.array(q1))) == pytest.approx(expected)


def test_a_judge_that_says_nothing_corrects_nothing() -> None:
    found = corrected_share(Proportion(40, 100), Proportion(20, 50), Proportion(30, 50))
    assert found.corrected == Interval(None, None, None)
    assert found.raw.value == 0.4
    assert found.reason is not None
    assert "60.0% of the items that have it and to 60.0% of the others" in found.reason


def test_a_calibration_too_small_to_tell_corrects_nothing() -> None:
    """q0 + q1 = 1.1, and 0.81 when q0 from one item is taken for what it is worth."""
    found = corrected_share(Proportion(40, 100), Proportion(1, 1), Proportion(100, 1_000))
    assert found.corrected == Interval(None, None, None)
    assert found.reason is not None
    assert "too few" in found.reason


@pytest.mark.parametrize("empty", range(3))
def test_without_a_sample_there_is_nothing(empty: int) -> None:
    samples = [Proportion(0, 0) if at == empty else Proportion(9, 10) for at in range(3)]
    found = corrected_share(*samples)
    assert found.corrected == Interval(None, None, None)
    assert found.reason is not None
    assert "none of the three may be 0" in found.reason
    assert (found.raw.value is None) == (empty == 0)


def test_a_larger_calibration_makes_the_interval_narrower() -> None:
    widths = []
    for times in (1, 4, 100):
        found = corrected_share(
            Proportion(260, 1_000), Proportion(45 * times, 50 * times), Proportion(40 * times, 50 * times)
        )
        assert found.corrected.low is not None
        assert found.corrected.high is not None
        widths.append(found.corrected.high - found.corrected.low)
    assert widths[0] > 1.5 * widths[1] > 1.5 * 1.2 * widths[2]


def test_no_proportion() -> None:
    with pytest.raises(DataError, match="5 of 4 items"):
        Proportion(5, 4)
    with pytest.raises(DataError, match="-1 of 4 items"):
        Proportion(-1, 4)


def test_a_record_can_be_stored() -> None:
    found = corrected_share(Proportion(26, 100), Proportion(45, 50), Proportion(40, 50))
    stored = json.loads(json.dumps(found.as_dict()))
    assert stored.keys() == {"raw", "corrected", "sensitivity", "specificity", "reason"}
    assert stored["specificity"] == {"found": 45, "of": 50}


@dataclass(frozen=True)
class World:
    """A true share, a judge, and how many items are judged and in the calibration."""

    share: float
    q0: float
    q1: float
    judged: int
    of_others: int
    of_tier: int

    def drawn(self) -> tuple[Values, Values, Values]:
        """What is counted in each of many samples."""
        generator = np.random.default_rng(7)
        p = self.share * self.q1 + (1 - self.share) * (1 - self.q0)
        counts = (
            generator.binomial(*of, DRAWS)
            for of in ((self.judged, p), (self.of_others, self.q0), (self.of_tier, self.q1))
        )
        judged, specific, sensitive = (count.astype(np.float64) for count in counts)
        return judged, specific, sensitive

    def covered(self, ends: tuple[Values, Values]) -> float:
        return float(((ends[0] <= self.share) & (self.share <= ends[1])).mean())


WORLDS = [
    World(0.1, 0.8, 0.9, 500, 100, 100),
    World(0.5, 0.7, 0.95, 1_000, 60, 60),
    World(0.8, 0.9, 0.7, 300, 50, 150),
    World(0.3, 0.95, 0.6, 200, 200, 40),
    World(0.02, 0.9, 0.8, 2_000, 80, 30),
    World(0.95, 0.75, 0.75, 5_000, 300, 300),
]


@pytest.mark.parametrize("world", WORLDS)
def test_the_interval_covers_the_truth(world: World) -> None:
    judged, specific, sensitive = world.drawn()
    n, m0, m1 = (np.array(float(number)) for number in (world.judged, world.of_others, world.of_tier))
    ends = limits(judged, n, specific, m0, sensitive, m1)
    assert world.covered(ends) >= 0.93


@pytest.mark.parametrize("world", [world for world in WORLDS if world.share != 0.3])
def test_the_raw_share_misses_the_truth(world: World) -> None:
    judged, _, _ = world.drawn()
    perfect = Proportion(1, 1)
    raw = {
        count: corrected_share(Proportion(int(count), world.judged), perfect, perfect).raw
        for count in np.unique(judged)
    }
    low, high = (np.array([getattr(raw[count], end) for count in judged]) for end in ("low", "high"))
    assert world.covered((low, high)) < 0.25


def test_the_calibration_taken_for_certain_covers_too_little() -> None:
    """Both samples count: the error rates of 60 items each are no known numbers."""
    world = WORLDS[1]
    judged, specific, sensitive = world.drawn()
    many = 1e6
    n, m = np.array(float(world.judged)), np.array(60 * many)
    assert world.covered(limits(judged, n, specific * many, m, sensitive * many, m)) < 0.7
