"""Turn a shop's user ids into their pseudonyms, for whoever holds the key: one id a line on stdin.

``echo 42 | python -m spark_jobs.pseudonymize``: ids are not arguments, so they stay out of the list of processes, and
none of them is printed. Reads the key that the settings name and makes none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runtime.entry import run_command
from runtime.errors import ConfigurationError, UsageError
from settings import load_settings
from spark_jobs.landing import pseudonyms
from spark_jobs.landing.sources.identity import canonical_text


def pseudonyms_of(lines: Iterable[str], key_path: Path) -> list[str]:
    """The pseudonyms of ids, a line each, in their order; blank lines are left out.

    Raises:
        ConfigurationError: there is no key, or it is none. UsageError: no id was given, or a line is no id.
    """
    if not key_path.is_file():
        raise ConfigurationError(
            f"There is no pseudonym key {key_path}: this machine never landed a log, or the key lies elsewhere "
            "(INTENTFLOW_SOURCE__PSEUDONYM_KEY)."
        )
    key = pseudonyms.load_key(key_path)
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        # As landing has it: an id has one form, however it is written.
        user = canonical_text(line)
        if user is None:
            raise UsageError(f"Line {number} is no user id (docs/own_log.md, Ids): write one a line to stdin.")
        found.append(pseudonyms.pseudonym(key, user))
    if not found:
        raise UsageError("No user id was given: write one a line to stdin.")
    return found


def main(_arguments: argparse.Namespace) -> dict[str, Any]:
    return {"pseudonyms": pseudonyms_of(sys.stdin, load_settings().source.pseudonym_key)}


if __name__ == "__main__":
    run_command(
        main, argparse.ArgumentParser(prog="python -m spark_jobs.pseudonymize", description=__doc__), reads_log=True
    )
