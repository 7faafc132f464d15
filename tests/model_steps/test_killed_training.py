"""SIGKILL in the command that trains experts, then run again: the same adapter as undisturbed.

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

import pytest

from lake.store.location import Lake
from model_steps import weights
from settings import ROOT, load_settings
from tests.model_steps.reinforced_shop import DAY, land

pytestmark = pytest.mark.proof

ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
SETTINGS = {
    "EXPERTS__STEPS": "8",
    "EXPERTS__BATCH": "1",
    "EXPERTS__RANK": "4",
    "EXPERTS__FIRST_LAYER": "28",
    "EXPERTS__CHECKPOINT_STEPS": "1",
    "EXPERTS__VALIDATION_STEPS": "4",
    "EXPERTS__VALIDATION_USERS": "1",
    "EXPERTS__DTYPE": "float32",
    "EXPERTS__INSTRUCTIONS": "10",
    "EXPERTS__EXPECTED": "0",
    "ENGINE__THREADS": "1",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A small shop whose users' personas can be learnt from."""
    return land(Lake.open(tmp_path_factory.mktemp("shop") / "lake"))


class Trainings:
    """Runs of the command on one lake, each in a folder of its own."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        model = load_settings().engine.model
        if not weights.is_complete(model):
            weights.convert(weights.find_gguf(), model)
        self.lake, self.folder = lake, folder
        self.environment = {**os.environ, **{f"INTENTFLOW_{name}": value for name, value in SETTINGS.items()}}

    def start(self, name: str) -> subprocess.Popen[str]:
        line = ["-m", "model_steps.train_experts", "--out", str(self.folder / name), "--lake", self.lake.root]
        return subprocess.Popen(
            [sys.executable, *line, "--day", DAY], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        )

    def finish(self, name: str) -> str:
        """Digest of the adapter, which the weights' file has."""
        said, _ = (run := self.start(name)).communicate()
        assert run.returncode == 0, said
        return str(json.loads(said.splitlines()[-1])["adapter"])


def test_a_killed_training_leaves_the_adapter_of_an_undisturbed_one(lake: Lake, tmp_path: Path) -> None:
    trainings = Trainings(lake, tmp_path)
    whole = trainings.finish("whole")
    answers = (tmp_path / "whole" / "general.json").read_bytes()
    begun = time.monotonic()
    (tmp_path / "timed").mkdir()
    (tmp_path / "timed" / "general.json").write_bytes(answers)
    assert trainings.finish("timed") == whole
    seconds = time.monotonic() - begun
    resumed = 0
    for number in range(ROUNDS):
        name = f"killed {number}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "general.json").write_bytes(answers)
        run = trainings.start(name)
        # The second half of a run is where it trains.
        time.sleep(seconds * (0.5 + 0.45 * number / ROUNDS))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        resumed += (tmp_path / name / "state.safetensors").is_file()
        assert trainings.finish(name) == whole
        shutil.rmtree(tmp_path / name)
    assert resumed, "No run was killed after its first checkpoint: kill later."
