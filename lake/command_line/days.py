"""Days: which are landed, published, or due again."""

from __future__ import annotations

import argparse

from lake.command_line.commands import Commands
from lake.registry.days import DayState, states
from lake.store.location import Lake


def add_commands(commands: Commands) -> None:
    parser = commands.add("days", list_days, "the landed and the published days, and which are due again")
    parser.add_argument("--due", action="store_true", help="only those that rest on behaviors which changed since")


def list_days(lake: Lake, arguments: argparse.Namespace) -> None:
    """The landed and published days, or those that must be done again."""
    days = states(lake)
    shown = [day for day in days if day.state == "due" or not arguments.due]
    for day in shown:
        print(_line(day))
    if arguments.due and not shown:
        print("No published day is due.")
    elif not arguments.due:
        count = {word: sum(day.state == word for day in days) for word in ("published", "due", "landed")}
        print(f"{count['published']} days are published, {count['due']} are due again, {count['landed']} only landed.")


def _line(day: DayState) -> str:
    users = ""
    if day.published:
        figures = {figure["name"]: figure["value"] for figure in day.published["figures"]}
        users = f"{figures.get('users', 0):>8,.0f} users  {day.published['release']}"
    return f"{day.day}  {day.state:9}  {users}  {day.why_due}".rstrip()
