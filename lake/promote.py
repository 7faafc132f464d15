"""Make a candidate champion that a gate let through and a person approved: ``python -m lake.promote --evidence NAME``.

The last step of a review. Without a gate's GO nobody is promoted here: `python -m lake override` is an act of its own.
"""

from __future__ import annotations

import argparse
from typing import Any

from lake.registry.canary import planned
from lake.registry.promotion import promote_reviewed
from lake.store.location import Lake
from runtime.entry import run_command
from settings import load_settings


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    terms = planned(settings.canary)
    return promote_reviewed(lake, arguments.evidence, arguments.reviewer, arguments.comment, canary=terms).document()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lake.promote", description=__doc__)
    parser.add_argument("--evidence", required=True, help="name of the evidence, as the gate's manifest says it")
    parser.add_argument("--reviewer", required=True, help="who approved")
    parser.add_argument("--comment", default="", help="the reviewer's")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
