"""SIGKILL in the command that reinforces experts, then run again: it ends as an undisturbed run does.

Equal are the adapter, the kept step, thresholds, and every row of the curves but its seconds: a step's personas and
draws follow from the seed and its number, and the states hold the adapter in float32. It holds on one thread; with
several, sums may come in another order.

Minutes long, so not a part of ``make test``: ``make prove-training`` runs it (``KILL_ROUNDS`` kills).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lake.store.location import Lake
from model_steps import weights
from model_steps.training.record import read_experts
from settings import ROOT, load_settings
from tests.model_steps.reinforced_shop import DAY, land, tuned_experts

pytestmark = pytest.mark.proof

ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
SETTINGS = {
    "REINFORCEMENT__STEPS": "8",
    "REINFORCEMENT__CHECKPOINT_STEPS": "1",
    "REINFORCEMENT__VALIDATION_STEPS": "4",
    "REINFORCEMENT__LEARNING_RATE": "1e-3",
    "REINFORCEMENT__DTYPE": "float32",
    "REINFORCEMENT__CALIBRATION_USERS": "1",
    "ENGINE__THREADS": "1",
}


class Trainings:
    """Runs of the command on one lake, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        model = load_settings().engine.model
        if not weights.is_complete(model):
            weights.convert(weights.find_gguf(), model)
        self.folder, self.lake = folder, land(Lake.open(folder / "lake"))
        self.start_folder = tuned_experts(self.lake, model, folder / "start")
        self.environment = {**os.environ, **{f"INTENTFLOW_{name}": value for name, value in SETTINGS.items()}}

    def start(self, name: str) -> subprocess.Popen[str]:
        # The last step's adapter: so few steps may find none that validation likes better than the start.
        line = ["-m", "model_steps.reinforce_experts", "--preset", "tiny", "--last", "--start", str(self.start_folder)]
        line += ["--out", str(self.folder / name), "--lake", self.lake.root, "--day", DAY]
        return subprocess.Popen(
            [sys.executable, *line], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        )

    def finish(self, name: str) -> dict[str, Any]:
        """What is equal of a run."""
        said, _ = (run := self.start(name)).communicate()
        assert run.returncode == 0, said
        record = json.loads(said.splitlines()[-1])
        rows = pq.read_table(self.folder / name / "curves.parquet").drop_columns(["update_seconds"]).to_pylist()
        equal = ("adapter", "kept_step", "thresholds", "validation")
        return {**{part: record[part] for part in equal}, "rows": rows}


def test_a_killed_reinforcement_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path)
    begun = time.monotonic()
    whole = trainings.finish("whole")
    seconds = time.monotonic() - begun
    steps = int(SETTINGS["REINFORCEMENT__STEPS"])
    assert [row["step"] for row in whole["rows"]] == list(range(steps + 1))
    assert whole["kept_step"] == steps
    assert whole["adapter"] != read_experts(trainings.start_folder).record["adapter"]
    resumed = 0
    for number in range(ROUNDS):
        name = f"killed {number}"
        run = trainings.start(name)
        # The second half of a run is where it trains.
        time.sleep(seconds * (0.5 + 0.45 * number / ROUNDS))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        resumed += any((tmp_path / name / "trainer").glob("checkpoint-*"))
        assert trainings.finish(name) == whole
        shutil.rmtree(tmp_path / name)
    assert resumed, "No run was killed after its first checkpoint: kill later."
