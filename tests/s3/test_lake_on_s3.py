"""The lake on a real S3 server: objects, tables, races, the command line."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lake.audit import audit
from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import RaceLost
from schemas import entities, rollups
from settings import ROOT

DAY, NEXT = "2017-11-01", "2017-11-02"

Staged = Callable[..., Batch]


def users(lake: Lake, day: str | None = None, **options: Any) -> list[str]:
    return [str(user) for user in tables.read(lake, rollups.TABLE, day, **options)["user_id"].to_pylist()]


def entity_rows(*names: str) -> pa.Table:
    rows = [{"entity_id": name, "text": name, "kind": "query"} for name in names]
    return pa.Table.from_pylist(rows, schema=entities.TABLE.schema)


def test_the_server_listens_on_this_machine_alone(server: Any) -> None:
    processes = psutil.Process(server.pid).children(recursive=True)
    listening = [one.laddr.ip for process in processes for one in process.net_connections() if one.status == "LISTEN"]
    assert set(listening) == {"127.0.0.1"}


def test_objects_come_back_as_they_were(lake: Lake) -> None:
    assert lake.read("a/b.bin") is None
    assert lake.size("a/b.bin") is None
    lake.write("a/b.bin", b"one")
    lake.write("a/b.bin", b"three")
    lake.write("a/c/d.bin", b"")
    lake.write("ab.bin", b"")
    assert lake.read("a/b.bin") == b"three"
    assert lake.size("a/b.bin") == 5
    assert list(lake.list("a")) == ["a/b.bin", "a/c/d.bin"]
    assert [(file.path, file.size) for file in lake.files()] == [("a/b.bin", 5), ("a/c/d.bin", 0), ("ab.bin", 0)]
    lake.delete("a/b.bin")
    lake.delete("a/b.bin")
    assert list(lake.list("a")) == ["a/c/d.bin"]


def test_listings_go_beyond_one_page(lake: Lake) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: lake.write(f"many/{number:04d}", b""), range(1005)))
    assert list(lake.list("many")) == [f"many/{number:04d}" for number in range(1005)]


def test_a_lake_travels_to_other_processes(lake: Lake) -> None:
    """Spark pickles it after the driver has used it; connections cannot travel."""
    lake.write("a", b"one")
    assert pickle.loads(pickle.dumps(lake)).read("a") == b"one"


def test_of_eight_racing_writers_one_puts_the_object(lake: Lake) -> None:
    assert lake.read("nothing") is None
    for attempt in range(5):
        barrier = threading.Barrier(8, timeout=30)
        path = f"_log/{attempt:04d}.json"

        def put(number: int, path: str = path, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            return objects.put_if_absent(lake, path, {"writer": number})

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(put, range(8)))
        assert won.count(True) == 1
        assert objects.get(lake, path) == {"writer": won.index(True)}


def test_a_day_is_staged_audited_published_and_read(lake: Lake, staged: Staged, tmp_path: Path) -> None:
    batch = staged(DAY, "anna", "bert")
    assert users(lake) == []
    assert audit(lake, [Batch.load(lake, batch.path)], tmp_path)["partitions"] == 1
    assert publish(lake, [Batch.load(lake, batch.path)])[0]["replaced"] == 1
    assert publish(lake, [batch])[0]["unchanged"] == 1
    assert users(lake, DAY) == ["anna", "bert"]
    assert users(lake, DAY, filters=[("user_id", "in", ["bert"])]) == ["bert"]
    first = tables.version(lake, rollups.TABLE)

    publish(lake, [staged(DAY, "carl"), staged(NEXT, "dora")])
    assert users(lake, DAY) == ["carl"]
    assert users(lake) == ["carl", "dora"]
    assert users(lake, version=first) == ["anna", "bert"]
    assert tables.partition_digest(lake, rollups.TABLE, NEXT) is not None
    assert sorted(tables.published_days(lake, rollups.TABLE)) == [DAY, NEXT]


def test_any_engine_reads_the_tables(lake: Lake, staged: Staged) -> None:
    publish(lake, [staged(DAY, "anna")])
    delta = DeltaTable(lake.uri("rollups"), storage_options=lake.storage_options)
    assert delta.to_pyarrow_table()["user_id"].to_pylist() == ["anna"]


@pytest.mark.parametrize("there_before", [False, True], ids=["empty", "published"])
def test_of_two_publishers_of_a_day_one_wins(
    lake: Lake, staged: Staged, monkeypatch: pytest.MonkeyPatch, there_before: bool
) -> None:
    if there_before:
        publish(lake, [staged(DAY, "before")])
    names = ("anna", "bert")
    batches = [staged(DAY, name, fingerprint=name) for name in names]
    barrier, commit = threading.Barrier(2, timeout=30), writing.commit

    def wait_then_commit(*arguments: Any) -> Any:
        barrier.wait()
        return commit(*arguments)

    monkeypatch.setattr(writing, "commit", wait_then_commit)

    def race(batch: Batch) -> str:
        try:
            publish(Lake.open(lake.root), [batch])
        except RaceLost as error:
            return str(error)
        return "won"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(race, batches))
    lost = f"Another run published rollups {{'day': '{DAY}'}} meanwhile; its rows stand, ours were not published."
    assert sorted(outcomes) == [lost, "won"]
    assert users(lake, DAY) == [names[outcomes.index("won")]]


@pytest.mark.parametrize("there_before", [False, True], ids=["empty", "published"])
def test_who_publishes_while_others_rewrite_the_table_meets_no_race_and_knows_what_they_wrote(
    lake: Lake, staged: Staged, monkeypatch: pytest.MonkeyPatch, there_before: bool
) -> None:
    other = "2017-12-31"
    publish(lake, [staged(other, "zoe")])
    if there_before:
        publish(lake, [staged(DAY, "before")])
    digest, commit = tables.partition_digest(lake, rollups.TABLE, other), writing.commit

    def rewrite_then_commit(*arguments: Any) -> Any:
        rewrite(lake)
        return commit(*arguments)

    monkeypatch.setattr(writing, "commit", rewrite_then_commit)
    publish(lake, [staged(DAY, "anna", fingerprint="anna")])
    rewrite(lake)
    assert users(lake, DAY) == ["anna"]
    assert tables.partition_digest(lake, rollups.TABLE, other) == digest
    assert publish(lake, [staged(DAY, "anna", fingerprint="anna")])[0]["unchanged"] == 1


def rewrite(lake: Lake) -> None:
    delta = tables.open_table(lake, rollups.TABLE)
    assert delta
    delta.optimize.z_order(["user_id"])
    delta.create_checkpoint()
    delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


def test_rows_with_a_new_key_are_inserted_once(lake: Lake) -> None:
    assert writing.insert_new(lake, entities.TABLE, entity_rows("a", "b")) == 2
    assert writing.insert_new(lake, entities.TABLE, entity_rows("b", "c")) == 1
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda n: writing.insert_new(lake, entities.TABLE, entity_rows("d", f"e{n}")), range(4)))
    assert sorted(added) == [1, 1, 1, 2]
    keys = tables.read(lake, entities.TABLE)["entity_id"].to_pylist()
    assert keys == ["a", "b", "c", "d", "e0", "e1", "e2", "e3"]


def test_the_command_line_looks_at_it(lake: Lake, staged: Staged) -> None:
    publish(lake, [staged(DAY, "anna")])
    publish(lake, [staged(DAY, "bert")])

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "lake", *arguments, "--lake", lake.root]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert "rollups                    2            1      1  2017-11-01\n" in run("tables")
    assert "user_id              bert" in run("show", "rollups")
    assert "rollups is as it was in version 1 again; this is version 3." in run("restore", "rollups", "--version", "1")
    assert users(lake) == ["anna"]
    assert "0 files" in run("clean")
    listed = run("clean", "--older-than-hours", "0", "--apply").splitlines()
    assert [line.split("/")[0] for line in listed[:-1]] == ["_batches", "_batches", "_contents", "rollups"]
    assert users(lake) == ["anna"]
