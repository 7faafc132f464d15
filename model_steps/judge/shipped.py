"""A judge's folder outside the lake, such as the shipped one, put on the lake with its calibration records."""

from __future__ import annotations

from pathlib import Path

from lake.registry import judge_records, releases
from lake.store.location import Lake
from runtime.errors import DataError

# Beside the release's own files: a calibration record a file.
CALIBRATION = "calibration"


def give(lake: Lake, folder: Path) -> str:
    """Install a judge; what is there already is the same. Returns its release's name.

    Raises:
        UsageError: the folder is no release, or was changed.
        DataError: a calibration record was changed, or is another judge's.
    """
    release, files = releases.load(folder)
    records = [
        judge_records.parse(path.read_bytes(), str(path)) for path in sorted((folder / CALIBRATION).glob("*.json"))
    ]
    for record in records:
        if record.judge != release.name:
            raise DataError(
                f"{folder / CALIBRATION} holds the record {record.name} of {record.judge}: put it into that judge's "
                "folder."
            )
    releases.install(lake, release, files)
    for record in records:
        judge_records.put(lake, record)
    return release.name
