"""Cleaning: list or delete what the lake can do without."""

from __future__ import annotations

import argparse
import time

from lake.command_line.commands import Commands
from lake.registry import cleaning
from lake.store.location import Lake
from runtime.errors import UsageError


def add_commands(commands: Commands) -> None:
    parser = commands.add("clean", clean, "list, or delete, staged leftovers and files that no kept version needs")
    hours = cleaning.RETENTION_HOURS
    parser.add_argument(
        "--older-than-hours",
        type=float,
        default=hours,
        help=f"spare what is younger; must exceed the longest run (default {hours:g})",
    )
    parser.add_argument("--apply", action="store_true", help="delete instead of listing")


def clean(lake: Lake, arguments: argparse.Namespace) -> None:
    """List or delete what the lake can do without."""
    if not arguments.older_than_hours >= 0:
        raise UsageError(f"--older-than-hours must be 0 or more, got {arguments.older_than_hours:g}.")
    files = cleaning.leftovers(lake, arguments.older_than_hours)
    for file in files:
        print(f"{file.path}  {file.size:,} bytes, {(time.time() - file.changed) / 3600:,.0f} hours old")
    if arguments.apply:
        cleaning.delete(lake, files)
    mebibytes = sum(file.size for file in files) / 2**20
    done = "deleted" if arguments.apply else "would be deleted"
    hint = "" if arguments.apply or not files else "; add --apply"
    print(f"{len(files)} files, {mebibytes:,.1f} MiB, {done}{hint}.")
