"""Champions: who it is and was, and the next one."""

from __future__ import annotations

import argparse
from pathlib import Path

from lake.command_line.commands import Commands
from lake.command_line.printing import short
from lake.registry import champions
from lake.store.location import Lake


def add_commands(commands: Commands) -> None:
    commands.add("champions", list_champions, "the champion log: which release refreshes use, since when, and why")
    # A new lake may be given another first champion than the shipped one.
    parser = commands.add(
        "promote", promote, "install a release's folder on the lake and make it champion", new_lake=True
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a release, such as those below releases/")
    parser.add_argument("--reason", required=True, help="why, for the log")


def list_champions(lake: Lake, _arguments: argparse.Namespace) -> None:
    """The champion log, newest first."""
    records = champions.log_of(lake)
    for record in reversed(records):
        who, why = short(record.by, 16), short(record.reason)
        print(f"{record.number:>6}  {record.at}  {record.release:24}  {who:16}  {why}")
    if not records:
        print("Nobody is champion yet: the first refresh installs the release that is shipped with the code.")


def promote(lake: Lake, arguments: argparse.Namespace) -> None:
    """Install a release and make it champion."""
    record = champions.promote(lake, arguments.folder, arguments.reason)
    print(f"{record.release} is champion by record {record.number}: refreshes that begin from now on use it.")
