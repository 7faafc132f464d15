"""Look at a lake: ``python -m lake tables | show | history | restore | days | clean``.

tables               every table with rows, files, days and version
show TABLE           its meaning, its columns, and some rows (``--day``, ``--rows``)
history TABLE        its versions: when, by whose work, what changed
restore TABLE        make an older version the newest (``--version``); what lay between stays in the history
days                 landed and published days; ``--due`` lists those whose behaviors changed since
clean                delete staged leftovers and files that no kept version needs (``--older-than-hours``, ``--apply``)
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from commands.errors import CommandError, Exit, UsageError
from lake import cleaning, tables
from lake.days import states
from lake.location import Lake
from schemas.registry import TABLES
from schemas.table import Table
from settings import load_settings


def show_tables(lake: Lake) -> None:
    print(f"{'table':20} {'version':>7} {'rows':>12} {'files':>6}  days")
    for table in TABLES.values():
        delta = tables.open_table(lake, table)
        if delta is None:
            print(f"{table.name:20} {'-':>7} {'-':>12} {'-':>6}  not written yet")
            continue
        files = tables.live_files(delta, table)
        days = sorted({file.partition["day"] for file in files if "day" in file.partition})
        span = f"{days[0]} to {days[-1]} ({len(days)})" if days else ""
        print(f"{table.name:20} {delta.version():>7} {sum(f.rows for f in files):>12,} {len(files):>6}  {span}")


def show(lake: Lake, table: Table, day: str | None, rows: int) -> None:
    print(f"{table.name}: {table.meaning}\n")
    for column in table.columns:
        print(f"  {column.name:20} {column.type!s:30.30} {column.meaning}")
    print(f"\npublished by {table.publication}, key {', '.join(table.key)}\n")
    for row in tables.read(lake, table, day).slice(0, rows).to_pylist():
        print({name: _short(value) for name, value in row.items()})


def _short(value: object) -> object:
    text = str(value)
    return value if len(text) <= 80 else f"{text[:77]}..."


def history(lake: Lake, table: Table) -> None:
    delta = tables.open_table(lake, table)
    for entry in delta.history(50) if delta else []:
        when = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        print(f"{entry['version']:>5}  {when}  {entry['operation']:14} {entry.get('intentflow.fingerprint', '')[:60]}")


def restore(lake: Lake, table: Table, version: int | None) -> None:
    delta = tables.open_table(lake, table)
    if delta is None or version is None or not 0 <= version <= delta.version():
        newest = delta.version() if delta else None
        raise UsageError(f"restore needs --version between 0 and {newest} for {table.name}, got {version}.")
    delta.restore(version)
    print(f"{table.name}: version {version} is the newest again, as version {delta.version()}.")


def show_days(lake: Lake, due_only: bool) -> None:
    for state in states(lake):
        if state.state != "due" and due_only:
            continue
        figures = {f["name"]: f["value"] for f in state.published["figures"]} if state.published else {}
        users = f"{figures.get('users', 0):.0f} users, {state.published['release']}" if state.published else ""
        print(f"{state.day}  {state.state:9}  {users}")


def clean(lake: Lake, older_than_hours: float, apply: bool) -> None:
    found = cleaning.leftovers(lake, older_than_hours)
    for path in found:
        print(path)
    if apply:
        cleaning.delete(lake, found)
    print(f"{len(found)} files {'deleted' if apply else 'would be deleted; add --apply'}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lake", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("tables", "show", "history", "restore", "days", "clean"))
    parser.add_argument("table", nargs="?", choices=sorted(TABLES))
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--day", help="show: only this day")
    parser.add_argument("--rows", type=int, default=5, help="show: how many rows (default 5)")
    parser.add_argument("--version", type=int, help="restore: the version to go back to")
    parser.add_argument("--due", action="store_true", help="days: only those that must be done again")
    parser.add_argument(
        "--older-than-hours", type=float, default=cleaning.RETENTION_HOURS, help="clean: spare what is younger"
    )
    parser.add_argument("--apply", action="store_true", help="clean: delete instead of listing")
    return parser


def main() -> None:
    """Run the command line; a mistake of the user ends in one sentence."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.what in ("show", "history", "restore") and arguments.table is None:
        parser.error(f"{arguments.what} needs a table: {', '.join(sorted(TABLES))}")
    try:
        lake = Lake.open(arguments.lake or load_settings().lake.uri)
        table = TABLES[arguments.table] if arguments.table else None
        if table is None:
            {
                "tables": lambda: show_tables(lake),
                "days": lambda: show_days(lake, arguments.due),
                "clean": lambda: clean(lake, arguments.older_than_hours, arguments.apply),
            }[arguments.what]()
        elif arguments.what == "show":
            show(lake, table, arguments.day, arguments.rows)
        elif arguments.what == "history":
            history(lake, table)
        else:
            restore(lake, table, arguments.version)
    except CommandError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(Exit.OK)


if __name__ == "__main__":
    main()
