"""Where a lake is, and how its bytes are read and written: a folder, or a prefix in an S3 bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow.fs as pa_fs

from lake.store.bucket import Bucket
from lake.store.folder import Folder, StoredFile
from runtime.atomic import TEMPORARY
from runtime.errors import ConfigurationError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


@dataclass(frozen=True)
class Lake:
    """A lake. ``root`` is an absolute folder or ``s3://bucket/prefix``; paths below it use ``/``.

    It travels to other processes by its address alone: each opens its own connections.
    """

    root: str

    @classmethod
    def open(cls, uri: str | Path) -> Lake:
        """Open a lake by its address; a relative folder is below the repository's root.

        Raises:
            ConfigurationError: the scheme is neither a folder's nor ``s3``, or no bucket is named.
        """
        text = str(uri)
        parsed = urlparse(text)
        if parsed.scheme == "s3":
            if not _BUCKET.fullmatch(parsed.netloc):
                raise ConfigurationError(f"The lake {text!r} names no bucket: write it as s3://bucket/prefix.")
            return cls(text.rstrip("/"))
        if parsed.scheme not in ("", "file"):
            raise ConfigurationError(f"The lake {text!r} is neither a folder nor s3://bucket/prefix.")
        path = Path(unquote(text.removeprefix("file://")) if parsed.scheme == "file" else text)
        if not path.is_absolute():
            path = Path(__file__).resolve().parents[2] / path
        return cls(str(path))

    def __reduce__(self) -> tuple[Any, ...]:
        return Lake, (self.root,)

    @property
    def is_s3(self) -> bool:
        return self.root.startswith("s3://")

    @cached_property
    def _place(self) -> Folder | Bucket:
        return Bucket(self.root) if self.is_s3 else Folder(Path(self.root))

    def uri(self, path: str) -> str:
        """The full address of a path below the root."""
        return f"{self.root}/{path}"

    @property
    def storage_options(self) -> dict[str, str]:
        """What deltalake needs to reach the lake.

        Raises:
            ConfigurationError: there are no credentials for S3.
        """
        return self._place.deltalake_options() if isinstance(self._place, Bucket) else {}

    def filesystem(self, folder: str) -> pa_fs.FileSystem:
        """Arrow's own filesystem rooted at a folder of the lake.

        deltalake's default calls back into Python from reader threads, which can abort the process as it ends.
        """
        return self._place.filesystem(folder)

    def write(self, path: str, content: bytes) -> None:
        """Write whole or not at all; what was there is replaced.

        Raises:
            InfrastructureError: the disk or the bucket refused.
        """
        self._place.write(path, content)

    def write_if_absent(self, path: str, content: bytes) -> bool:
        """Write whole unless the path is taken. Of several racing writers exactly one gets True."""
        return self._place.write_if_absent(path, content)

    def read(self, path: str) -> bytes | None:
        """The bytes at a path, or None when there is nothing."""
        return self._place.read(path)

    def size(self, path: str) -> int | None:
        """The bytes of a file, or None when there is none."""
        return self._place.size(path)

    def list(self, prefix: str) -> Iterator[str]:
        """Paths of the files below a folder, sorted."""
        yield from (file.path for file in self.files(prefix) if f"/{TEMPORARY}" not in file.path)

    def files(self, prefix: str = "") -> Sequence[StoredFile]:
        """The files below a folder, or all, sorted by path; what a killed writer left is among them."""
        return sorted(self._place.files(prefix), key=lambda file: file.path)

    def delete(self, path: str) -> None:
        """Remove a file if it is there."""
        self._place.delete(path)
