"""Publish audited batches: ``python -m lake.publish --lake URI --batch PATH [--batch PATH ...]``."""

from __future__ import annotations

import argparse
from typing import Any

from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.entry import run_command
from settings import load_settings


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    return {"published": publish(lake, [Batch.load(lake, path) for path in arguments.batch])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lake.publish", description=__doc__)
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--batch", action="append", required=True, help="path of a staged batch, repeatable")
    run_command(main, parser)
