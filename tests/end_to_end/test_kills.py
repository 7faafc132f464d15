"""SIGKILL in every kind of step, then run again: the same table as undisturbed.

Minutes long, so not a part of ``make test``: ``make prove-kills`` runs it, each kill ten times (``KILL_ROUNDS``).
Publishing has few moments and is killed at each of them in tests/lake/test_kills.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lake.delta import tables
from lake.store.location import Lake
from schemas import (
    answers,
    behaviors,
    contexts,
    entity_vectors,
    explanations,
    intents,
    personas,
    rejected_behaviors,
    rollups,
)
from schemas.table import Table

FIRST, DAY = "2017-10-30", "2017-11-01"
SETTINGS = {
    "INFERENCE__USERS": "2",
    "INFERENCE__CHUNK_USERS": "1",
    "INFERENCE__PERSONAS": "2",
    "INFERENCE__MINIMUM_EVENTS": "5",
    "INFERENCE__MINIMUM_ACTIVE_DAYS": "2",
    "EXPLANATIONS__TAGS": "2",
}
pytestmark = pytest.mark.proof

ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))
CONTENT = (
    behaviors.TABLE,
    rejected_behaviors.TABLE,
    rollups.TABLE,
    contexts.TABLE,
    intents.TABLE,
    personas.TABLE,
    explanations.TABLE,
)


def contents(lake: Lake) -> dict[str, Any]:
    """Everything that is published, row by row."""
    found: dict[str, Any] = {table.name: tables.read(lake, table).to_pylist() for table in CONTENT}
    vectors = tables.read(lake, entity_vectors.TABLE, columns=["entity_id", "embedder"]).to_pylist()
    assert len({(row["entity_id"], row["embedder"]) for row in vectors}) == len(vectors)
    return {**found, "vectors": len(vectors)}


class Undisturbed:
    """A refresh that nobody disturbs, with a copy of its lake before each step."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.commands = make("undisturbed", **SETTINGS)
        self.before: dict[str, Path] = {}
        self._keep("land")
        self.commands.land(FIRST, DAY)
        self._keep("compress")
        self.commands.compress(DAY)
        self._keep("infer")
        self.commands.infer(DAY)
        self.contents = contents(self.commands.lake)

    def _keep(self, step: str) -> None:
        self.before[step] = self.commands.folder.parent / f"before-{step}"
        source = self.commands.folder / "lake"
        if source.exists():
            shutil.copytree(source, self.before[step])

    def copy(self, make: Callable[..., Any], step: str, name: str) -> Any:
        """Commands on a copy of the lake as it was before a step."""
        copied = make(name, **SETTINGS)
        if self.before[step].exists():
            shutil.copytree(self.before[step], copied.folder / "lake")
        if (self.commands.folder / "key").exists():
            shutil.copy(self.commands.folder / "key", copied.folder / "key")
        return copied


@pytest.fixture(scope="module")
def undisturbed(
    make_commands: Callable[[Path], Callable[..., Any]], tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    return Undisturbed(make_commands(tmp_path_factory.mktemp("kills")))


def kill_when(process: Any, condition: Callable[[], bool]) -> None:
    """SIGKILL a command with all its children once the condition holds, which must be before it has finished."""
    with ThreadPoolExecutor(1) as pool:
        # Read meanwhile, for a command that nobody listens to stops.
        ended = pool.submit(process.communicate)
        while not ended.done():
            if condition():
                os.killpg(process.pid, signal.SIGKILL)
                return
            time.sleep(0.01)
        _, said = ended.result()
    pytest.fail(f"It left with {process.returncode} before it could be killed:\n{said[-3000:]}")


def rows_of(lake: Lake, table: Table) -> int:
    """Published rows; a table that was only just created has none."""
    return sum(file.rows for file in tables.live_files(tables.open_table(lake, table), table))


def staged_files(lake: Lake, table: str) -> int:
    return sum(path.endswith(".parquet") for path in lake.list(table))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_spark_killed_while_it_stages_a_landing(
    undisturbed: Undisturbed, commands: Callable[..., Any], number: int
) -> None:
    again = undisturbed.copy(commands, "land", "land")
    process = again.start("spark_jobs.land", "--from", FIRST, "--to", DAY)
    kill_when(process, lambda: staged_files(again.lake, "behaviors") > number % 4)
    assert tables.read(again.lake, behaviors.TABLE).num_rows == 0
    again.land(FIRST, DAY)
    found = contents(again.lake)
    assert found["behaviors"] == undisturbed.contents["behaviors"]
    assert found["rejected_behaviors"] == undisturbed.contents["rejected_behaviors"]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_spark_killed_while_it_compresses(undisturbed: Undisturbed, commands: Callable[..., Any], number: int) -> None:
    again = undisturbed.copy(commands, "compress", "compress")
    process = again.start("spark_jobs.roll_up", "--day", DAY)
    kill_when(process, lambda: staged_files(again.lake, "rollups") > number % 4)
    assert tables.read(again.lake, rollups.TABLE).num_rows == 0
    again.compress(DAY)
    found = contents(again.lake)
    assert found["rollups"] == undisturbed.contents["rollups"]
    assert found["contexts"] == undisturbed.contents["contexts"]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_embedding_and_inference_killed(undisturbed: Undisturbed, commands: Callable[..., Any], number: int) -> None:
    again = undisturbed.copy(commands, "infer", "infer")
    process = again.start("model_steps.embed", "--day", DAY)
    kill_when(process, lambda: rows_of(again.lake, entity_vectors.TABLE) > 0)
    again.run("model_steps.embed", "--day", DAY)
    process = again.start("model_steps.infer", "--day", DAY, "--shard", "1/1")
    kill_when(process, lambda: rows_of(again.lake, answers.TABLE) > 0)
    answered = tables.read(again.lake, answers.TABLE).num_rows
    assert tables.read(again.lake, intents.TABLE).num_rows == 0
    manifest = again.infer(DAY)
    assert manifest["cached_answers"] == answered > 0
    assert contents(again.lake) == undisturbed.contents


@pytest.mark.parametrize("number", range(ROUNDS))
def test_inference_killed_while_it_explains(
    undisturbed: Undisturbed, commands: Callable[..., Any], number: int
) -> None:
    again = undisturbed.copy(commands, "infer", "explain")
    again.run("model_steps.embed", "--day", DAY)

    def captions() -> int:
        roles: list[str] = tables.read(again.lake, answers.TABLE, columns=["role"])["role"].to_pylist()
        return roles.count("explainer")

    process = again.start("model_steps.infer", "--day", DAY, "--shard", "1/1")
    kill_when(process, lambda: captions() > 0)
    answered = tables.read(again.lake, answers.TABLE).num_rows
    manifest = again.infer(DAY)
    assert manifest["cached_answers"] == answered > captions() - manifest["roles"]["explainer"]["calls"] > 0
    assert contents(again.lake) == undisturbed.contents
    assert undisturbed.contents["explanations"]
