"""Look at a lake and put it in order: its tables, their history, its days, what it can do without."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from lake.command_line import canary, champions, clean, days, judges, tables
from lake.command_line.commands import Commands
from lake.store.location import Lake
from runtime.errors import CommandError, Exit, SourceMissing
from settings import load_settings


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments say.

    Raises:
        CommandError: a sentence for the user.
    """
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    if not arguments.new_lake and not lake.is_s3 and not Path(lake.root).is_dir():
        raise SourceMissing(f"There is no lake in {lake.root}: nothing was landed yet, or --lake names another place.")
    arguments.do(lake, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lake", description=__doc__)
    commands = Commands(parser)
    for subject in (tables, days, champions, canary, judges, clean):
        subject.add_commands(commands)
    return parser


def main() -> int:
    """Run the command line; a mistake of the user ends in one sentence."""
    try:
        run(_parser().parse_args())
        sys.stdout.flush()
    except SystemExit as exit_:
        return Exit.USAGE if exit_.code else Exit.OK
    except CommandError as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read has seen enough; Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
