"""A file of a log, in a folder or in a bucket: its state, its bytes, and its rows if it is Parquet.

A file in a folder is a ``Path``; an object in a bucket offers as much of one as readers ask for.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lake.store import store_errors
from lake.store.bucket import Bucket
from lake.store.folder import StoredFile
from runtime.errors import CommandError, SourceMissing
from runtime.fingerprint import digest

S3 = "s3://"
# Of an object that are asked for at once, at least: each request takes as long as some megabytes do.
BYTES_A_REQUEST = 4 * 2**20
_GONE = ("NO_SUCH_KEY", "NoSuchKey", "Path does not exist", "404 Not Found", "No such file")
_OF_THE_STORE = (*_GONE, "AWS Error", "error sending request", "object-store", "Generic S3")


@dataclass(frozen=True, order=True)
class ObjectFile:
    """An object in a bucket: ``s3://bucket/key``.

    Attributes:
        listed: what the listing said that it was found by; none of one that is known by its address alone.
    """

    bucket: str
    key: str
    listed: StoredFile | None = field(default=None, compare=False)

    @classmethod
    def at(cls, address: str) -> ObjectFile:
        bucket, _, key = address.removeprefix(S3).partition("/")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"{S3}{self.bucket}/{self.key}"

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.key).parts

    @property
    def name(self) -> str:
        return PurePosixPath(self.key).name

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.key).suffix

    @property
    def store(self) -> Bucket:
        return bucket_of(self.bucket)

    def found(self) -> StoredFile:
        """What it is now.

        Raises:
            SourceMissing: it is gone. ConfigurationError, InfrastructureError: the bucket cannot be read.
        """
        now = self.store.file(self.key)
        if now is None:
            raise SourceMissing(f"{self} is gone: run again when its writer has finished.")
        return now


SourceFile = Path | ObjectFile


@dataclass(frozen=True)
class State:
    """A file as it is at one moment: where it is, what tells it from what it was before, and its bytes."""

    address: str
    version: str
    size: int


@cache
def bucket_of(name: str) -> Bucket:
    """A bucket, reached with the lake's own settings; one connection a process."""
    return Bucket(f"{S3}{name}")


def file_at(address: str) -> SourceFile:
    """The file that ``str`` gave the address of."""
    return ObjectFile.at(address) if address.startswith(S3) else Path(address)


def state_of(file: SourceFile, now: bool = False) -> State:
    """A file's state.

    Args:
        now: not as it was when it was listed.
    """
    if isinstance(file, Path):
        found = file.stat()
        return State(str(file), str(found.st_mtime_ns), found.st_size)
    seen = (None if now else file.listed) or file.found()
    return State(str(file), seen.version, seen.size)


def size_of(file: SourceFile) -> int:
    return state_of(file).size


def changed_at(file: SourceFile) -> datetime:
    """When a file changed last."""
    seconds = file.stat().st_mtime if isinstance(file, Path) else (file.listed or file.found()).changed
    return datetime.fromtimestamp(seconds, UTC)


def content_digest(file: SourceFile, now: bool = False) -> str:
    """Digest of what a file holds; of an object of what the store says of it (entity tag and size): it is not read.

    Args:
        now: not as it was when it was listed.
    """
    state = state_of(file, now)
    return digest([state.version, state.size])[:16] if isinstance(file, ObjectFile) else _digest_of(state)


@lru_cache(maxsize=100_000)
def _digest_of(state: State) -> str:
    """That a file was read once is enough for all days that it may be of."""
    with Path(state.address).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


# -- bytes -----------------------------------------------------------------------------------------------------------


def streaming(file: SourceFile, compression: str | None) -> Any:
    """A file's bytes from its beginning on, decompressed; to be used in a ``with``.

    Args:
        compression: Arrow's name of it.
    """
    if isinstance(file, Path):
        return pa.input_stream(str(file), compression=compression)
    place = file.store.filesystem("")
    return place.open_input_stream(file.key, compression=compression, buffer_size=BYTES_A_REQUEST)


def opened(file: SourceFile) -> BinaryIO:
    """A file's bytes as they are, from any place on; to be used in a ``with``."""
    if isinstance(file, Path):
        return file.open("rb")
    whole: Any = file.store.filesystem("").open_input_file(file.key)
    return cast(BinaryIO, io.BufferedReader(whole, BYTES_A_REQUEST))


@contextmanager
def of_the_store(file: SourceFile) -> Iterator[None]:
    """Turn what a bucket refuses into one sentence; all else passes.

    Raises:
        ConfigurationError: credentials, bucket or region are wrong.
        InfrastructureError: the server cannot be reached, or failed.
    """
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        if is_of_the_store(file, error):
            raise refusal(file, error) from error
        raise


def is_of_the_store(file: SourceFile, error: Exception) -> bool:
    """Whether an error says nothing of the file, but of the bucket that it lies in."""
    return isinstance(file, ObjectFile) and any(sign in str(error) for sign in _OF_THE_STORE)


def refusal(file: SourceFile, error: Exception) -> CommandError:
    """The sentence for such an error."""
    if any(sign in str(error) for sign in _GONE):
        return SourceMissing(f"{file} is gone: run again when its writer has finished.")
    return store_errors.error_of_text(str(file), str(error))


# -- Parquet ---------------------------------------------------------------------------------------------------------


def schema_of_parquet(file: SourceFile) -> dict[str, pl.DataType]:
    """The types of a Parquet file's columns."""
    if isinstance(file, Path):
        return dict(pl.read_parquet_schema(file))
    with _parquet(file) as parquet:
        return dict(cast(pl.DataFrame, pl.from_arrow(parquet.schema_arrow.empty_table())).schema)


def frames_of_parquet(file: SourceFile, columns: Sequence[str], at_once: int) -> Iterator[pl.DataFrame]:
    """Some rows of a Parquet file at a time, one frame at least."""
    if isinstance(file, Path):
        rows = pl.scan_parquet(file, hive_partitioning=False, glob=False).select(columns)
        for first in range(0, max(rows_of_parquet(file), 1), at_once):
            yield rows.slice(first, at_once).collect()
        return
    with _parquet(file) as parquet:
        batches = parquet.iter_batches(at_once, columns=list(columns))
        first_batch = next(batches, None)
        if first_batch is None:
            yield cast(pl.DataFrame, pl.from_arrow(parquet.schema_arrow.empty_table().select(list(columns))))
            return
        for batch in chain([first_batch], batches):
            yield cast(pl.DataFrame, pl.from_arrow(batch))


def rows_of_parquet(file: SourceFile) -> int:
    """As many rows as a Parquet file says that it has."""
    if isinstance(file, Path):
        return int(pq.read_metadata(file).num_rows)
    with _parquet(file) as parquet:
        return int(parquet.metadata.num_rows)


@contextmanager
def _parquet(file: ObjectFile) -> Iterator[pq.ParquetFile]:
    with file.store.filesystem("").open_input_file(file.key) as content:
        yield pq.ParquetFile(content, pre_buffer=True)
