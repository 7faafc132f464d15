"""One of two processes that write to a lake at the same moment: ``contender.py LAKE NAME RIVAL ACTION VALUE...``.

Round by round it waits until its rival is ready too, then does the round's work: publishes the batch VALUE, or inserts
the entities that VALUE names (separated by commas). Prints what became of each round.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pyarrow as pa

from lake.delta import writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import RaceLost
from schemas import entities

PATIENCE = 60.0


def meet(folder: Path, name: str, rival: str, round_number: int) -> None:
    """Return when both are here."""
    (folder / f"{name}-{round_number}").touch()
    deadline = time.monotonic() + PATIENCE
    while not (folder / f"{rival}-{round_number}").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{rival} never came to round {round_number}")


def insert(lake: Lake, name: str, keys: str) -> str:
    rows = [{"entity_id": key, "text": name, "kind": "item"} for key in keys.split(",")]
    inserted = writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(rows, schema=entities.TABLE.schema))
    return str(inserted)


def publish_one(lake: Lake, path: str) -> str:
    try:
        publish(lake, [Batch.load(lake, path)])
    except RaceLost:
        return "lost"
    return "won"


def main() -> None:
    root, name, rival, action, *values = sys.argv[1:]
    lake = Lake.open(root)
    for number, value in enumerate(values):
        meet(Path(root), name, rival, number)
        print(insert(lake, name, value) if action == "insert" else publish_one(lake, value), flush=True)


if __name__ == "__main__":
    main()
