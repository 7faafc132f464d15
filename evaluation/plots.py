"""The look of all plots: figures as SVG that read well in the docs and beside a run, on light and dark pages."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colors: told apart by color-blind readers too.
BLUE, ORANGE, GREEN, GREY, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#7F7F7F", "#D55E00", "#56B4E9"

STYLE: Any = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "grid.color": "#E5E5E5",
    "font.size": 10,
    "legend.frameon": False,
    # The same figures give the same file, and no reader needs our font.
    "svg.hashsalt": "intentflow",
    "svg.fonttype": "path",
}

Interval = Mapping[str, float | None]


def panels(count: int, height: float, share_rows: bool = True) -> tuple[Figure, Sequence[Axes]]:
    """A row of panels in the style of all plots; height in inches."""
    mpl.use("Agg")
    mpl.rcParams.update(STYLE)
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, count, figsize=(10, height), sharey=share_rows, squeeze=False, layout="constrained"
    )
    return figure, list(axes[0])


def readable(value: float) -> str:
    """Four digits or so: 15,022, 12.8, 0.491."""
    shown = 0.0 if abs(value) < 0.0005 else value
    return f"{shown:,.0f}" if shown >= 100 else f"{shown:.1f}" if shown >= 2 else f"{shown:.3f}"


def intervals(axes: Axes, figures: Mapping[str, Interval], colors: Mapping[str, str], title: str) -> None:
    """One bar a system, the first on top, with its interval and its value written beside it."""
    rows = range(len(figures), 0, -1)
    ends = [found["high"] or 0.0 for found in figures.values()]
    # A figure below zero has its bar on the other side, and its value where all values stand.
    lowest = min(0.0, *(found[key] or 0.0 for found in figures.values() for key in ("low", "value")))
    for row, (name, found) in zip(rows, figures.items(), strict=True):
        if found["value"] is None:
            # No bar, for 0 would be a figure.
            axes.text(0.02 * max(ends), row, "not known", va="center", fontsize=9, style="italic")
            continue
        value, low, high = (found[key] or 0.0 for key in ("value", "low", "high"))
        color = colors.get(name, GREY)
        axes.barh(row, value, height=0.6, color=color, alpha=0.85)
        axes.plot([low, high], [row, row], color="black", linewidth=1.2, solid_capstyle="butt")
        axes.text(max(high, value, 0.0) + 0.02 * max(ends), row, readable(value), va="center", fontsize=9)
    axes.set_yticks(list(rows), [name.replace("_", " ") for name in figures])
    axes.set_xlim(1.2 * lowest, 1.2 * max(*ends, 1e-3))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)


def svg(figure: Figure) -> bytes:
    """A drawn figure, the same bytes for the same figures; it is closed."""
    from matplotlib import pyplot

    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    return content.getvalue()


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write ``<folder>/<name>.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    path.write_bytes(svg(figure))
    return path
