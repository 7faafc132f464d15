"""What the cluster's proof is made of, without a cluster: what is missing is named, what is killed is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from runtime.errors import ConfigurationError, Exit
from settings import ROOT
from tests.cluster.cluster_site import Run
from tests.cluster.guarded import below, guarded, lose
from tests.cluster.postgres import programs
from tests.cluster.test_cluster import NO_WORK

# A process that has started another, as a worker has its executor.
FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(600)'])"


def a_version(folder: Path, name: str, *files: str) -> None:
    (folder / name / "bin").mkdir(parents=True)
    for file in files:
        (folder / name / "bin" / file).touch(mode=0o755)


def test_the_newest_whole_server_is_taken(tmp_path: Path) -> None:
    a_version(tmp_path, "9.6", "initdb", "postgres")
    a_version(tmp_path, "15", "initdb", "postgres")
    a_version(tmp_path, "17", "psql")
    assert programs(tmp_path) == tmp_path / "15" / "bin"


def test_without_a_server_the_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt-get install postgresql") as missing:
        programs(tmp_path / "none")
    assert "\n" not in str(missing.value)
    a_version(tmp_path, "own", "initdb", "postgres")
    monkeypatch.setenv("PATH", str(tmp_path / "own" / "bin"))
    assert programs(tmp_path / "none") == tmp_path / "own" / "bin"


def test_the_target_ends_with_the_sentence_before_any_work(tmp_path: Path) -> None:
    code = """
import runpy, sys
from pathlib import Path
glob = Path.glob
Path.glob = lambda self, pattern: [] if str(self).startswith("/usr/lib/postgresql") else glob(self, pattern)
runpy.run_module("tests.cluster.postgres", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.CONFIG, done.stderr
    assert done.stderr.count("\n") == 1
    assert "apt-get install postgresql" in done.stderr


def test_what_is_lost_goes_with_all_that_it_started(tmp_path: Path) -> None:
    with guarded([sys.executable, "-I", "-S", "-c", FAMILY], tmp_path / "log") as guard:
        while len(processes := below(guard.pid)) < 2:
            assert guard.poll() is None
        lost = lose(guard.pid)
        assert guard.wait(60) == -9
    assert len(lost) == 2
    assert "subprocess.run" in lost[0]
    # A killed process is there until its parent, which is another one by then, has asked for its end.
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("summary", "reused"),
    [
        ("batches 0, reused True, users 300", True),
        ("batches 0, days 0, history abc, reused_days 31", True),
        ("batches 1, reused False, users 300", False),
        ("batches 2, days 31, reused_days 0, rows_in 90,000", False),
        ("batches 0, days 0, reused_days 0", False),
        ("batches 1, days 10, reused_days 30", False),
        ("entities_reused 4", False),
    ],
)
def test_work_that_was_reused_is_known_from_what_was_done(summary: str, reused: bool) -> None:
    assert bool(NO_WORK.search(summary)) is reused


def test_a_run_knows_what_its_commands_said() -> None:
    tasks = {
        "infer.shard/1": ["4 of 4 users, 0.1/s, 0 s left", "model_steps.infer: batches 1, reused False"],
        "land.stage": ["Running python -m spark_jobs.land --from a", "spark_jobs.land: days 31, reused_days 0"],
    }
    assert Run(0, 1.0, "", tasks).manifests() == [
        ("model_steps.infer", "batches 1, reused False"),
        ("spark_jobs.land", "days 31, reused_days 0"),
    ]
