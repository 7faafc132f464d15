"""The states that TRL keeps of a training: the newest whole one is what a killed run goes on from."""

from __future__ import annotations

import json
from pathlib import Path

from runtime import atomic
from runtime.errors import DataError

WORK = "work.json"
# What a state has when it is whole; the trainer's own figures are written last.
_FILES = ("optimizer.pt", "scheduler.pt", "trainer_state.json")


def newest(folder: Path) -> Path | None:
    """The newest whole state below a folder; one that was being written when its run was killed is none."""
    found = {
        int(path.name.rpartition("-")[2]): path
        for path in folder.glob("checkpoint-*")
        if path.name.rpartition("-")[2].isdigit() and _is_whole(path)
    }
    return found[max(found)] if found else None


def _is_whole(state: Path) -> bool:
    try:
        json.loads((state / _FILES[-1]).read_text())
    except (OSError, ValueError):
        return False
    return all((state / name).is_file() for name in _FILES)


def claim(folder: Path, work: str) -> None:
    """Say whose states a folder holds.

    Args:
        work: names all that decides about the result.

    Raises:
        DataError: they are another training's.
    """
    path = folder / WORK
    if path.is_file() and json.loads(path.read_text()).get("work") != work:
        raise DataError(f"{folder} holds the state of another training: name another folder with --out, or remove it.")
    atomic.write(path, json.dumps({"work": work}) + "\n")
