"""A cluster's executors on a lake in S3: credentials come from the driver, by a setting, or a sentence says so.

They start Spark standalone, so not a part of ``make test``: ``make prove-cluster`` runs them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.store.location import Lake
from launcher.java import java_home
from runtime.errors import Exit
from settings import ROOT
from spark_jobs.distributed.executors import SETTING
from tests.cluster.spark_standalone import Standalone, running_spark
from tests.s3.server import BUCKET, Server, running_server

pytestmark = pytest.mark.proof

SCRIPT = Path(__file__).with_name("objects_by_executors.py")
HANGS = 900


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("s3-server")) as found:
        yield found


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with running_spark(tmp_path_factory.mktemp("spark"), workers=1) as found:
        yield found


def put_objects(server: Server, spark: Standalone, prefix: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The script with credentials in its own environment, and none of this machine's user's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INTENTFLOW_"))}
    environment |= {
        **server.environment,
        "PYTHONPATH": str(ROOT),
        "JAVA_HOME": str(java_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "INTENTFLOW_SPARK__MASTER": spark.master,
        **settings,
    }
    command = [sys.executable, str(SCRIPT), "--lake", f"s3://{BUCKET}/{prefix}"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANGS, check=False
    )


def test_executors_reach_the_lake_with_the_drivers_credentials(
    server: Server, spark: Standalone, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = put_objects(server, spark, "given")
    assert done.returncode == 0, done.stderr[-3000:]
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    assert list(Lake.open(f"s3://{BUCKET}/given").list("objects")) == ["objects/1", "objects/2"]


def test_executors_without_any_say_in_one_sentence_what_to_set(server: Server, spark: Standalone) -> None:
    done = put_objects(server, spark, "withheld", **{SETTING: "[]"})
    assert done.returncode == Exit.CONFIG, done.stderr[-3000:]
    sentence = done.stderr.strip().splitlines()[-1]
    assert f"An executor of Spark at {spark.master} says: No credentials for s3://{BUCKET}/withheld" in sentence
    assert SETTING in sentence
    assert "Traceback" not in done.stderr
    assert server.secret not in done.stderr
