"""What a lake can do without: files staged and never published, files of versions that nobody keeps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from lake.delta import commits, contents, tables
from lake.delta.staging import FOLDER
from lake.registry.days import pinned_files
from lake.store import objects
from lake.store.folder import StoredFile
from lake.store.location import Lake
from runtime.atomic import TEMPORARY
from schemas.registry import TABLES

# Longer than any run takes, so that what a run has staged and not yet published is spared; and this long a replaced
# version can still be read and restored.
RETENTION_HOURS = 24.0 * 14


def leftovers(lake: Lake, older_than_hours: float = RETENTION_HOURS) -> list[StoredFile]:
    """The files that can go, sorted by path.

    Spared is what is younger, what a table's newest version holds, what was replaced or restored away within that
    time, what a published day pins, and what a younger batch names, for it may yet be published.
    """
    before = time.time() - older_than_hours * 3600
    # Listed first: a file that is published from here on is younger, or named by a younger batch.
    old = [file for file in lake.files() if file.changed < before]
    waiting = {*_replaced_since(lake, before), *_staged_since(lake, before)}
    needed = {*_live(lake), *_notes(lake), *waiting, *pinned_files(lake)}
    return [file for file in old if _is_ours(file.path) and file.path not in needed]


def _is_ours(path: str) -> bool:
    """Data files, notes on them, descriptions of batches, and what killed writers left; never a table's log, nor
    verdicts."""
    folder, _, rest = path.partition("/")
    if f"/{TEMPORARY}" in path:
        return True
    return folder in (FOLDER, contents.FOLDER) or (folder in TABLES and not rest.startswith(f"{commits.LOG}/"))


def _live(lake: Lake) -> Iterable[str]:
    for table in TABLES.values():
        for file in tables.live_files(tables.open_table(lake, table, checked=False), table):
            yield f"{table.name}/{file.path}"


def _notes(lake: Lake) -> Iterable[str]:
    """What tells of their newest versions whose rows are whose."""
    for table in TABLES.values():
        delta = tables.open_table(lake, table, checked=False)
        if delta is not None and (number := contents.noted(delta)) is not None:
            yield contents.path_of(table, number)


def _replaced_since(lake: Lake, moment: float) -> Iterable[str]:
    for table in TABLES.values():
        for file in commits.commit_files(lake, table):
            if file.changed >= moment:
                yield from (f"{table.name}/{path}" for path in commits.read_commit(lake, file.path).removed)


def _staged_since(lake: Lake, moment: float) -> Iterable[str]:
    for file in lake.files(FOLDER):
        if file.changed >= moment and (batch := objects.get(lake, file.path)):
            for partition in batch["partitions"]:
                yield from (f"{batch['table']}/{staged['path']}" for staged in partition["files"])


def delete(lake: Lake, files: Sequence[StoredFile]) -> None:
    """Delete files that ``leftovers`` named: descriptions of batches first, then nobody can publish the rest."""
    for file in sorted(files, key=lambda file: (not file.path.startswith(f"{FOLDER}/"), file.path)):
        lake.delete(file.path)
