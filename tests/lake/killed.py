"""Publishes a day and is killed at one of its moments: ``killed.py LAKE MOMENT DAY USER``.

Moments are counted from 1: each file that is opened for writing or gets its name in the lake, and the time right before
and right after a Delta commit. At its moment the process sends itself SIGKILL; with fewer moments it ends with 0.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from lake.delta import audits
from lake.delta.publishing import publish
from lake.delta.staging import Batch, StagedPartition, stage
from lake.store.location import Lake
from schemas import rollups

NAMING = ("os.rename", "os.link", "os.mkdir")
WRITING = os.O_WRONLY | os.O_RDWR


class Moments:
    """Counts what happens to a lake, and ends this process at a moment."""

    def __init__(self, root: str, last: int) -> None:
        self.root, self.left = root, last
        sys.addaudithook(self._happened)
        commit = DeltaTable.create_write_transaction

        def between_two(*arguments: Any, **options: Any) -> None:
            self.pass_one()
            commit(*arguments, **options)
            self.pass_one()

        DeltaTable.create_write_transaction = between_two  # type: ignore[method-assign]

    def _happened(self, event: str, arguments: tuple[Any, ...]) -> None:
        written = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if (written or event in NAMING) and str(arguments[0]).startswith(self.root):
            self.pass_one()

    def pass_one(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def publish_day(lake: Lake, day: str, user: str) -> None:
    """Stage a day of one user, record a passed audit, publish: what a step, the audit and publishing do."""
    row = {"user_id": user, "action": "purchase", "entity_id": "milk", "count": 1}
    rows = pa.Table.from_pylist([row], rollups.TABLE.file_schema)
    file = stage(lake, rollups.TABLE, rows, fingerprint=user, partition={"day": day})
    batch = Batch(rollups.TABLE.name, "test", (StagedPartition({"day": day}, user, (file,), {"lost_behaviors": 0}),))
    batch.save(lake)
    audits.record(lake, batch, {"success": True, "co_audited": audits.co_audited([batch])[batch.digest], "failed": []})
    publish(lake, [batch])


if __name__ == "__main__":
    root, moment, day, user = sys.argv[1:]
    lake = Lake.open(root)
    Moments(lake.root, int(moment))
    publish_day(lake, day, user)
