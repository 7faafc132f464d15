"""Two writers at one moment: threads that are made to overlap, and processes that are left to chance."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import RaceLost
from schemas import entities, rollups

ROOT = Path(__file__).resolve().parents[2]
CONTENDER = Path(__file__).with_name("contender.py")
DAY = "2017-11-01"

Approve = Callable[..., list[Batch]]
MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]


@pytest.fixture
def overlap(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Hold writers back until all have looked at the table, so that they decide on the same version."""

    def hold(writers: int) -> None:
        barrier = threading.Barrier(writers, timeout=30)
        commit = writing.commit

        def wait_then_commit(*arguments: object) -> object:
            barrier.wait()
            return commit(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(writing, "commit", wait_then_commit)

    return hold


def outcome(lake: Lake, batch: Batch) -> str:
    try:
        publish(lake, [batch])
    except RaceLost as error:
        return "lost" if DAY in str(error) else str(error)
    return "won"


def together(lake: Lake, batches: Sequence[Batch]) -> list[str]:
    with ThreadPoolExecutor(len(batches)) as pool:
        return list(pool.map(lambda batch: outcome(lake, batch), batches))


@pytest.mark.parametrize("there_before", [False, True], ids=["empty day", "published day"])
def test_of_several_writers_of_one_day_exactly_one_wins(
    lake: Lake,
    make_batch: MakeBatch,
    approve: Approve,
    rollup_rows: RollupRows,
    overlap: Callable[[int], None],
    there_before: bool,
) -> None:
    if there_before:
        publish(lake, approve(make_batch({DAY: rollup_rows("before")})))
    names = ("anna", "bert", "carl")
    batches = [make_batch({DAY: rollup_rows(name)}, fingerprint=name) for name in names]
    for batch in batches:
        approve(batch)
    overlap(len(batches))

    outcomes = together(lake, batches)
    assert sorted(outcomes) == ["lost", "lost", "won"]
    winner = names[outcomes.index("won")]
    assert tables.read(lake, rollups.TABLE, DAY)["user_id"].to_pylist() == [winner]


def test_the_same_work_done_twice_at_once_is_no_race(
    lake: Lake,
    make_batch: MakeBatch,
    approve: Approve,
    rollup_rows: RollupRows,
    overlap: Callable[[int], None],
) -> None:
    (batch,) = approve(make_batch({DAY: rollup_rows("anna")}))
    overlap(2)
    assert together(lake, [batch, batch]) == ["won", "won"]
    assert tables.read(lake, rollups.TABLE, DAY)["user_id"].to_pylist() == ["anna"]
    assert tables.version(lake, rollups.TABLE) == 1


def test_writers_of_different_days_all_commit(
    lake: Lake,
    make_batch: MakeBatch,
    approve: Approve,
    rollup_rows: RollupRows,
    overlap: Callable[[int], None],
) -> None:
    days = [f"2017-11-{number:02d}" for number in range(1, 7)]
    batches = [make_batch({day: rollup_rows(day)}) for day in days]
    for batch in batches:
        approve(batch)
    overlap(len(batches))
    assert together(lake, batches) == ["won"] * len(days)
    assert tables.read(lake, rollups.TABLE)["user_id"].to_pylist() == days


def contend(lake: Lake, action: str, left: Sequence[str], right: Sequence[str]) -> list[tuple[str, str]]:
    """Let two processes do their rounds; returns what each said, round by round."""
    Path(lake.root).mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, str(CONTENDER), lake.root, name, rival, action, *values],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, rival, values in (("left", "right", left), ("right", "left", right))
    ]
    said = []
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        said.append(output.split())
    return list(zip(*said, strict=True))


def test_processes_racing_for_empty_days_never_mix(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    days = [f"2017-11-{number:02d}" for number in range(1, 13)]
    paths: dict[str, list[str]] = {}
    for name in ("left", "right"):
        batches = [make_batch({day: rollup_rows(f"{name}1", f"{name}2")}, fingerprint=name) for day in days]
        for batch in batches:
            approve(batch)
        paths[name] = [batch.path for batch in batches]

    rounds = contend(lake, "publish", paths["left"], paths["right"])
    assert len(rounds) == len(days)
    for day, (left, right) in zip(days, rounds, strict=True):
        assert "won" in (left, right)
        whole = {"left": ["left1", "left2"], "right": ["right1", "right2"]}
        possible = [whole[name] for name, said in (("left", left), ("right", right)) if said == "won"]
        assert tables.read(lake, rollups.TABLE, day)["user_id"].to_pylist() in possible


def test_processes_publishing_different_days_do_not_disturb_each_other(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    days = [f"2017-11-{number:02d}" for number in range(1, 13)]
    paths = []
    for day in days:
        (batch,) = approve(make_batch({day: rollup_rows(day)}))
        paths.append(batch.path)
    rounds = contend(lake, "publish", paths[:6], paths[6:])
    assert rounds == [("won", "won")] * 6
    assert tables.read(lake, rollups.TABLE)["user_id"].to_pylist() == days


def test_processes_inserting_the_same_keys_insert_each_once(lake: Lake) -> None:
    left = [f"k{n},k{n + 1},l{n}" for n in range(0, 16, 2)]
    right = [f"k{n + 1},k{n},r{n}" for n in range(0, 16, 2)]
    rounds = contend(lake, "insert", left, right)
    assert all(int(a) + int(b) == 4 for a, b in rounds), rounds
    keys = tables.read(lake, entities.TABLE, columns=["entity_id"])["entity_id"].to_pylist()
    wanted = {key for group in (*left, *right) for key in group.split(",")}
    assert sorted(keys) == sorted(wanted)


def test_of_eight_racing_writers_one_puts_the_object(lake: Lake) -> None:
    for attempt in range(20):
        barrier = threading.Barrier(8, timeout=30)
        path = f"_log/{attempt:04d}.json"

        def put(number: int, path: str = path, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            return objects.put_if_absent(lake, path, {"writer": number})

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(put, range(8)))
        assert won.count(True) == 1
        assert objects.get(lake, path) == {"writer": won.index(True)}
    assert len(list(lake.list("_log"))) == 20
    assert not objects.put_if_absent(lake, "_log/0000.json", {"writer": 99})
