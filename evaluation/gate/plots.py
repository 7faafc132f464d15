"""A gate's plots: each check's figure with its interval, in units of what is allowed, so that all fit on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evaluation import plots
from evaluation.gate.checks import BREACH, PASS, Check, Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {PASS: plots.GREEN, BREACH: plots.RED}
# Farther out than this many times what is allowed a bound is drawn at the edge.
FARTHEST = 8.0


def drawn(checks: Sequence[Check]) -> dict[str, bytes]:
    """SVGs by file name; none of a kind that has no check with a bound."""
    found = {}
    for kind, name, title in (
        ("non-inferiority", "against-champion.svg", "Better than the champion by, in allowed losses (1 is one)"),
        ("floor", "floors.svg", "Figure in floors (right of 1 is better, or left where less is)"),
    ):
        shown = [check for check in checks if check.kind == kind and check.low is not None and check.limit]
        if shown:
            found[name] = _forest(shown, kind, title)  # type: ignore[arg-type]
    return found


def _forest(checks: Sequence[Check], kind: Kind, title: str) -> bytes:
    figure, (axes, *_) = plots.panels(1, height=0.34 * len(checks) + 1.2)
    for row, check in zip(range(len(checks), 0, -1), checks, strict=True):
        _row(axes, row, check)
    axes.axvline(-1 if kind == "non-inferiority" else 1, color=plots.RED, linewidth=1.2, linestyle="--")
    if kind == "non-inferiority":
        axes.axvline(0, color=plots.GREY, linewidth=0.8)
    names = [f"{check.name.rpartition(':')[0]} ({check.tier})" for check in checks]
    axes.set_yticks(range(len(checks), 0, -1), names)
    axes.grid(axis="y", visible=False)
    axes.set_title(title)
    return plots.svg(figure)


def _row(axes: Axes, row: int, check: Check) -> None:
    unit = abs(check.limit or 1.0)
    figure, low, high = (
        max(-FARTHEST, min(FARTHEST, (number or 0.0) / unit)) for number in (check.figure, check.low, check.high)
    )
    color = COLORS.get(check.state, plots.ORANGE)
    axes.plot([low, high], [row, row], color=color, linewidth=2, solid_capstyle="butt")
    axes.plot([figure], [row], "o", color=color, markersize=5)
