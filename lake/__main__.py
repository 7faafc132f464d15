"""Look at a lake and put it in order: its tables, their history, its days, what it can do without."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lake import champion
from lake.delta import cleaning, commits, contract, tables, writing
from lake.registry.days import pinned_elsewhere, states
from lake.store.location import Lake
from runtime.entry import day_argument
from runtime.errors import CommandError, DataError, Exit, SourceMissing, UsageError
from schemas.registry import TABLES
from schemas.table import Table
from settings import load_settings

LONGEST_VALUE = 120


def show_tables(lake: Lake) -> None:
    """Every table with version, rows, files and days."""
    print(f"{'table':20} {'version':>7} {'rows':>12} {'files':>6}  days")
    for table in TABLES.values():
        delta = tables.open_table(lake, table, checked=False)
        if delta is None:
            print(f"{table.name:20} {'-':>7} {'-':>12} {'-':>6}  not written yet")
            continue
        try:
            contract.compare(delta, table)
        except DataError as error:
            print(f"{table.name:20} {delta.version():>7} {error}")
            continue
        files = tables.live_files(delta, table)
        rows = sum(file.rows for file in files)
        span = _span([file.partition["day"] for file in files if "day" in file.partition])
        print(f"{table.name:20} {delta.version():>7} {rows:>12,} {len(files):>6}  {span}".rstrip())


def show(lake: Lake, table: Table, day: str | None, rows: int, version: int | None) -> None:
    """A table's meaning, its columns, and some rows: of the newest day where none is named."""
    by_day = "day" in table.partition_by
    if day and not by_day:
        raise UsageError(f"The table {table.name} has no days: leave --day out.")
    delta = tables.open_table(lake, table, version)
    days = [file.partition["day"] for file in tables.live_files(delta, table)] if by_day else []
    day = day or max(days, default=None)
    found, total = tables.sample(lake, table, rows, day, version=version)
    print(f"{table.name}: {table.meaning}\n")
    for column in table.columns:
        print(f"  {column.name:20} {_short(column.type, 40):40} {column.meaning}")
    kind = "whole partitions are replaced" if table.publication == "replace" else "rows with a new key are inserted"
    print(f"\nkey: {', '.join(table.key)}; {kind}\n")
    if not total:
        print(
            f"No rows{f' of {day}' if day else ''}; days with rows: {_span(days) or 'none'}." if by_day else "No rows."
        )
    else:
        print(f"{found.num_rows:,} of the {total:,} rows{f' of {day}' if day else ''}:")
    for row in found.to_pylist():
        print()
        for name, value in row.items():
            print(f"  {name:20} {_short(value)}")


def history(lake: Lake, table: Table, last: int) -> None:
    """A table's newest versions, one a line, newest first."""
    found = commits.commit_files(lake, table)
    if not found:
        print(f"{table.name} was never written.")
        return
    print(f"{'version':>7}  {'when (UTC)':19}  {'operation':12} {'files':>11} {'rows':>12}  partitions, whose work")
    for file in found[:last]:
        commit = commits.read_commit(lake, file.path)
        changed = f"+{len(commit.added)} -{len(commit.removed)}" if commit.added or commit.removed else ""
        works = commit.fingerprints.split(",")
        work = f"{works[0]}{f' and {len(works) - 1} more' if len(works) > 1 else ''}"
        print(
            f"{commit.version:>7}  {commit.at:%Y-%m-%d %H:%M:%S}  {commit.operation:12} {changed:>11} "
            f"{f'+{commit.rows:,}' if commit.rows else '':>12}  {_span(commit.partitions)}  {work}".rstrip()
        )
    if len(found) > last:
        print(f"{len(found) - last} older versions are not shown: --last {len(found)} shows all.")


def restore(lake: Lake, table: Table, version: int) -> None:
    """Make an older version of a table the newest."""
    newest = writing.restore(lake, table, version)
    print(f"{table.name} is as it was in version {version} again; this is version {newest}.")
    if "day" in table.partition_by and table.name != "days" and (apart := pinned_elsewhere(lake, table)):
        print(
            f"Published with other rows of {table.name}, and still read so by whoever reads through `days`: "
            f"{', '.join(sorted(apart))}. Restore `days` too, or make them again."
        )


def show_days(lake: Lake, due_only: bool) -> None:
    """The landed and published days, or those that must be done again."""
    found = states(lake)
    shown = [state for state in found if state.state == "due" or not due_only]
    for state in shown:
        figures = {f["name"]: f["value"] for f in state.published["figures"]} if state.published else {}
        users = f"{figures.get('users', 0):>8,.0f} users  {state.published['release']}" if state.published else ""
        print(f"{state.day}  {state.state:9}  {users}  {state.why_due}".rstrip())
    if due_only and not shown:
        print("No published day is due.")
    elif not due_only:
        count = {word: sum(state.state == word for state in found) for word in ("published", "due", "landed")}
        print(f"{count['published']} days are published, {count['due']} are due again, {count['landed']} only landed.")


