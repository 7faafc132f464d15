"""Take the champion, and find the number type that the engine works with, once for a whole run: its first step.

A lake without a champion gets the release that is shipped with the code. With ``--day`` it also says whether a canary
runs on that day: then the champion before serves the users whom the champion does not.
"""

from __future__ import annotations

import argparse
from typing import Any

from lake.registry import canary, champions, releases
from lake.store.location import Lake
from runtime import processor
from runtime.entry import day_argument, run_command
from settings import load_settings


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    record, first = champions.take(lake, settings.lake.first_release)
    # Found out now, and not after all that a refresh does before it asks the model.
    releases.read(lake, record.release)
    # Found out once, so that all shards of a run work with the same.
    dtype = processor.resolve(settings.engine.dtype, settings.engine.model)
    found = canary.running(lake, record, arguments.day) if arguments.day else None
    if found is not None:
        releases.read(lake, found.beside)
    return {
        "dtype": dtype,
        "release": record.release,
        "record": f"{record.number:0{champions.DIGITS}}",
        "since": record.at,
        "first": first,
        **({canary.CANARY: found.document()} if found else {}),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lake.champion", description=__doc__)
    parser.add_argument(
        "--day", type=day_argument, help="the day that is refreshed: whether a canary runs on it (default: nobody asks)"
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
