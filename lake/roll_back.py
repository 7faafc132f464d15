"""Make the previous champion champion again: ``python -m lake.roll_back --reason WHY``, as `python -m lake rollback`.

The step of the DAG `rollback`: it prints a manifest.
"""

from __future__ import annotations

import argparse
from typing import Any

from lake.registry.champions import roll_back
from lake.store.location import Lake
from runtime.entry import run_command
from runtime.errors import UsageError
from settings import load_settings


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.reason.strip():
        raise UsageError("A rollback says why: give a --reason.")
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    return roll_back(lake, arguments.reason, arguments.record, arguments.reviewer).document()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lake.roll_back", description=__doc__)
    parser.add_argument("--reason", required=True, help="why, for the log")
    parser.add_argument("--record", type=int, help="number of the record that is taken back (default: the last one)")
    parser.add_argument("--reviewer", default="", help="who wanted it, by their name in Airflow")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
