"""Airflow parses the DAG files every few seconds and gives up after 30 s: no heavy library, few modules of any kind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

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
# What a file may load beyond Airflow itself: ours, the settings' library, and what of Airflow they want.
# A library of data or models loads several hundred.
MOST_MODULES = 150

PARSE = """
import json, os, runpy, sys, tempfile
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(dir=sys.argv[1])
import airflow.sdk
from airflow.sdk import DAG
before = set(sys.modules)
runpy.run_path(sys.argv[2])
print(json.dumps({"all": sorted(sys.modules), "of_the_file": sorted(set(sys.modules) - before)}))
"""


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_parsing_is_light(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARSE, str(tmp_path), str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout.splitlines()[-1])
    assert HEAVY & {name.partition(".")[0] for name in modules["all"]} == set()
    assert len(modules["of_the_file"]) <= MOST_MODULES, modules["of_the_file"]
