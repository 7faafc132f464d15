"""Has the log of a day arrived? ``python -m spark_jobs.arrived --day D``: exit 0, or 66 while it has not.

With ``--look`` the answer is in the manifest, whatever it is: what the day waits for, and from when on the whole of
it can be there.
"""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any

from runtime.entry import day_argument, run_command
from runtime.errors import SourceMissing
from settings import load_settings
from spark_jobs.landing.sources import open_source


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    source, day = open_source(load_settings().source), date.fromisoformat(arguments.day)
    lacking = source.lacking(day)
    if lacking and not arguments.look:
        raise SourceMissing(f"The log of {day} has not arrived at the source {source.name!r}: {lacking}.")
    return {
        "arrived": lacking is None,
        "lacking": lacking,
        "complete_from": source.complete_from(day).isoformat(),
        "source": source.name,
        "day": arguments.day,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.arrived", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True)
    parser.add_argument("--look", action="store_true", help="exit 0 also while it has not, and say why in the manifest")
    parser.add_argument("--lake", help="address of the lake (not needed; every step takes it)")
    run_command(main, parser, reads_log=True)
