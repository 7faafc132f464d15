"""What consecutive days cost on the real Airflow: ``python -m bench.refresh [--days 10] [--users 12]``.

Airflow's own backfill of ``daily_refresh`` in a lake of its own; the figures are those that each published day keeps
in its row of ``days``. The first day also lands the history, rolls it up and embeds the catalog: totals leave it out.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.lakes import landed
from bench.lakes.steps import FOLDER
from evaluation import plots
from lake.delta import tables
from lake.registry.splits import add_days
from lake.store.location import Lake
from launcher.backfill import backfill
from runtime.entry import day_argument, run_command
from runtime.errors import InfrastructureError, UsageError
from schemas import contexts, days
from settings import load_settings

log = logging.getLogger("intentflow")

STEPS = {
    "land": plots.ORANGE,
    "compress": plots.GREEN,
    "embed": plots.SKY,
    "infer": plots.BLUE,
    "orchestration": plots.GREY,
}


def of_day(day: str, figures: Mapping[str, float], users_in: int, changed: int) -> dict[str, Any]:
    """A published day's figures as this benchmark shows them; seconds by task group."""
    steps = dict.fromkeys(STEPS, 0.0)
    commands = 0.0
    for name, value in figures.items():
        group, _, rest = name.partition(".")
        if group in steps and (rest == "seconds" or rest.endswith(".seconds")):
            steps[group] += value
            commands += value
    steps["orchestration"] = figures["run.seconds"] - commands
    calls, cached = figures.get("infer.shard.model_calls", 0.0), figures.get("infer.shard.cached_answers", 0.0)
    return {
        "day": day,
        "seconds": round(figures["run.seconds"], 1),
        "steps": {name: round(seconds, 1) for name, seconds in steps.items()},
        "behaviors": int(figures["behaviors"]),
        "contexts": users_in,
        "changed_contexts": changed,
        "users": int(figures.get("infer.shard.users_in", 0)),
        "users_without_model_call": int(figures.get("infer.shard.users_without_model_call", 0)),
        "model_calls": int(calls),
        "cached_share": round(cached / (calls + cached), 4) if calls + cached else None,
    }


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Totals over the days after the first."""
    later = found[1:]
    seconds = sum(day["seconds"] for day in later)
    return {
        "seconds_per_new_behavior": round(seconds / sum(day["behaviors"] for day in later), 5),
        "orchestration_share": round(sum(day["steps"]["orchestration"] for day in later) / seconds, 4),
        "seconds_a_day": round(seconds / len(later), 1),
        "orchestration_seconds_a_day": round(sum(day["steps"]["orchestration"] for day in later) / len(later), 1),
        "days": list(found),
    }


def read(lake: Lake, wanted: Sequence[str]) -> list[dict[str, Any]]:
    """The figures of published days, in order."""
    rows = {row["day"]: row for row in tables.read(lake, days.TABLE).to_pylist()}
    found, before = [], _digests(lake, add_days(wanted[0], -1))
    for day in wanted:
        now = _digests(lake, day)
        figures = {figure["name"]: figure["value"] for figure in rows[day]["figures"]}
        found.append(of_day(day, figures, len(now), sum(before.get(user) != digest for user, digest in now.items())))
        before = now
    return found


def _digests(lake: Lake, day: str) -> dict[str, str]:
    rows = tables.read(lake, contexts.TABLE, day, columns=["user_id", "digest"])
    return dict(zip(rows["user_id"].to_pylist(), rows["digest"].to_pylist(), strict=True))


def plot(figures: Mapping[str, Any], folder: Path) -> Path:
    """Each day's seconds by step."""
    found = figures["days"]
    drawing, (axes,) = plots.panels(1, height=3.6)
    below = [0.0] * len(found)
    for name, color in STEPS.items():
        heights = [day["steps"][name] for day in found]
        axes.bar(range(len(found)), heights, bottom=below, color=color, label=name)
        below = [one + other for one, other in zip(below, heights, strict=True)]
    for row, day in enumerate(found):
        axes.text(row, below[row], f"{day['model_calls']} calls", ha="center", va="bottom", fontsize=8)
    axes.set_xticks(range(len(found)), [day["day"][5:] for day in found])
    axes.set_ylabel("seconds")
    axes.set_title(f"A refresh of {found[0]['users']} users, day after day: seconds by step, and model calls")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return plots.save(drawing, folder, "refresh")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.days < 2 or arguments.users < 1:
        raise UsageError("--days is at least 2, for the first one is not like the others; --users at least 1.")
    folder = Path(arguments.work)
    for made in ("lake", "airflow"):
        shutil.rmtree(folder / made, ignore_errors=True)
    os.environ.update(
        {
            **landed.environment(),
            "INTENTFLOW_LAKE__URI": str(folder / "lake"),
            "INTENTFLOW_LAKE__DATA_DOCS": str(folder / "data_docs"),
            "INTENTFLOW_AIRFLOW__HOME": str(folder / "airflow"),
            "INTENTFLOW_AIRFLOW__PORT": str(_free_port()),
        }
    )
    load_settings.cache_clear()
    settings = load_settings()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    first = date.fromisoformat(arguments.day)
    last = first + timedelta(days=arguments.days - 1)
    # The manifest alone belongs on standard output.
    with contextlib.redirect_stdout(sys.stderr):
        code = backfill(first, last, arguments.users, settings, reprocess="none", force=False, dry_run=False)
    if code:
        raise InfrastructureError("Not every day succeeded; the lines above name the failed task and its log.")
    wanted = [add_days(arguments.day, number) for number in range(arguments.days)]
    figures = summary(read(Lake.open(settings.lake.uri), wanted))
    return {**figures, "plot": str(plot(figures, Path(arguments.plots)))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.refresh", description=__doc__)
    parser.add_argument("--days", type=int, default=10, help="consecutive days (default: 10)")
    parser.add_argument("--users", type=int, default=12, help="users drawn by a stable hash (default: 12)")
    parser.add_argument("--day", type=day_argument, default="2017-11-01", help="the first of them")
    parser.add_argument("--work", default=str(FOLDER / "refresh"), help="folder of lake and Airflow, made anew")
    parser.add_argument("--plots", default=str(FOLDER), help="folder of the plot (default: var/bench)")
    run_command(main, parser)
