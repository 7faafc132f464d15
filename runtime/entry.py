"""A command's frame: log to stderr, one JSON manifest as the last line of stdout, an exit code."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from runtime.errors import CommandError, Exit
from runtime.withheld import told

log = logging.getLogger("intentflow")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def day_argument(text: str) -> str:
    """An argparse type: a day as YYYY-MM-DD."""
    from datetime import date

    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as YYYY-MM-DD") from None
    return text


def _age() -> float:
    """Seconds since this process began, its imports included; 0 where the system does not say."""
    try:
        began = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def run_command(
    main: Callable[[argparse.Namespace], Mapping[str, Any]], parser: argparse.ArgumentParser, *, reads_log: bool = False
) -> NoReturn:
    """Run ``main`` on the parsed arguments and leave the process.

    The manifest goes to stdout as one line, with the seconds since the process began. A CommandError becomes its
    sentence and its exit code; anything else keeps its traceback, for that is our mistake and not the user's.

    Args:
        reads_log: whether it reads what a shop wrote. Then what such an error says is not shown: it may name a person.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    started = time.monotonic()
    try:
        arguments = parser.parse_args()
        manifest = dict(main(arguments))
        manifest["seconds"] = round(max(_age(), time.monotonic() - started), 3)
        last_line = json.dumps(manifest, sort_keys=True)
    except SystemExit as exit_:
        sys.exit(Exit.USAGE if exit_.code not in (0, None) else Exit.OK)
    except CommandError as error:
        log.error("%s", error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if reads_log:
            log.error("%s failed in a way it should not, what the error says is withheld: %s", parser.prog, told(error))
        else:
            log.exception("%s failed in a way it should not", parser.prog)
        sys.exit(Exit.INTERNAL)
    sys.stderr.flush()
    print(last_line, flush=True)
    sys.exit(Exit.OK)
