"""A table's log: what each of its commits added and removed.

deltalake's own history tells neither files nor rows of a commit that named them itself, and forgets removed files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from lake.store.folder import StoredFile
from lake.store.location import Lake
from schemas.table import Table

LOG = "_delta_log"
FINGERPRINTS = "intentflow.fingerprint"

_COMMIT = re.compile(rf".*/{LOG}/(\d{{20}})\.json")


@dataclass(frozen=True)
class Commit:
    """One version: when it came, by which operation and whose work, and what it changed.

    Args:
        rows: how many the added files hold. partitions: of the added and the removed files.
    """

    version: int
    at: datetime
    operation: str
    fingerprints: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    rows: int
    partitions: tuple[str, ...]


def commit_files(lake: Lake, table: Table) -> Sequence[StoredFile]:
    """The files of a table's commits, newest first."""
    return [file for file in reversed(lake.files(f"{table.name}/{LOG}")) if _COMMIT.fullmatch(file.path)]


def read_commit(lake: Lake, path: str) -> Commit:
    """The commit that a file of the log describes."""
    actions = [json.loads(line) for line in (lake.read(path) or b"").splitlines() if line.strip()]
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    added = [action["add"] for action in actions if "add" in action]
    removed = [action["remove"] for action in actions if "remove" in action]
    partitions = {" ".join(filter(None, (entry.get("partitionValues") or {}).values())) for entry in (*added, *removed)}
    found = _COMMIT.fullmatch(path)
    assert found, f"{path} is no commit"
    return Commit(
        version=int(found[1]),
        at=datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC),
        operation=str(info.get("operation", "")),
        fingerprints=str(info.get(FINGERPRINTS, "")),
        added=tuple(unquote(entry["path"]) for entry in added),
        removed=tuple(unquote(entry["path"]) for entry in removed),
        rows=sum(json.loads(entry.get("stats") or "{}").get("numRecords", 0) for entry in added),
        partitions=tuple(sorted(partitions - {""})),
    )
