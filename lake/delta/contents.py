"""What of ours each partition of a table holds, noted so that it outlives whatever others do to the table's files.

Compaction and Z-ordering rewrite files under other names, and leave a partition without rows no file at all; cleaned
logs no longer tell. So each commit of ours carries a number (a ``txn`` action of Delta, which checkpoints keep), and
the document of that number names the staged files of every partition and their rows. A file that others wrote holds
what its partition was last published with, as long as the rows are as many; else nobody knows what it holds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable, Transaction

from lake.delta.live import LiveFile
from lake.store import objects
from lake.store.location import Lake
from runtime.fingerprint import digest
from schemas.table import Table

log = logging.getLogger("intentflow")

FOLDER = "_contents"
APPLICATION = "intentflow.contents"
# As many hexadecimal digits as fit into the number of a ``txn`` action.
_DIGITS = 15

Values = tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """What a partition was published with: the staged files' paths, sorted, and how many rows they have."""

    names: tuple[str, ...]
    rows: int


# By the partition's values, in the order of the table's partition columns.
State = Mapping[Values, Held]


def state_of(table: Table, files: Iterable[LiveFile]) -> State:
    """What the partitions of live files hold."""
    groups: dict[Values, list[LiveFile]] = {}
    for file in files:
        groups.setdefault(values_of(table, file.partition), []).append(file)
    return {
        values: Held(
            tuple(sorted({name for file in group for name in file.names})),
            sum(file.rows for file in group),
        )
        for values, group in groups.items()
    }


def values_of(table: Table, partition: Mapping[str, str]) -> Values:
    """A partition's values in the order of the table's partition columns."""
    return tuple(partition[name] for name in table.partition_by)


def note(lake: Lake, table: Table, state: State) -> Transaction:
    """Keep what a table is about to hold; returns what the commit that makes it so has to carry."""
    document, number = _document(state), _number(state)
    objects.put(lake, path_of(table, number), document)
    return Transaction(APPLICATION, number)


def noted(delta: DeltaTable) -> int | None:
    """The number of the newest note that a version carries; None in lakes of before."""
    return delta.transaction_version(APPLICATION)


def path_of(table: Table, number: int) -> str:
    """Where a note lies."""
    return f"{FOLDER}/{table.name}/{number:0{_DIGITS}x}.json"


def with_origins(delta: DeltaTable, table: Table, files: Sequence[LiveFile]) -> list[LiveFile]:
    """The files of a version, with what others rewrote traced to what was staged; partitions of which no file is left,
    for they have no rows, are there again."""
    number = noted(delta)
    if number is None or (all(file.is_staged for file in files) and number == _number(state_of(table, files))):
        return list(files)
    state = _read(lake_of(delta, table).root, table.name, number)
    if state is None:
        return list(files)
    groups: dict[Values, list[LiveFile]] = {}
    for file in files:
        groups.setdefault(values_of(table, file.partition), []).append(file)
    found: list[LiveFile] = []
    for values in groups.keys() | state.keys():
        found += _traced(table, values, groups.get(values, []), state.get(values))
    return found


def _traced(table: Table, values: Values, there: Sequence[LiveFile], held: Held | None) -> Sequence[LiveFile]:
    if held is None or sum(file.rows for file in there) != held.rows:
        return there
    if not there:
        return [LiveFile("", 0, dict(zip(table.partition_by, values, strict=True)), held.names)]
    staying = {file.path for file in there if file.is_staged}
    origins = tuple(name for name in held.names if name not in staying)
    return [file if file.is_staged or not origins else replace(file, origins=origins) for file in there]


def lake_of(delta: DeltaTable, table: Table) -> Lake:
    """The lake that a table is in."""
    return Lake.open(unquote(delta.table_uri).rstrip("/").removesuffix(f"/{table.name}"))


@lru_cache(maxsize=64)
def _read(root: str, table: str, number: int) -> State | None:
    document = Lake(root).read(f"{FOLDER}/{table}/{number:0{_DIGITS}x}.json")
    if document is None:
        log.warning(
            "The note %s/%s/%0*x of %s is gone: what others rewrote of the table %s counts as changed.",
            FOLDER,
            table,
            _DIGITS,
            number,
            root,
            table,
        )
        return None
    return _state(objects.decode(document))


def _document(state: State) -> dict[str, Any]:
    partitions = [
        {"partition": list(values), "names": list(held.names), "rows": held.rows}
        for values, held in sorted(state.items())
    ]
    return {"partitions": partitions}


def _state(document: Mapping[str, Any]) -> State:
    return {
        tuple(entry["partition"]): Held(tuple(entry["names"]), int(entry["rows"])) for entry in document["partitions"]
    }


def _number(state: State) -> int:
    return int(digest(_document(state))[:_DIGITS], 16)
