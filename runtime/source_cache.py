"""What was read of source files, kept from one command to the next: parsing a step's files takes it half a second.

An entry is found by everything it follows from: the file's content and name, the rules of reading, Python's version. So
none can be stale; a cache that cannot be read or written is as good as an empty one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from runtime import atomic

ROOT = Path(__file__).resolve().parents[1]
RULES = Path(__file__).with_name("imports.py")
# Every edit of a file leaves an entry of before.
MOST = 2_000


class SourceCache:
    """Entries by key; read when first asked for.

    Args:
        path: the file, below a folder that holds what is made at run time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, Any] | None = None
        self._changed = False

    @property
    def entries(self) -> dict[str, Any]:
        if self._entries is None:
            try:
                read = json.loads(self._path.read_bytes())
            except (OSError, ValueError):
                read = None
            self._entries = read if isinstance(read, dict) and len(read) < MOST else {}
        return self._entries

    def find(self, key: str) -> tuple[str, list[str]] | None:
        """Digest and imports of a source file; None where it was not read yet."""
        match self.entries.get(key):
            case {"digest": str(digest), "imports": list(imports)}:
                return digest, imports
        return None

    def add(self, key: str, digest: str, imports: list[str]) -> None:
        self.entries[key] = {"digest": digest, "imports": imports}
        self._changed = True

    def save(self) -> None:
        """Write what was added; of several commands that do so at once the last one's stays."""
        if self._changed:
            with suppress(OSError):
                atomic.write(self._path, json.dumps(self.entries))
            self._changed = False


KEPT = SourceCache(ROOT / "var" / "sources.json")


def key_of(content: bytes, module: str, is_package: bool) -> str:
    """The key of a source file: all that decides what is read of it."""
    asked = f"{_rules()}\0{module}\0{is_package}\0".encode()
    return hashlib.sha256(asked + content).hexdigest()


@cache
def _rules() -> str:
    return f"{sys.version}\0{hashlib.sha256(RULES.read_bytes()).hexdigest()}"
