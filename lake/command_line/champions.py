"""Champions: who it is and was, the next one, and the one before again."""

from __future__ import annotations

import argparse
from pathlib import Path

from lake.command_line.commands import Commands
from lake.command_line.printing import short
from lake.registry import canary, champions, promotion
from lake.registry.champions import Record, Terms
from lake.store.location import Lake
from runtime.errors import UsageError
from settings import load_settings


def add_commands(commands: Commands) -> None:
    commands.add("champions", list_champions, "the champion log: which release refreshes use, since when, and why")
    # A new lake may be given another first champion than the shipped one.
    parser = commands.add(
        "promote", promote, "install a release's folder on the lake and make it champion", new_lake=True
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a release, such as those below releases/")
    parser.add_argument("--reason", required=True, help="why, for the log")
    parser = commands.add("override", override, "make the candidate of a gate's evidence champion against its verdict")
    parser.add_argument("evidence", metavar="EVIDENCE", help="name of the evidence, as the gate's manifest says it")
    parser.add_argument("--reason", required=True, help="why the gate is overridden, for the log")
    parser.add_argument("--reviewer", help="who decided (default: who runs this)")
    parser = commands.add("rollback", roll_back, "make the previous champion champion again")
    parser.add_argument("--reason", required=True, help="why, for the log")


def list_champions(lake: Lake, _arguments: argparse.Namespace) -> None:
    """The champion log, newest first."""
    records = champions.log_of(lake)
    for record in reversed(records):
        who, why = short(record.reviewer or record.by, 16), short(record.reason)
        print(f"{record.number:>6}  {record.at}  {record.kind:8}  {record.release:24}  {who:16}  {why}".rstrip())
        if record.evidence or record.comment:
            print(f"        evidence {short(record.evidence, 16) or 'none'}  {short(record.comment)}".rstrip())
        if record.canary:
            print(f"        canary {_terms(record.canary)}")
    if not records:
        print("Nobody is champion yet: the first refresh installs the release that is shipped with the code.")


def promote(lake: Lake, arguments: argparse.Namespace) -> None:
    """Install a release and make it champion; where there is one already that is an override, for no gate was asked."""
    last = champions.current(lake)
    kind: champions.Kind = "override" if last else "promote"
    terms = canary.planned(load_settings().canary)
    _say(champions.promote(lake, arguments.folder, arguments.reason, last.number if last else 0, kind, terms))


def override(lake: Lake, arguments: argparse.Namespace) -> None:
    """Promote what a gate did not let through."""
    if not arguments.reason.strip():
        raise UsageError("An override says why: give a --reason.")
    reviewer = arguments.reviewer or champions.who()
    terms = canary.planned(load_settings().canary)
    _say(promotion.promote_reviewed(lake, arguments.evidence, reviewer, override=arguments.reason, canary=terms))


def roll_back(lake: Lake, arguments: argparse.Namespace) -> None:
    """Take the last promotion back."""
    _say(champions.roll_back(lake, arguments.reason))


def _say(record: Record) -> None:
    print(f"{record.release} is champion by record {record.number}: refreshes that begin from now on use it.")
    if record.canary:
        print(f"It begins as a canary, {_terms(record.canary)}: `python -m lake canary` shows how it goes.")


def _terms(canary: Terms) -> str:
    return f"for {canary.share:.0%} of the users until {canary.days} days are published"
