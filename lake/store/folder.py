"""A lake's bytes in a folder: files appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pa_fs

from runtime import atomic
from runtime.errors import InfrastructureError


@dataclass(frozen=True)
class StoredFile:
    """A file below the lake's root: its path, its bytes, the second of its last change, and a bucket's tag of what it
    holds."""

    path: str
    size: int
    changed: float
    version: str = ""


@dataclass(frozen=True)
class Folder:
    """The files below ``root``; paths use ``/``."""

    root: Path

    def filesystem(self, folder: str) -> pa_fs.FileSystem:
        return pa_fs.SubTreeFileSystem(f"{self.root}/{folder}", pa_fs.LocalFileSystem())

    def write(self, path: str, content: bytes) -> None:
        target = self.root / path
        with _refusals("write", target):
            atomic.write(target, content)

    def write_if_absent(self, path: str, content: bytes) -> bool:
        target = self.root / path
        with _refusals("write", target):
            return atomic.write_once(target, content)

    def read(self, path: str) -> bytes | None:
        target = self.root / path
        with _refusals("read", target):
            try:
                return target.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def size(self, path: str) -> int | None:
        target = self.root / path
        with _refusals("read", target):
            try:
                return target.stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def files(self, prefix: str) -> Iterator[StoredFile]:
        """All files below a folder, in no order. One that is removed meanwhile is left out."""
        for folder, _, names in os.walk(self.root / prefix):
            for name in names:
                path = Path(folder, name)
                with suppress(FileNotFoundError):
                    found = path.stat()
                    yield StoredFile(path.relative_to(self.root).as_posix(), found.st_size, found.st_mtime)

    def delete(self, path: str) -> None:
        target = self.root / path
        with _refusals("delete", target):
            target.unlink(missing_ok=True)


@contextmanager
def _refusals(doing: str, target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InfrastructureError(f"Cannot {doing} {target}: {error.strerror or error}.") from error
