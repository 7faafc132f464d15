"""What a lake can do without: staged files that were never published, files of versions that nobody keeps."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lake import tables
from lake.location import Lake
from lake.staging import FOLDER
from schemas.registry import TABLES

# Longer than any run, so that what a run has staged and not yet published is spared; and so long reach pinned days.
RETENTION_HOURS = 24.0 * 14


def leftovers(lake: Lake, older_than_hours: float) -> list[str]:
    """Paths of files that no live version refers to and that are older than the retention.

    The versions that published days pin lose their files with it: a day can be read as it was published for as long
    as the retention lasts; its newest content always stays.
    """
    before = time.time() - older_than_hours * 3600
    found = []
    for table in TABLES.values():
        delta = tables.open_table(lake, table)
        live = {f"{table.name}/{file.path}" for file in tables.live_files(delta, table)}
        found += [
            path
            for path, changed in lake.list_with_times(table.name)
            if "/_delta_log/" not in path and path not in live and changed < before
        ]
    found += [path for path, changed in lake.list_with_times(FOLDER) if changed < before]
    return sorted(found)


def delete(lake: Lake, paths: Sequence[str]) -> None:
    """Delete files that ``leftovers`` named."""
    for path in paths:
        lake.delete(path)
