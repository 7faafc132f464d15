"""What the judge is worth: ``python -m bench.judge [--preset full] [--judge FOLDER] [--reward FOLDER ...]``.

The figures of the judge's exam (``model_steps.calibrate_judge``, which keeps its answers, its record and its plots),
and beside them, where reward models are named, how often these put the better tier first and what sharing saves
(``bench.reward``). The lake is one with labels of held-out users (``model_steps.build_judge_labels``).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.lakes.steps import run_step
from model_steps.calibrate_judge import add_arguments
from runtime.entry import run_command
from settings import load_settings

# What the rewards' benchmark says, by the names of the issue; None where no reward model was named.
REWARD = ("reward_pairwise_accuracy", "reward_sharing_speedup")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    lake = arguments.lake or load_settings().lake.uri
    asked = ["--preset", arguments.preset, "--lake", lake]
    for name in ("judge", "out"):
        asked += [f"--{name}", str(getattr(arguments, name))] if getattr(arguments, name) else []
    for seed in arguments.seed or ():
        asked += ["--seed", str(seed)]
    asked += ["--force"] if arguments.force else []
    return {**run_step("model_steps.calibrate_judge", *asked), **rewards(lake, arguments.reward, arguments.pointwise)}


def rewards(lake: str, listwise: Path | None, pointwise: Path | None) -> dict[str, Any]:
    """The figures of reward models, of what is named."""
    if listwise is None:
        return dict.fromkeys(REWARD)
    asked = ["--lake", lake, "--reward", str(listwise)]
    asked += ["--pointwise", str(pointwise)] if pointwise else []
    found = run_step("bench.reward", *asked)
    return {name: found.get(name) for name in REWARD}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.judge", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--reward", type=Path, help="folder of a list-wise reward model's release")
    parser.add_argument("--pointwise", type=Path, help="with --reward: folder of a point-wise one's")
    run_command(main, parser)
