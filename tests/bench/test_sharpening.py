"""What narrowness alone is worth, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from bench.sharpening import at_equal_entropy, explained


def figures(entropy: float, accuracy: float) -> dict[str, Any]:
    return {"entropy": entropy, "accuracy": {"value": accuracy}}


BEFORE = {"1.0": figures(4.0, 0.10), "0.8": figures(3.0, 0.16), "0.6": figures(2.0, 0.18)}


def test_between_two_temperatures_it_is_read_off_a_line() -> None:
    known = [(4.0, 0.10), (2.0, 0.18), (3.0, 0.16)]
    assert at_equal_entropy(known, 3.5) == pytest.approx(0.13)
    assert at_equal_entropy(known, 2.0) == pytest.approx(0.18)
    assert at_equal_entropy(known, 4.1) is None
    assert at_equal_entropy(known, 1.9) is None


def test_all_of_a_rise_may_be_narrowness() -> None:
    assert explained(BEFORE, figures(3.0, 0.16)) == {"accuracy": 0.16, "share": 1.0}


def test_or_half_of_it() -> None:
    assert explained(BEFORE, figures(3.5, 0.16)) == {"accuracy": 0.13, "share": 0.5}


def test_without_a_rise_there_is_no_share_of_it() -> None:
    assert explained(BEFORE, figures(3.5, 0.09)) == {"accuracy": 0.13, "share": None}


def test_what_is_narrower_than_all_that_was_tried_is_not_explained() -> None:
    assert explained(BEFORE, figures(1.0, 0.30)) == {"accuracy": None, "share": None}
