"""Judges: which were examined, what was found, and whether they may judge."""

from __future__ import annotations

import argparse

from lake.auditing.figure_tables import text_of
from lake.command_line.commands import Commands
from lake.command_line.printing import short
from lake.registry.judges import NOT_COMPARED, examined_judges, kappa_of
from lake.store.location import Lake
from settings import load_settings


def add_commands(commands: Commands) -> None:
    commands.add("judges", list_judges, "the judges that were examined, with their records and whether they may judge")


def list_judges(lake: Lake, _arguments: argparse.Namespace) -> None:
    """Each judge with its standing, and below it its records, the newest first."""
    settings = load_settings().judge
    judges = examined_judges(lake, settings)
    for judge in judges:
        print(f"{short(judge.judge, 40):24}  {judge.standing.state:8}  {short(judge.standing.reason, 200)}")
        for record in judge.records:
            print(
                f"    {record.name}  {short(record.preset, 10):5}  log until {record.day}, holds until "
                f"{record.expires(settings.valid_days)}  kappa on real outputs {text_of(kappa_of(record))}"
            )
    print(NOT_COMPARED if judges else "No judge was examined on this lake yet: `make calibrate` does.")
