"""One reward of four, by constraints and by a sum, and what a log says of groups."""

from __future__ import annotations

import pytest

from model_steps.training.reinforcement.shaping import constrained, has_signal, shape, summed, told
from model_steps.training.reinforcement.thresholds import WarmedUp, found_in
from runtime.errors import DataError
from settings import ReinforcementSettings

PARTS = {"accuracy": 0.5, "diversity": 0.7, "length": 0.9, "alignment": 0.4}
THRESHOLDS = {"alignment": 0.4, "diversity": 0.6, "length": 0.8}
WEIGHTS = {"accuracy": 2.0, "alignment": 1.0, "diversity": 0.5, "length": 0.1}


def test_constraints_that_hold_leave_accuracy_as_it_is() -> None:
    found = shape(PARTS, THRESHOLDS, constrained)
    assert found.reward == 0.5
    # At the threshold itself a constraint holds.
    assert found.gates == {"alignment": True, "diversity": True, "length": True}
    assert found.gated is False


@pytest.mark.parametrize("failing", ["alignment", "diversity", "length"])
def test_one_constraint_that_fails_gives_zero(failing: str) -> None:
    found = shape({**PARTS, failing: THRESHOLDS[failing] - 0.001}, THRESHOLDS, constrained)
    assert (found.reward, found.gated) == (0.0, True)
    assert [name for name, held in found.gates.items() if not held] == [failing]


def test_the_sum_differs_in_how_parts_are_combined_and_in_nothing_else() -> None:
    failing = {**PARTS, "diversity": 0.1}
    crs, sum_ = shape(failing, THRESHOLDS, constrained), shape(failing, THRESHOLDS, summed(WEIGHTS))
    assert (crs.parts, crs.gates, crs.gated) == (sum_.parts, sum_.gates, sum_.gated)
    assert crs.reward == 0.0
    assert sum_.reward == pytest.approx(2 * 0.5 + 0.4 + 0.5 * 0.1 + 0.1 * 0.9)


def test_a_product_with_a_zero_is_zero_whatever_is_missing() -> None:
    """A factor that is not known cannot change it, so it need not be asked for."""
    assert shape({**PARTS, "accuracy": 0.0, "alignment": None}, THRESHOLDS, constrained).reward == 0.0
    assert shape({**PARTS, "length": 0.1, "alignment": None}, THRESHOLDS, constrained).reward == 0.0
    assert shape({**PARTS, "accuracy": 0.0, "alignment": None}, THRESHOLDS, summed(WEIGHTS)).reward is None


@pytest.mark.parametrize("missing", list(PARTS))
def test_a_part_that_is_missing_makes_the_reward_missing_and_not_zero(missing: str) -> None:
    parts = {**PARTS, missing: None}
    assert shape(parts, THRESHOLDS, constrained).reward is None
    assert shape(parts, THRESHOLDS, summed(WEIGHTS)).reward is None


def test_what_is_not_scored_in_a_training_has_no_gate() -> None:
    parts = {name: value for name, value in PARTS.items() if name != "alignment"}
    thresholds = {name: value for name, value in THRESHOLDS.items() if name != "alignment"}
    found = shape(parts, thresholds, constrained)
    assert (found.reward, "alignment" in found.gates) == (0.5, False)


def test_a_group_without_differences_is_dead() -> None:
    assert not has_signal([0.0, 0.0, 0.0])
    assert not has_signal([0.5, None, 0.5])
    assert not has_signal([None, None])
    assert has_signal([0.0, None, 0.5])


def test_the_log_tells_shares_of_lists_and_of_groups() -> None:
    lists = [
        shape(PARTS, THRESHOLDS, constrained),
        shape({**PARTS, "diversity": 0.1}, THRESHOLDS, constrained),
        shape({**PARTS, "accuracy": None}, THRESHOLDS, constrained),
        shape({**PARTS, "alignment": 0.1}, THRESHOLDS, constrained),
    ]
    found = told([lists[:2], lists[2:]])
    assert found["feasible/diversity"] == 0.75
    assert found["feasible/alignment"] == 0.75
    assert found["gated"] == 0.5
    assert found["unscorable"] == 0.25
    # In the second group one reward is missing, and one alone has no advantage.
    assert found["dead"] == 0.5
    assert found["accuracy"] == 0.5
    assert found["diversity"] == pytest.approx((0.7 * 3 + 0.1) / 4)


def test_thresholds_are_values_that_lists_reach_and_rise() -> None:
    lists = [{"accuracy": 0.1, "diversity": place / 10, "length": 0.75} for place in range(1, 11)]
    settings = ReinforcementSettings(quantile=0.5, start_quantile=0.1, warm_up=4)
    found = found_in(lists, {"alignment": None, "diversity": None, "length": 0.5}, settings)
    assert found.end == {"diversity": 0.5, "length": 0.5}
    # What is set by hand is never above itself at the beginning.
    assert found.begin == {"diversity": 0.1, "length": 0.5}
    assert found.at(0)["diversity"] == pytest.approx(0.1)
    assert found.at(2)["diversity"] == pytest.approx(0.3)
    assert found.at(4) == found.at(400) == found.end
    assert WarmedUp(found.begin, found.end, 0).at(0) == found.end


def test_a_constraint_that_no_list_has_a_score_for_has_no_threshold() -> None:
    with pytest.raises(DataError, match="none has a score for diversity"):
        found_in([{"accuracy": 0.1, "diversity": None, "length": 1.0}], {"diversity": None}, ReinforcementSettings())


def test_a_preset_leaves_what_was_set_by_hand() -> None:
    assert ReinforcementSettings().of_preset("tiny").tags == 3
    assert ReinforcementSettings(tags=7).of_preset("tiny").tags == 7
    assert ReinforcementSettings().of_preset("paper").tags == 15
    assert ReinforcementSettings().of_preset("small") == ReinforcementSettings()
    with pytest.raises(ValueError, match="no multiple of iterations 2"):
        ReinforcementSettings(checkpoint_steps=5, iterations=2)
    with pytest.raises(ValueError, match="above quantile"):
        ReinforcementSettings(start_quantile=0.5)
