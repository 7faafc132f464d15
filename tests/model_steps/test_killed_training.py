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
from typing import Any

import pyarrow as pa
import pytest

from lake.delta import writing
from lake.delta.publishing import _replace
from lake.delta.staging import StagedPartition, stage
from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from model_steps import embed, weights
from model_steps.embedding.embedder import Embedder
from representation.cleaning import entity_id
from schemas import contexts, entities, examples
from settings import ROOT, load_settings
from tests.model_steps.test_real_model import context_row

pytestmark = pytest.mark.proof

CATALOG = ("plain yogurt", "whole milk", "white bread", "corn chips", "baby food", "mixed nuts")
DAY, UNTIL = "2017-08-23", "2017-09-07"
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


def publish(lake: Lake, table: Any, rows: list[dict[str, Any]]) -> None:
    """Make rows readable without the audit, which is not what this is about."""
    file = stage(lake, table, pa.Table.from_pylist(rows, table.schema), fingerprint="test", partition={"day": DAY})
    _replace(writing.create(lake, table), table, [StagedPartition({"day": DAY}, "test", (file,))], {(DAY,): []})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A small shop whose users' personas can be learnt from."""
    lake, rule = Lake.open(tmp_path_factory.mktemp("shop") / "lake"), read_rule(load_settings().source)
    catalog = [
        {
            "entity_id": entity_id("category", name),
            "text": name,
            "kind": "category",
            "category": name,
            "category_path": f"shop > {name}",
        }
        for name in CATALOG
    ]
    catalog += [{**row, "entity_id": entity_id("item", row["text"]), "kind": "item"} for row in catalog]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(catalog, entities.TABLE.schema))
    users = [f"user {number}" for number in range(40)]
    known = [user for user in users if rule.split_of(user) in examples.SPLITS]
    publish(lake, contexts.TABLE, [{**context_row(user, CATALOG[:3]), "day": DAY} for user in known])
    rows = []
    for number, user in enumerate(known):
        own = [CATALOG[(number + step) % len(CATALOG)] for step in range(3)]
        evidence = [
            {"category": name, "label": name, "days": 4 - n, "last_day": DAY, "usual_interval": None, "rank": n + 1}
            for n, name in enumerate(own)
        ]
        rows.append(
            {
                "day": DAY,
                "user_id": user,
                "split": rule.split_of(user),
                "persona": 0,
                "names": ["shop"],
                "evidence": evidence,
                "outcomes": own[:2],
                "outcomes_until": UNTIL,
                "season": "season: summer",
                "attributes": [],
                "source": examples.BEHAVIOR,
            }
        )
    publish(lake, examples.TABLE, rows)
    embed.embed(lake, Embedder(), DAY)
    return lake


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
