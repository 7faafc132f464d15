"""The ladder as a picture: each rung with its interval, the simple systems apart from those with a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.ladder.released import BASE, COMBINED, CRS, SFT, SUM, V1
from evaluation import plots

TITLES = {
    "hr_at_30": "HR@30",
    "recall_at_30": "recall@30",
    "recall_new_at_30": "recall@30, new",
    "diversity": "diversity",
}
COLORS = {
    V1: plots.ORANGE,
    BASE: plots.SKY,
    SFT: plots.BLUE,
    SUM: plots.BLUE,
    CRS: plots.BLUE,
    COMBINED: plots.GREEN,
}


def draw(figures: Mapping[str, Any], folder: Path) -> Path:
    """Write ``ladder-DAY.svg``: the rungs from the ladder's foot, on top, to what is combined."""
    rungs = list(figures["recall_at_30"])
    drawing, axes = plots.panels(len(TITLES), height=0.4 * len(rungs) + 1.4)
    for panel, (metric, title) in zip(axes, TITLES.items(), strict=True):
        plots.intervals(panel, {name: figures[metric][name] for name in rungs}, COLORS, title)
    about = f"{figures['users']} held-out users as of {figures['day']}, with 95 % intervals"
    if V1 in figures["asked"]:
        about += f"; V1's routes on {figures['asked'][V1]} of them"
    drawing.suptitle(about, fontsize=11, x=0.01, ha="left")
    return plots.save(drawing, folder, f"ladder-{figures['day']}")
