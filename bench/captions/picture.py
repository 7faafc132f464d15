"""Ways of writing captions as a picture: one row a way and form, simple ways apart from those with a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.captions.ways import BASE, HEADLINE, RL, SFT, V1
from evaluation import plots

TITLES = {
    "diversity": "diversity, rules kept",
    "diversity_of_first": "diversity, all first",
    "keeps_rules": "first keeps the rules",
    "leak_rate": "invented attributes",
}
COLORS = {V1: plots.ORANGE, BASE: plots.SKY, SFT: plots.BLUE, RL: plots.GREEN}


def draw(figures: Mapping[str, Any], folder: Path) -> Path:
    """Write ``explanations-DAY.svg``: the headline form on top, the other one below."""
    forms = {HEADLINE: figures, **figures["other_forms"]}
    drawing, axes = plots.panels(len(TITLES), height=0.4 * sum(len(one["diversity"]) for one in forms.values()) + 1.4)
    for panel, (metric, title) in zip(axes, TITLES.items(), strict=True):
        rows = {f"{way}, {form}": value for form, one in forms.items() for way, value in one[metric].items()}
        plots.intervals(panel, rows, {name: COLORS.get(name.partition(",")[0], plots.GREY) for name in rows}, title)
    about = f"{figures['items']} items with {figures['readers']} users each as of {figures['day']}, 95 % intervals"
    drawing.suptitle(about, fontsize=11, x=0.01, ha="left")
    return plots.save(drawing, folder, f"explanations-{figures['day']}")
