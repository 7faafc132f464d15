"""The curves of a training: one row a step as a table, and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation import plots
from model_steps.training.reinforcement.best import DECIDES
from model_steps.training.reinforcement.shaping import CONSTRAINTS, PARTS
from runtime import atomic

TABLE, DRAWING = "curves.parquet", "curves.svg"
# Of the trainer's figures, those that are kept of each step, under their names here.
KEPT = {
    "step": "step",
    "reward": "reward",
    "reward_std": "reward_deviation",
    "loss": "loss",
    "kl": "kl",
    "entropy": "entropy",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    "step_time": "update_seconds",
    "clip_ratio/region_mean": "clipped",
    "frac_reward_zero_std": "kept_equal",
    "completions/mean_length": "actions",
}
# Steps over which a drawn line is averaged.
WINDOW = 10


def rows_of(history: Sequence[Mapping[str, Any]], validated: Mapping[int, Mapping[str, float]]) -> list[dict[str, Any]]:
    """One row a step, behind one of the start where that was validated.

    Args:
        history: of the trainer. validated: figures by the number of steps taken.

    Returns:
        The figures of ``KEPT``, those of all groups that were drawn and of those that were learnt (``drawn/...`` and
        ``kept/...``), and after a validation its own (``validation/...``).
    """

    def of_validation(step: int) -> dict[str, float]:
        return {f"validation/{name}": value for name, value in validated.get(step, {}).items()}

    rows: list[dict[str, Any]] = [{"step": 0, **of_validation(0)}] if 0 in validated else []
    for logged in history:
        if "grad_norm" in logged:
            row = {name: logged.get(own) for own, name in KEPT.items()}
            row |= {name: value for name, value in logged.items() if name.startswith(("drawn/", "kept/"))}
            rows.append({**row, **of_validation(int(logged["step"]))})
    return rows


@dataclass(frozen=True)
class Drawn:
    """How curves are drawn.

    Args:
        title: over all. parts: of rewards, and constraints: those of them that gate. validation: its figures by label.
    """

    title: str
    parts: Sequence[str]
    constraints: Sequence[str]
    validation: Mapping[str, str]


OF_LISTS: Mapping[str, Any] = {
    "parts": PARTS,
    "constraints": CONSTRAINTS,
    "validation": {"recall@30": DECIDES, "coverage": "coverage"},
}


def write(folder: Path, rows: Sequence[Mapping[str, Any]], how: Drawn) -> None:
    """Write table and drawing into a training's folder."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    with atomic.draft_of(folder / TABLE) as draft:
        pq.write_table(pa.table(columns), draft)
    atomic.write(folder / DRAWING, drawn(rows, how))


def averages(history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Means over all steps of what is told of the groups that were drawn and learnt."""
    names = {name for row in history for name in row if name.startswith(("drawn/", "kept/"))}
    found = {}
    for name in sorted(names):
        known = [row[name] for row in history if row.get(name) is not None]
        found[name] = round(sum(known) / len(known), 4)
    return found


def drawn(rows: Sequence[Mapping[str, Any]], how: Drawn) -> bytes:
    """Rewards, gates, how far what is trained moved, and what validation says, as SVG."""
    drawing, axes = plots.panels(4, height=3.4, share_rows=False)
    colors = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.RED, plots.SKY)
    panels = (
        ("rewards of drawn lists", {**{name: f"drawn/{name}" for name in how.parts}, "reward": "reward"}),
        (
            "shares",
            {**{f"{name} holds": f"drawn/feasible/{name}" for name in how.constraints}, "gated": "drawn/gated",
             "dead groups": "drawn/dead"},
        ),
        ("gradient norm, KL, entropy", {"gradient norm": "gradient_norm", "KL": "kl", "entropy": "entropy"}),
        ("validation", {label: f"validation/{name}" for label, name in how.validation.items()}),
    )  # fmt: skip
    for panel, (name, lines) in zip(axes, panels, strict=True):
        for color, (label, column) in zip(colors, lines.items(), strict=False):
            points = [(row["step"], row[column]) for row in rows if row.get(column) is not None]
            if points:
                steps, values = zip(*points, strict=True)
                mark = "o" if column.startswith("validation/") else None
                line = values if mark else _averaged(values)
                panel.plot(steps, line, color=color, marker=mark, linewidth=1.4, label=label)
        panel.set_title(name)
        panel.set_xlabel("step")
        if panel.has_data():
            panel.legend(fontsize=7)
    drawing.suptitle(how.title, fontsize=11, x=0.01, ha="left")
    return plots.svg(drawing)


def _averaged(values: Sequence[float]) -> list[float]:
    found = []
    for place in range(len(values)):
        some = values[max(0, place + 1 - WINDOW) : place + 1]
        found.append(sum(some) / len(some))
    return found
