"""Where the fixed seconds of a refresh go: ``python -m bench.parts --before OLD.log ... --after NEW.log ...``.

Reads what ``make run`` said (``make run | tee NEW.log``), of one or more runs of each of two commits, best taken in
turns on one quiet machine. Fixed is what a run takes whatever the users: all of its seconds but those with users in
the engine.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from runtime.entry import run_command
from runtime.errors import DataError, SourceMissing

log = logging.getLogger("intentflow")

READY = re.compile(r"^Airflow is ready after (\d+) s\.$", re.M)
TASK = re.compile(r"^ *\d+:\d\d  (\S+)(?: \[.*\])? +done after ([\d.]+) s$", re.M)
WHOLE = re.compile(r"^daily_refresh for \S+ took (\d+):(\d\d) min in all\.$", re.M)
# Told of the published day: of an earlier run when this one changed nothing.
WITH_USERS = re.compile(r"seconds\s+(?:users|explanations)\s+([\d.,]+)")

START, INFERENCE, BETWEEN, FIXED = "Airflow's start", "infer.shard", "between tasks, and Airflow's end", "fixed"


def parts(told: str) -> dict[str, float]:
    """Seconds of one run by part, those with users left out; the last entry is their sum.

    Raises:
        DataError: the text is not that of a run that succeeded.
    """
    ready, whole = READY.search(told), WHOLE.search(told)
    if not ready or not whole:
        raise DataError("This is not what `make run` says of a run that succeeded: keep all of its output.")
    seconds = {START: float(ready[1])}
    for task, took in TASK.findall(told):
        seconds[task] = seconds.get(task, 0.0) + float(took)
    total = float(int(whole[1]) * 60 + int(whole[2]))
    seconds[BETWEEN] = total - sum(seconds.values())
    with_users = sum(float(found.replace(",", "")) for found in WITH_USERS.findall(told))
    if with_users < seconds.get(INFERENCE, 0.0):
        seconds[INFERENCE] -= with_users
        total -= with_users
    return {**seconds, FIXED: total}


def side_by_side(before: Sequence[Mapping[str, float]], after: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """A line a part: the median of each side's runs, and the ratio of the sums in the last."""
    names = dict.fromkeys(name for run in (*before, *after) for name in run if name != FIXED)
    lines: list[dict[str, Any]] = [
        {"part": name, "before": _median(before, name), "after": _median(after, name)} for name in (*names, FIXED)
    ]
    lines[-1]["ratio"] = round(lines[-1]["after"] / lines[-1]["before"], 3)
    return lines


def _median(runs: Sequence[Mapping[str, float]], name: str) -> float:
    return round(median(run.get(name, 0.0) for run in runs), 1)


def _read(path: str) -> dict[str, float]:
    try:
        return parts(Path(path).read_text())
    except OSError as error:
        raise SourceMissing(f"{path} cannot be read: {error.strerror}.") from None


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    lines = side_by_side([_read(path) for path in arguments.before], [_read(path) for path in arguments.after])
    for line in lines:
        log.info("| %s | %.1f | %.1f |", line["part"], line["before"], line["after"])
    return {"parts": lines, "ratio": lines[-1]["ratio"], "runs": [len(arguments.before), len(arguments.after)]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.parts", description=__doc__)
    parser.add_argument("--before", nargs="+", required=True, help="what runs of the older commit said")
    parser.add_argument("--after", nargs="+", required=True, help="what runs of the newer commit said")
    run_command(main, parser)
