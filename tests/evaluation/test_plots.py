"""What a plot of intervals shows of figures that are below zero, or as good as nothing."""

from __future__ import annotations

import pytest

from evaluation import plots


@pytest.mark.parametrize(
    ("value", "said"), [(-0.0004, "0.000"), (0.0, "0.000"), (-0.088, "-0.088"), (12.84, "12.8"), (15022.0, "15,022")]
)
def test_nothing_has_no_sign(value: float, said: str) -> None:
    assert plots.readable(value) == said


def test_a_figure_below_zero_is_seen_and_its_value_stands_beside_its_bar() -> None:
    drawing, (axes,) = plots.panels(1, height=2)
    figures = {
        "worse": {"value": -0.088, "low": -0.149, "high": -0.028},
        "better": {"value": 0.623, "low": 0.548, "high": 0.69},
    }
    plots.intervals(axes, figures, {}, "kappa")
    left, right = axes.get_xlim()
    assert left < -0.149
    assert right > 0.69
    written = {text.get_text(): text.get_position()[0] for text in axes.texts}
    assert written["-0.088"] > 0
    assert written["0.623"] > 0.69
    assert plots.svg(drawing)


def test_what_is_not_known_has_no_bar_and_says_so() -> None:
    unknown = {"value": None, "low": None, "high": None}
    figure, (axes,) = plots.panels(1, height=2.0)
    plots.intervals(axes, {"v1": {"value": 0.5, "low": 0.4, "high": 0.6}, "meta": unknown}, {}, "diversity")
    assert len(axes.patches) == 1
    assert [text.get_text() for text in axes.texts] == ["0.500", "not known"]
    plots.svg(figure)
