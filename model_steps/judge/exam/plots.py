"""The exam's plots: whether confidences are true, what is taken for what, and how the judges compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation import plots
from model_steps.judge.exam.examiners import (
    AGENT,
    AGENT_BASE,
    LOOKUP,
    ONE_SHOT,
    ONE_SHOT_BASE,
    REGRESSION,
)
from model_steps.judge.exam.figures import HEADLINES
from schemas.judge_labels import TIERS

COLORS = {
    AGENT: plots.BLUE,
    AGENT_BASE: plots.SKY,
    ONE_SHOT: plots.GREEN,
    ONE_SHOT_BASE: plots.GREY,
    LOOKUP: plots.ORANGE,
    REGRESSION: plots.RED,
}
TITLES = dict(zip(HEADLINES, ("F1 of Superior", "accuracy", "Cohen's kappa"), strict=True))
REAL = "real_outputs"


def drawn(figures: Mapping[str, Any], judge: str) -> dict[str, bytes]:
    """All plots as SVG, by name.

    Args:
        figures: of a record. judge: its name.
    """
    real = figures[REAL]
    return {
        "judges": judges(figures, f"{judge}: built outputs"),
        "judges-real": judges(real, f"{judge}: outputs that releases really wrote"),
        "reliability": reliability(real),
        "confusion": confusion(real),
        "dimensions": dimensions(real),
    }


def judges(figures: Mapping[str, Any], title: str) -> bytes:
    """F1 of Superior, accuracy and kappa of all judges with their intervals."""
    drawing, axes = plots.panels(len(TITLES), height=0.35 * len(figures["kappa"]) + 1.4)
    for panel, (name, said) in zip(axes, TITLES.items(), strict=True):
        plots.intervals(panel, figures[name], COLORS, said)
    about = f"{title}, {figures['outputs']:,} of {figures['users']:,} held-out users, with 95 % intervals"
    drawing.suptitle(about, fontsize=11, x=0.01, ha="left")
    return plots.svg(drawing)


def reliability(figures: Mapping[str, Any]) -> bytes:
    """Confidence against the share that was right, a line a judge; what is calibrated lies on the diagonal."""
    drawing, (panel,) = plots.panels(1, height=4.5)
    panel.plot([0, 1], [0, 1], color=plots.GREY, linewidth=1, linestyle="--", label="calibrated")
    for name, found in figures["calibration"].items():
        bins = found["bins"]
        error = found["expected_calibration_error"]["value"]
        label = f"{name.replace('_', ' ')} (calibration error {error:.3f})" if error is not None else name
        panel.plot(
            [one["confidence"] for one in bins],
            [one["right"] for one in bins],
            color=COLORS[name],
            marker="o",
            label=label,
        )
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1.02)
    panel.set_xlabel("confidence of the tier")
    panel.set_ylabel("share right")
    panel.set_title("Outputs really written: confidence and truth, about as many outputs a point")
    panel.legend(loc="upper left")
    return plots.svg(drawing)


def confusion(figures: Mapping[str, Any]) -> bytes:
    """What is taken for what, of tuned agent and tuned one-shot judge: outputs, and the share of the label's."""
    names = [AGENT, ONE_SHOT]
    drawing, axes = plots.panels(len(names), height=3.6, share_rows=False)
    for panel, name in zip(axes, names, strict=True):
        table = figures["tiers"][name]["confusion"]
        shares = [[count / max(sum(row), 1) for count in row] for row in table]
        panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, counts in enumerate(table):
            for column, count in enumerate(counts):
                ink = "white" if shares[row][column] > 0.5 else "black"
                said = f"{count:,}\n{shares[row][column]:.0%}"
                panel.text(column, row, said, ha="center", va="center", color=ink, fontsize=9)
        panel.set_xticks(range(len(TIERS)), TIERS)
        panel.set_yticks(range(len(TIERS)), TIERS)
        panel.set_xlabel("judged")
        panel.set_ylabel("by the labels")
        panel.grid(visible=False)
        panel.set_title(name.replace("_", " "))
    return plots.svg(drawing)


def dimensions(figures: Mapping[str, Any]) -> bytes:
    """Accuracy, and true positive and negative rate of the finding positive, a panel a dimension."""
    found = figures["dimensions"]
    most = max(len(of_judges) for of_judges in found.values())
    alike = len({tuple(of_judges) for of_judges in found.values()}) == 1
    drawing, axes = plots.panels(len(found), height=0.9 * most + 1.2, share_rows=alike)
    for panel, (dimension, of_judges) in zip(axes, found.items(), strict=True):
        bars, colors = {}, {}
        for name, one in of_judges.items():
            rates = {
                "accuracy": one["accuracy"],
                "true positive": one["true_positive_rate"]["positive"],
                "true negative": one["true_negative_rate"]["positive"],
            }
            for rate, interval in rates.items():
                bars[f"{name}\n{rate}"] = interval
                colors[f"{name}\n{rate}"] = COLORS[name]
        plots.intervals(panel, bars, colors, dimension)
        panel.tick_params(axis="y", labelsize=6)
    return plots.svg(drawing)
