"""All that a cluster is made of, on this machine, and runs on it: from settings alone."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lake.delta import tables
from lake.store.location import Lake
from launcher.task_logs import message
from runtime.process import GUARD
from schemas import answers, behaviors, days, rejected_behaviors, rollups
from schemas.registry import TABLES
from tests.cluster.guarded import below, guarded, lose, words
from tests.cluster.postgres import running_postgres
from tests.cluster.spark_standalone import Standalone, running_spark
from tests.end_to_end.airflow import DAY, USERS, settings_below
from tests.s3.server import BUCKET, Server, running_server

WORKERS = SCHEDULERS = SHARDS = 2
# Seconds after which a run that hangs is ended: a busy machine may take an hour for one.
HANGS = 4 * 3600.0
# What a task says when its command has ended: its module and what became of it.
MANIFEST = re.compile(r"((?:spark_jobs|model_steps|lake)\.\w+): (.*)")


@dataclass
class Run:
    """A run that has ended.

    Attributes:
        said: what it wrote on the terminal. tasks: the lines of each of its tasks' logs, by the log's path.
        lost: command lines of the processes that were killed, by what they belonged to.
    """

    exit_code: int
    seconds: float
    said: str
    tasks: dict[str, list[str]]
    lost: dict[str, list[str]] = field(default_factory=dict)

    def manifests(self) -> list[tuple[str, str]]:
        """Module and summary of each command that went well."""
        found = (MANIFEST.fullmatch(line) for lines in self.tasks.values() for line in lines)
        return sorted((match.group(1), match.group(2)) for match in found if match)


@dataclass(frozen=True)
class Site:
    """A running cluster, and the environment of whoever uses it."""

    folder: Path
    environment: Mapping[str, str]
    spark: Standalone

    def lake(self, name: str) -> Lake:
        return Lake.open(f"s3://{BUCKET}/{name}")

    def run(self, lake: str, watch: Callable[[int, dict[str, list[str]]], None] = lambda guard, lost: None) -> Run:
        """``make run`` on a lake of the bucket.

        Args:
            watch: called again and again while it runs, with the process below which all of it is, and with what was
                lost so far, to which it may add.
        """
        environment = {**self.environment, "INTENTFLOW_LAKE__URI": self.lake(lake).root}
        command = [sys.executable, "-m", "launcher", "run", "--day", DAY, "--users", str(USERS)]
        logs, output = self.folder / "airflow" / "logs" / "dag_id=daily_refresh", self.folder / f"{time.time_ns()}.log"
        before, started = set(logs.glob("run_id=*")), time.monotonic()
        lost: dict[str, list[str]] = {}
        with guarded(command, output, environment) as process:
            while process.poll() is None:
                assert time.monotonic() - started < HANGS, output.read_text()[-4000:]
                watch(process.pid, lost)
                time.sleep(0.5)
        files = [file for run in set(logs.glob("run_id=*")) - before for file in run.rglob("attempt=*.log")]
        tasks = {
            file.relative_to(logs).as_posix(): [message(line) for line in file.read_text().splitlines()]
            for file in files
        }
        return Run(process.returncode, time.monotonic() - started, output.read_text(), tasks, lost)


@contextmanager
def running_site(folder: Path) -> Iterator[tuple[Site, Server]]:
    """PostgreSQL first: where it is not installed, that is said before anything else begins."""
    with ExitStack() as stack:
        database = stack.enter_context(running_postgres())
        for name in ("s3", "spark"):
            (folder / name).mkdir()
        server = stack.enter_context(running_server(folder / "s3"))
        spark = stack.enter_context(running_spark(folder / "spark", WORKERS))
        own = {name: value for name, value in settings_below(folder).items() if not name.startswith("AWS_")}
        environment = {
            **own,
            **server.environment,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "INTENTFLOW_SPARK__MASTER": spark.master,
            "INTENTFLOW_INFERENCE__SHARDS": str(SHARDS),
            "INTENTFLOW_AIRFLOW__HEAVY_SLOTS": str(SHARDS),
            "INTENTFLOW_AIRFLOW__SCHEDULERS": str(SCHEDULERS),
            "INTENTFLOW_ENGINE__THREADS": "1",
            "INTENTFLOW_ENGINE__CACHE_GIB": "1",
            # A machine with other work takes its time.
            "INTENTFLOW_AIRFLOW__START_SECONDS": "1800",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        }
        yield Site(folder, environment, spark), server


class Losses:
    """Loses a worker as soon as one works for the run, then a scheduler as soon as a shard below it has answers."""

    def __init__(self, site: Site, lake: str) -> None:
        self.site, self.lake = site, site.lake(lake)

    def __call__(self, run: int, lost: dict[str, list[str]]) -> None:
        if "worker" not in lost:
            for worker in self.site.spark.at_work()[:1]:
                lost["worker"] = lose(worker.pid)
        elif "scheduler" not in lost:
            shards = schedulers_with_a_shard(run)
            if shards and tables.read(self.lake, answers.TABLE, columns=["key"]).num_rows:
                lost["scheduler"] = lose(shards[0])


def schedulers_with_a_shard(run: int) -> list[int]:
    """Guards of the schedulers below which a shard of users is inferred now."""
    guards = [process.pid for process in below(run) if {str(GUARD), "scheduler"} <= set(words(process))]
    return [guard for guard in guards if any("model_steps.infer" in words(process) for process in below(guard))]


def content(lake: Lake) -> dict[str, Any]:
    """Digests of what is published: of the day as a whole, of each of its tables, of the days that it rests on."""
    (row,) = tables.read(lake, days.TABLE, DAY).to_pylist()
    earlier = {
        f"{table.name} {day}": tables.content_digest(files)
        for table in (behaviors.TABLE, rejected_behaviors.TABLE, rollups.TABLE)
        for day, files in tables.published_days(lake, table).items()
    }
    pinned = {pin["table"]: pin["digest"] for pin in row["versions"]}
    return {"fingerprint": row["fingerprint"], "release": row["release"], **pinned, **earlier}


def versions(lake: Lake) -> dict[str, int | None]:
    """The newest version of every table."""
    return {name: tables.version(lake, table) for name, table in TABLES.items()}
