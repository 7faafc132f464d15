"""Tables: which there are, what one holds, its versions, and going back to one."""

from __future__ import annotations

import argparse

import pyarrow as pa

from lake.command_line.commands import Commands
from lake.command_line.printing import count_argument, short, span
from lake.delta import commits, contract, tables, writing
from lake.delta.commits import Commit
from lake.registry.days import pinned_elsewhere
from lake.store.location import Lake
from runtime.entry import day_argument
from runtime.errors import DataError, UsageError
from schemas.registry import TABLES
from schemas.table import Table


def add_commands(commands: Commands) -> None:
    commands.add("tables", list_tables, "every table with version, rows, files and days")
    parser = commands.add_of_table("show", show, "a table's meaning, its columns and some rows")
    parser.add_argument("--day", type=day_argument, help="rows of this day (default: the newest)")
    parser.add_argument("--rows", type=count_argument, default=5, help="how many rows (default 5)")
    parser.add_argument("--version", type=count_argument, help="as it was in this version (default: the newest)")
    parser = commands.add_of_table("history", history, "a table's versions: when, by whose work, what changed")
    parser.add_argument("--last", type=count_argument, default=20, help="how many versions (default 20)")
    parser = commands.add_of_table(
        "restore", restore, "make an older version of a table the newest; what lay between stays in its history"
    )
    parser.add_argument("--version", type=count_argument, required=True, help="the version to go back to")
    commands.add("seal", seal, "note what each table holds, in a lake of before: then others may compact its tables")


def seal(lake: Lake, _arguments: argparse.Namespace) -> None:
    """Note what each table holds, and for how long what is replaced stays; every commit of ours does so since."""
    for table in TABLES.values():
        if tables.open_table(lake, table) is None:
            continue
        if writing.note_contents(lake, table):
            foreign = [file for file in tables.live_files(tables.open_table(lake, table), table) if not file.is_staged]
            told = f"; others have rewritten {len(foreign)} files of it, which count as changed" if foreign else ""
            print(f"{table.name} is sealed{told}.")
        else:
            print(f"{table.name} was sealed already.")


def list_tables(lake: Lake, _arguments: argparse.Namespace) -> None:
    """Every table with version, rows, files and days."""
    print(f"{'table':20} {'version':>7} {'rows':>12} {'files':>6}  days")
    for table in TABLES.values():
        print(_summary(lake, table))


def _summary(lake: Lake, table: Table) -> str:
    delta = tables.open_table(lake, table, checked=False)
    if delta is None:
        return f"{table.name:20} {'-':>7} {'-':>12} {'-':>6}  not written yet"
    try:
        contract.compare(delta, table)
    except DataError as error:
        return f"{table.name:20} {delta.version():>7} {error}"
    files = [file for file in tables.live_files(delta, table) if file.path]
    rows = sum(file.rows for file in files)
    days = span([file.partition["day"] for file in files if "day" in file.partition])
    return f"{table.name:20} {delta.version():>7} {rows:>12,} {len(files):>6}  {days}".rstrip()


def show(lake: Lake, arguments: argparse.Namespace) -> None:
    """A table's meaning, its columns, and some rows: of the newest day where none is named."""
    table, version = TABLES[arguments.table], arguments.version
    by_day = "day" in table.partition_by
    if arguments.day and not by_day:
        raise UsageError(f"The table {table.name} has no days: leave --day out.")
    delta = tables.open_table(lake, table, version)
    days = [file.partition["day"] for file in tables.live_files(delta, table)] if by_day else []
    day = arguments.day or max(days, default=None)
    rows, total = tables.sample(lake, table, arguments.rows, day, version=version)
    _print_contract(table)
    of_day = f" of {day}" if day else ""
    if total:
        print(f"{rows.num_rows:,} of the {total:,} rows{of_day}:")
    else:
        print(f"No rows{of_day}; days with rows: {span(days) or 'none'}." if by_day else "No rows.")
    _print_rows(rows)


def _print_contract(table: Table) -> None:
    print(f"{table.name}: {table.meaning}\n")
    for column in table.columns:
        print(f"  {column.name:20} {short(column.type, 40):40} {column.meaning}")
    kind = "whole partitions are replaced" if table.publication == "replace" else "rows with a new key are inserted"
    print(f"\nkey: {', '.join(table.key)}; {kind}\n")


def _print_rows(rows: pa.Table) -> None:
    for row in rows.to_pylist():
        print()
        for name, value in row.items():
            print(f"  {name:20} {short(value)}")


def history(lake: Lake, arguments: argparse.Namespace) -> None:
    """A table's newest versions, one a line, newest first."""
    table, last = TABLES[arguments.table], arguments.last
    files = commits.commit_files(lake, table)
    if not files:
        print(f"{table.name} was never written.")
        return
    print(f"{'version':>7}  {'when (UTC)':19}  {'operation':12} {'files':>11} {'rows':>12}  partitions, whose work")
    for file in files[:last]:
        print(_line(commits.read_commit(lake, file.path)))
    if len(files) > last:
        print(f"{len(files) - last} older versions are not shown: --last {len(files)} shows all.")


def _line(commit: Commit) -> str:
    changed = f"+{len(commit.added)} -{len(commit.removed)}" if commit.added or commit.removed else ""
    rows = f"+{commit.rows:,}" if commit.rows else ""
    work, *others = commit.fingerprints.split(",")
    works = f"{work} and {len(others)} more" if others else work
    return (
        f"{commit.version:>7}  {commit.at:%Y-%m-%d %H:%M:%S}  {commit.operation:12} {changed:>11} {rows:>12}  "
        f"{span(commit.partitions)}  {works}".rstrip()
    )


def restore(lake: Lake, arguments: argparse.Namespace) -> None:
    """Make an older version of a table the newest."""
    table, version = TABLES[arguments.table], arguments.version
    newest = writing.restore(lake, table, version)
    print(f"{table.name} is as it was in version {version} again; this is version {newest}.")
    if "day" in table.partition_by and table.name != "days" and (apart := pinned_elsewhere(lake, table)):
        print(
            f"Published with other rows of {table.name}, and still read so by whoever reads through `days`: "
            f"{', '.join(sorted(apart))}. Restore `days` too, or make them again."
        )
