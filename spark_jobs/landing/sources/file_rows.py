"""A file's rows under our names: which columns it has, and what cannot be read of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import polars as pl

from runtime.errors import DataError
from spark_jobs.landing.sources.alternatives import groups_of
from spark_jobs.landing.sources.stored_files import SourceFile

PROBLEM = "_problem"
TEXT_LIMIT = 100_000
# Rows that are read one by one before they become a frame.
ROWS_AT_ONCE = 50_000
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class FileRows:
    """Rows of a file.

    Attributes:
        named: the columns that are needed under our names, as text (times may be times), and ``_problem`` where a row
            could not be read.
        unnamed: values of the others, where they are wanted, row by row.
        new: names of the others.
    """

    named: pl.DataFrame
    unnamed: pl.DataFrame
    new: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What is to be read of a file.

    Attributes:
        named: our name to the file's, of the columns that are needed. what: what the rows are, for messages.
        optional: those of our names that the file may lack. unnamed: keep values of other columns, too. given: values
            that all rows have of columns that the file may lack, by its names.
    """

    named: Mapping[str, str]
    what: str
    optional: Collection[str] = ()
    unnamed: bool = False
    given: dict[str, str | None] = field(default_factory=dict)


def present(path: SourceFile, there: Iterable[str], wanted: Wanted) -> tuple[dict[str, str], dict[str, str | None]]:
    """Our names of the columns that the file has, and the values of those that its folders' names give.

    Raises:
        DataError: one that is needed, or any that may stand for it, is neither here nor there, or is there twice.
    """
    names, named = list(there), wanted.named
    parts = (part.partition("=") for part in path.parts[:-1])
    folders = {name: None if value == _NO_PARTITION else unquote(value) for name, sign, value in parts if sign}
    folders |= wanted.given
    of_folders = {ours: folders[theirs] for ours, theirs in named.items() if theirs in folders and theirs not in names}
    missing = sorted(
        {
            named[group[0]]
            for ours, group in groups_of(named).items()
            if ours not in wanted.optional and not any(named[o] in names or o in of_folders for o in group)
        }
    )
    if missing:
        # Where none of them is ours, the first line may be no header at all, and name a person.
        is_header = any(theirs in names for theirs in named.values())
        told = ", ".join(names) if is_header else f"{len(names)} others, none of which it names"
        raise DataError(
            f"{path} lacks the column {', '.join(missing)} of {wanted.what}; it has: {told}. Rename it in the source "
            "file, or give the header there."
        )
    if twice := sorted({theirs for theirs in named.values() if names.count(theirs) > 1}):
        raise DataError(f"{path} has the column {twice[0]} of {wanted.what} twice: which one is meant cannot be known.")
    return {ours: theirs for ours, theirs in named.items() if theirs in names}, of_folders


def frame_of(columns: Mapping[str, list[str | None]], problems: list[str | None]) -> pl.DataFrame:
    """Columns of text, and the problems."""
    return pl.DataFrame(
        {**columns, PROBLEM: problems}, schema={**dict.fromkeys(columns, pl.String), PROBLEM: pl.String}
    )


def with_all(frame: pl.DataFrame, wanted: Wanted, of_folders: Mapping[str, str | None]) -> pl.DataFrame:
    """Columns of text under our names, with what folders' names give; those that the file lacks are null."""
    lacking = [ours for ours in wanted.named if ours not in frame.columns]
    return frame.with_columns(pl.lit(of_folders.get(ours), pl.String).alias(ours) for ours in lacking)
