"""Spark standalone from the pyspark wheel: a master and workers, processes of this machine that listen there alone.

The workers get neither this process's environment nor its settings, as those of another machine would not: what their
executors know of either comes from the driver.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark

from launcher.java import java_home
from tests.cluster.guarded import below, guarded, words
from tests.end_to_end.airflow import free_port

HOME = Path(pyspark.__file__).parent
CLASS = "org.apache.spark.deploy"
READY_SECONDS = 300.0
# The process that an executor forks its Python workers from: it runs when the first task does.
PYTHON_WORKERS = "pyspark.daemon"


@dataclass(frozen=True)
class Standalone:
    """A running cluster: the master's address, and the guard of each worker."""

    master: str
    workers: Sequence[subprocess.Popen[bytes]]

    def at_work(self) -> list[subprocess.Popen[bytes]]:
        """Workers whose executors run tasks in Python now."""
        return [
            worker for worker in self.workers if any(PYTHON_WORKERS in words(process) for process in below(worker.pid))
        ]


@contextmanager
def running_spark(folder: Path, workers: int) -> Iterator[Standalone]:
    """Start a master and workers of one core each, and wait until it knows them."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
    }
    port, page = free_port(), free_port()
    start = [str(HOME / "bin" / "spark-class")]
    master = [*start, f"{CLASS}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
    address = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:
        guards = [stack.enter_context(guarded(master, folder / "master.log", environment))]
        for number in range(1, workers + 1):
            worker = [*start, f"{CLASS}.worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "2g"]
            worker += ["--webui-port", "0", "--work-dir", str(folder / f"worker-{number}"), address]
            guards.append(stack.enter_context(guarded(worker, folder / f"worker-{number}.log", environment)))
        _wait_for_workers(page, guards, folder)
        yield Standalone(address, guards[1:])


def _wait_for_workers(page: int, guards: Sequence[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with no_proxy.open(f"http://127.0.0.1:{page}/json/", timeout=10) as answer:
                if json.load(answer)["aliveworkers"] == len(guards) - 1:
                    return
        except OSError:
            pass
        logs = "\n".join(file.read_text(errors="replace")[-1500:] for file in folder.glob("*.log"))
        assert all(guard.poll() is None for guard in guards), f"A part of Spark ended:\n{logs}"
        assert time.monotonic() < deadline, f"Spark's workers are not there:\n{logs}"
        time.sleep(0.3)
