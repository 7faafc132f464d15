"""A data file that readers see, and the files of ours that its rows were published as.

A step names what it stages ``<fingerprint>-<part>-<content digest>.parquet``. Others may compact or order a table
anew: then its rows lie in files of their names, and ``contents`` says which of ours they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from schemas.table import Table

Partition = Mapping[str, str]

# Delta's own writers begin theirs with "part-".
_STAGED = re.compile(r"(?:.*/)?(?!part-)([^/]+)-(\d{5,})-([0-9A-Za-z]+)\.parquet")


@dataclass(frozen=True)
class LiveFile:
    """A data file that readers see.

    Args:
        path: below the table's folder; empty where nothing lies there any more, for it had no rows.
        origins: paths of the staged files whose rows it has, where others wrote it; none where that is not known.
    """

    path: str
    rows: int
    partition: Partition
    origins: tuple[str, ...] = ()

    @property
    def is_staged(self) -> bool:
        """Whether it is as a step staged it."""
        return _STAGED.fullmatch(self.path) is not None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The files that a step staged, or the path where nobody knows."""
        return self.origins or (self.path,)

    @property
    def works(self) -> frozenset[str]:
        """Fingerprints of the work that made the rows; an empty one where nobody knows."""
        return frozenset(found[1] if (found := _STAGED.fullmatch(name)) else "" for name in self.names)

    @property
    def parts(self) -> frozenset[int]:
        """Numbers of the writers among those of the partition."""
        return frozenset(int(found[2]) for name in self.names if (found := _STAGED.fullmatch(name)))


def content_of(name: str) -> str:
    """Digest of what a staged file holds, by its name; the name itself of a file that is none."""
    found = _STAGED.fullmatch(name)
    return found[3] if found else name


def file_order(table: Table, schema: pa.Schema) -> list[str]:
    """The columns that a file's rows are sorted by: the key, then every other one that can be, for rows equal in the
    key must not keep their input's order."""
    rest = [field.name for field in schema if field.name not in table.key and not pa.types.is_nested(field.type)]
    return [name for name in (*table.key, *rest) if name in schema.names]
