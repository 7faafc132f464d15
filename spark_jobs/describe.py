"""Write a first description of a log from its files: ``python -m spark_jobs.describe FILE... [--out my.toml]``.

Files are CSV in any form, JSON Lines or Parquet, packed or not; the log, and beside it the catalog and the users where
there are such files. Some of them is read: of a text file half a megabyte at its beginning, its middle and its end (of
a packed one the beginning), of many files five. What could not be guessed is a line to be filled in; until it is,
whoever loads the description is told which. No id is shown.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime import atomic
from runtime.entry import run_command
from runtime.errors import DataError, UsageError
from spark_jobs.describing.groups import groups_of, parts_of
from spark_jobs.describing.writing import description_text
from spark_jobs.landing.sources.description import lines_to_fill
from spark_jobs.landing.sources.places import files_of

log = logging.getLogger("intentflow")


def describe(files: Sequence[Path], folder: Path) -> str:
    """The description of some files.

    Args:
        folder: that it will lie in.

    Raises:
        DataError: a file cannot be read, or none has a row.
    """
    parts = parts_of(groups_of(files))
    if not any(profile.rows for profile in parts.log.profiles.values()):
        raise DataError(f"{parts.log.files[0]} has no row: files that have some are needed to describe a log.")
    return description_text(parts, folder)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    named = [Path(name).resolve() for name in arguments.files]
    missing = [path for path in named if not path.exists()]
    if missing:
        raise UsageError(f"There is no file {missing[0]}.")
    files = [file for path in named for file in files_of(path.parent, path.name) if isinstance(file, Path)]
    if not files:
        raise UsageError(f"There is no file in {named[0]}.")
    out = Path(arguments.out).resolve() if arguments.out else None
    if out and out.exists():
        raise UsageError(f"{out} is there already: remove it, or name another --out.")
    text = describe(files, out.parent if out else Path.cwd())
    unfilled = lines_to_fill(text)
    if out:
        atomic.write_once(out, text.encode())
        log.info("%s is written: look at every line of it.", out)
    else:
        print(text)
    for number, told in unfilled:
        log.info("Fill in line %d: %s.", number, told)
    return {"files": len(files), "out": str(out) if out else None, "to_fill_in": [number for number, _ in unfilled]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.describe", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="files or folders of the log, its catalog, its users")
    parser.add_argument("--out", help="the description to be written, beside which paths are; else it is printed")
    run_command(main, parser, reads_log=True)
