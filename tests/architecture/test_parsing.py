"""Airflow parses the DAG files every few seconds and gives up after 30 s: no heavy library, little time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HEAVY = {
    "boto3",
    "deltalake",
    "great_expectations",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pyspark",
    "torch",
    "transformers",
    "vllm",
}

PARSE = """
import json, os, runpy, sys, tempfile, time
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(dir=sys.argv[1])
import airflow.sdk
from airflow.sdk import DAG
started = time.process_time()
runpy.run_path(sys.argv[2])
print(json.dumps({"parse": time.process_time() - started, "all": time.process_time(), "modules": list(sys.modules)}))
"""


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_parsing_is_light(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARSE, str(tmp_path), str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    parsed = json.loads(done.stdout.splitlines()[-1])
    assert HEAVY & {name.partition(".")[0] for name in parsed["modules"]} == set()
    # CPU seconds, with Airflow's own import in the second figure.
    assert parsed["parse"] < 2
    assert parsed["all"] < 10
