"""How a command gets its name, its arguments and its function."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from lake.store.location import Lake
from schemas.registry import TABLES

Do = Callable[[Lake, argparse.Namespace], None]


class Commands:
    """The commands that a parser knows; parsed arguments name the chosen one's function as ``do``."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._names: Any = parser.add_subparsers(required=True, metavar="WHAT")
        self._everywhere = argparse.ArgumentParser(add_help=False)
        self._everywhere.add_argument("--lake", help="address of the lake (default: the setting)")

    def add(self, name: str, do: Do, meaning: str, *, new_lake: bool = False) -> argparse.ArgumentParser:
        """Add a command.

        Args:
            name: what is typed.
            do: what it does.
            meaning: for the help.
            new_lake: whether there need not be a lake yet.
        """
        added: argparse.ArgumentParser = self._names.add_parser(
            name, help=meaning, description=meaning, parents=[self._everywhere]
        )
        added.set_defaults(do=do, new_lake=new_lake)
        return added

    def add_of_table(self, name: str, do: Do, meaning: str) -> argparse.ArgumentParser:
        """Add a command on one table."""
        added = self.add(name, do, meaning)
        added.add_argument("table", choices=sorted(TABLES), metavar="TABLE", help=", ".join(sorted(TABLES)))
        return added
