"""A judge's folder outside the lake, such as the shipped one, put on the lake with its calibration records."""

from __future__ import annotations

from pathlib import Path

from lake.registry import judge_records, releases
from lake.store.location import Lake


def give(lake: Lake, folder: Path) -> str:
    """Install a judge; what is there already is the same. Returns its release's name.

    Raises:
        UsageError: the folder is no release, or was changed.
        DataError: a calibration record was changed, or is another judge's.
    """
    release, files = releases.load(folder)
    releases.install(lake, release, files)
    judge_records.install_records(lake, folder, release.name)
    return release.name
