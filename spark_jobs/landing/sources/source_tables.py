"""A Delta table as a pile of Parquet files: those of one version, as the table's log names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from lake.store import store_errors
from lake.store.folder import StoredFile
from runtime.errors import DataError, SourceMissing
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.stored_files import S3, ObjectFile, SourceFile, bucket_of, file_at

# What a reader of its files alone may leave aside. Deletion vectors are looked at one by one.
_HARMLESS = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening", "deletionVectors"}
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TableFile:
    """A data file of a table.

    Attributes:
        rows: as the log says. given: values that all of them have of columns that the file lacks. first, last: days
            (UTC) of its earliest and latest time; none where the log does not say.
    """

    file: SourceFile
    rows: int
    given: Mapping[str, str | None]
    first: date | None
    last: date | None

    def may_have(self, first: date, last: date, known_until: date) -> bool:
        """Whether rows are kept under days from first to last, whatever the clock; those of no time, or of one that has
        not come, are kept under a day of the others."""
        if self.first is None or self.last is None:
            return True
        ends_before, begins_after = first - self.last > _DAY, self.first - last > _DAY
        return not ends_before and (not begins_after or known_until - self.last <= _DAY)


@dataclass(frozen=True)
class SourceTable:
    """A version of a table.

    Attributes:
        identity: tells it from another table at the same place. changed: when the version was committed.
    """

    address: str
    identity: str
    version: int
    changed: datetime
    files: Mapping[SourceFile, TableFile]

    def __str__(self) -> str:
        return f"{self.address.rsplit('/', 1)[-1]} version {self.version}"


def open_source_table(folder: Path, form: FileForm, at: str | None = None) -> SourceTable:
    """The version of a table that a description means.

    Args:
        folder: of the description. at: the column of times, which the table's log may know the bounds of.

    Raises:
        SourceMissing: there is no table. DataError: it has no such version, or its files do not say all of it.
        ConfigurationError, InfrastructureError: its bucket cannot be read.
    """
    address = (form.files if form.files.startswith(S3) else str(folder / form.files)).rstrip("/")
    with store_errors.of_tables(address, f"Opening the table {address}"):
        delta = _opened(address, form.version)
        _refuse_what_files_do_not_say(delta, address)
        files = {file.file: file for file in _files_of(delta, address, at)}
        commits = delta.history(1)
    seconds = commits[0]["timestamp"] / 1000 if commits and "timestamp" in commits[0] else 0
    return SourceTable(address, str(delta.metadata().id), delta.version(), datetime.fromtimestamp(seconds, UTC), files)


def _opened(address: str, version: int | None) -> DeltaTable:
    is_object = address.startswith(S3)
    options = bucket_of(ObjectFile.at(address).bucket).deltalake_options() if is_object else {}
    if not is_object and not Path(address, "_delta_log").is_dir():
        raise SourceMissing(f"There is no Delta table at {address}: files of its description names the table's folder.")
    try:
        return DeltaTable(address, version=version, storage_options=options)
    except TableNotFoundError:
        raise SourceMissing(
            f"There is no Delta table at {address}: files of its description names the table's folder."
        ) from None
    except DeltaError as error:
        if version is None:
            raise
        raise DataError(
            f"The table {address} has no version {version}, or no longer ({store_errors.one_line(str(error))}): name "
            "another in its description, or none for the newest."
        ) from None


def _refuse_what_files_do_not_say(delta: DeltaTable, address: str) -> None:
    """A reader of files alone would take deleted rows for rows, and a column for another.

    Raises:
        DataError: the files do not say all of the table.
    """
    protocol, settings = delta.protocol(), delta.metadata().configuration
    features = set(protocol.reader_features or ())
    if settings.get("delta.columnMapping.mode", "none") != "none":
        raise DataError(
            f"The table {address} names its columns otherwise than its files do (delta.columnMapping.mode): hand over "
            "a copy of it without column mapping."
        )
    if other := sorted(features - _HARMLESS - {"columnMapping"}):
        raise DataError(f"The table {address} needs {', '.join(other)} of its readers: hand over a copy without it.")
    if "deletionVectors" in features and _has_deletion_vectors(delta):
        raise DataError(
            f"The table {address} has deletion vectors in version {delta.version()}: rows that are deleted still stand "
            "in its files. Rewrite them with REORG TABLE ... APPLY (PURGE) and switch off "
            "delta.enableDeletionVectors, or name an earlier version."
        )


def _has_deletion_vectors(delta: DeltaTable) -> bool:
    return any(batch.num_rows for batch in pa.RecordBatchReader.from_stream(delta.deletion_vectors()))


def _files_of(delta: DeltaTable, address: str, at: str | None) -> Iterator[TableFile]:
    actions = pa.RecordBatchReader.from_stream(delta.get_add_actions(flatten=True)).read_all()
    partitions = list(delta.metadata().partition_columns)
    nothing = dict.fromkeys(field.name for field in delta.schema().fields)
    for action in sorted(actions.to_pylist(), key=lambda action: str(action["path"])):
        path = unquote(action["path"])
        whole = path if "://" in path or path.startswith("/") else f"{address}/{path}"
        file = file_at(whole.removeprefix("file://"))
        if isinstance(file, ObjectFile):
            found = StoredFile(file.key, action["size_bytes"], action["modification_time"] / 1000)
            file = ObjectFile(file.bucket, file.key, found)
        given = {**nothing, **{name: _text(action.get(f"partition.{name}")) for name in partitions}}
        days = [_day(action.get(f"{bound}.{at}")) for bound in ("min", "max")]
        yield TableFile(file, action["num_records"] or 0, given, *days)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _day(bound: object) -> date | None:
    if isinstance(bound, datetime):
        return bound.date()
    return bound if isinstance(bound, date) else None


@contextmanager
def told_where_files_are_gone(table: str) -> Iterator[None]:
    """What is read here is a data file of a table.

    Raises:
        DataError: it is gone, and why that may be.
    """
    try:
        yield
    except (FileNotFoundError, SourceMissing) as error:
        raise DataError(
            f"A data file of the table {table} is gone ({error}): a vacuum removed what this version needs. Let the "
            "description name a newer version, or none for the newest, and keep versions for longer than a landing "
            "takes."
        ) from None
