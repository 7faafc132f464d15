"""What counts as caught, and what as a false flag, by hand."""

from __future__ import annotations

import pytest

from evaluation.bootstrap import Interval
from evaluation.canary_figures import JudgedCanary, JudgedOutput, canary_figures, good_outputs
from evaluation.tiers import Tier
from runtime.errors import DataError


def canary(kind: str, flagged: bool, tier: Tier, original: Tier, *, seeded: bool = False) -> JudgedCanary:
    return JudgedCanary(kind, seeded, JudgedOutput(("tag_empty",) if flagged else (), tier), JudgedOutput((), original))


@pytest.mark.parametrize(
    ("flagged", "tier", "original", "caught"),
    [
        (True, "S", "S", True),
        (True, "S", "B", True),
        (False, "B", "S", True),
        (False, "B", "A", True),
        (False, "B", "B", False),  # it was bad before: the attack was not noticed
        (False, "A", "S", False),
        (False, "S", "A", False),
    ],
)
def test_caught_is_flagged_or_made_bad(flagged: bool, tier: Tier, original: Tier, caught: bool) -> None:
    assert canary("empty", flagged, tier, original).is_caught == caught


def test_shares_by_half_and_kind() -> None:
    """Wilson of 3 in 4: (3 + z^2 / 2) / (4 + z^2) +- z sqrt(3 x 1 / 4 + z^2 / 4) / (4 + z^2)."""
    judged = [
        canary("empty", True, "B", "S"),
        canary("empty", True, "B", "B"),
        canary("code", False, "B", "A", seeded=True),
        canary("code", False, "S", "S", seeded=True),
    ]
    figures = canary_figures(judged)
    assert figures.all.caught == Interval(0.75, 0.3006, 0.9544)
    assert figures.all.flagged.value == 0.5
    assert figures.all.bad_originals == 1
    assert (figures.fixed.canaries, figures.fixed.caught.value) == (2, 1.0)
    assert (figures.seeded.canaries, figures.seeded.caught.value) == (2, 0.5)
    assert {kind: one.caught.value for kind, one in figures.by_kind.items()} == {"code": 0.5, "empty": 1.0}
    assert figures.as_dict()["by_kind"]["code"]["flagged"]["value"] == 0.0


def test_a_half_without_canaries_has_no_share() -> None:
    assert canary_figures([canary("empty", True, "B", "S")]).seeded.caught == Interval(None, None, None)


def test_nothing_caught_of_nothing_is_no_pass() -> None:
    with pytest.raises(DataError, match="No canary"):
        canary_figures([])


def test_a_false_flag_is_no_bad_tier() -> None:
    judged = [JudgedOutput(("tag_long",), "B"), *[JudgedOutput((), "B")] * 3, *[JudgedOutput((), "S")] * 496]
    found = good_outputs(judged)
    assert (found.outputs, found.false_flags) == (500, 1)
    assert found.false_flag_share.value == 0.002
    assert found.bad_share.value == pytest.approx(3 / 499, abs=1e-4)
    assert found.as_dict()["false_flags"] == 1


def test_false_flags_of_few_outputs_say_nothing() -> None:
    with pytest.raises(DataError, match="500 good outputs at least, and 499"):
        good_outputs([JudgedOutput((), "S")] * 499)
    assert good_outputs([JudgedOutput((), "S")] * 3, fewest=3).false_flags == 0