def show_champions(lake: Lake) -> None:
    """The champion log, newest first."""
    found = champion.log_of(lake)
    for record in reversed(found):
        print(
            f"{record.number:>6}  {record.at}  {record.release:24}  {_short(record.by, 16):16}  {_short(record.reason)}"
        )
    if not found:
        print("Nobody is champion yet: the first refresh installs the release that is shipped with the code.")


def promote(lake: Lake, folder: Path, reason: str) -> None:
    """Install a release and make it champion."""
    record = champion.promote(lake, folder, reason)
    print(f"{record.release} is champion by record {record.number}: refreshes that begin from now on use it.")


def clean(lake: Lake, older_than_hours: float, apply: bool) -> None:
    """List or delete what the lake can do without."""
    if not older_than_hours >= 0:
        raise UsageError(f"--older-than-hours must be 0 or more, got {older_than_hours:g}.")
    found = cleaning.leftovers(lake, older_than_hours)
    for file in found:
        print(f"{file.path}  {file.size:,} bytes, {(time.time() - file.changed) / 3600:,.0f} hours old")
    if apply:
        cleaning.delete(lake, found)
    mebibytes = sum(file.size for file in found) / 2**20
    hint = "" if apply or not found else "; add --apply"
    print(f"{len(found)} files, {mebibytes:,.1f} MiB, {'deleted' if apply else 'would be deleted'}{hint}.")


def _short(value: object, longest: int = LONGEST_VALUE) -> str:
    """A value on one line. Texts come from strangers: what could steer a terminal is shown as an escape."""
    text = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(value))
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _span(names: Sequence[str]) -> str:
    """First, last and number of partitions."""
    found = sorted(set(names))
    return f"{found[0]} to {found[-1]} ({len(found)})" if len(found) > 1 else "".join(found)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--lake", help="address of the lake (default: the setting)")
    of_table = argparse.ArgumentParser(add_help=False)
    of_table.add_argument("table", choices=sorted(TABLES), metavar="TABLE", help=", ".join(sorted(TABLES)))
    parser = argparse.ArgumentParser(prog="python -m lake", description=__doc__)
    whats = parser.add_subparsers(dest="what", required=True, metavar="WHAT")

    def add(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return whats.add_parser(name, help=text, description=text, parents=[*parents, everywhere])

    add("tables", "every table with version, rows, files and days")
    one = add("show", "a table's meaning, its columns and some rows", of_table)
    one.add_argument("--day", type=day_argument, help="rows of this day (default: the newest)")
    one.add_argument("--rows", type=_count, default=5, help="how many rows (default 5)")
    one.add_argument("--version", type=_count, help="as it was in this version (default: the newest)")
    one = add("history", "a table's versions: when, by whose work, what changed", of_table)
    one.add_argument("--last", type=_count, default=20, help="how many versions (default 20)")
    one = add("restore", "make an older version of a table the newest; what lay between stays in its history", of_table)
    one.add_argument("--version", type=_count, required=True, help="the version to go back to")
    one = add("days", "the landed and the published days, and which are due again")
    one.add_argument("--due", action="store_true", help="only those that rest on behaviors which changed since")
    add("champions", "the champion log: which release refreshes use, since when, and why")
    one = add("promote", "install a release's folder on the lake and make it champion")
    one.add_argument("folder", type=Path, metavar="FOLDER", help="a release, such as those below releases/")
    one.add_argument("--reason", required=True, help="why, for the log")
    one = add("clean", "list, or delete, staged leftovers and files that no kept version needs")
    hours = cleaning.RETENTION_HOURS
    one.add_argument(
        "--older-than-hours",
        type=float,
        default=hours,
        help=f"spare what is younger; must exceed the longest run (default {hours:g})",
    )
    one.add_argument("--apply", action="store_true", help="delete instead of listing")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments say.

    Raises:
        CommandError: a sentence for the user.
    """
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    # A new lake may be given another first champion than the shipped one.
    if arguments.what != "promote" and not lake.is_s3 and not Path(lake.root).is_dir():
        raise SourceMissing(f"There is no lake in {lake.root}: nothing was landed yet, or --lake names another place.")
    if arguments.what == "tables":
        show_tables(lake)
    elif arguments.what == "show":
        show(lake, TABLES[arguments.table], arguments.day, arguments.rows, arguments.version)
    elif arguments.what == "history":
        history(lake, TABLES[arguments.table], arguments.last)
    elif arguments.what == "restore":
        restore(lake, TABLES[arguments.table], arguments.version)
    elif arguments.what == "days":
        show_days(lake, arguments.due)
    elif arguments.what == "champions":
        show_champions(lake)
    elif arguments.what == "promote":
        promote(lake, arguments.folder, arguments.reason)
    else:
        clean(lake, arguments.older_than_hours, arguments.apply)


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
