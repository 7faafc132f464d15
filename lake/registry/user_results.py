"""Results of users: what an evaluation measured of one release, user by user, put if absent and never changed.

One Parquet file, ``_results/<day>/<digest>.parquet``. The digest is that of header and rows, so a changed byte is
noticed, and measuring the same again gives the same file. What a judge says of a release's tags lies apart, in
``_results/<day>/judged/<release>/``, and of its captions in ``_results/<day>/captions/<release>/``: it is of some of
the users, and each judge has its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from lake.store.location import Lake
from runtime.errors import DataError
from runtime.fingerprint import digest

FOLDER = "_results"
# What is measured lies in a day's folder; what judges say of tags, and of captions, in folders below.
Kind = Literal["measured", "judged", "captions"]
MEASURED: Kind = "measured"
JUDGED: Kind = "judged"
CAPTIONS: Kind = "captions"
# Under which the header stands in the file.
HEADER = b"intentflow"


@dataclass(frozen=True)
class Header:
    """Of what some results are.

    Args:
        release: its name.
        day: the evaluation day, YYYY-MM-DD.
        holdout: digest of the frozen rows that outcomes come from.
        opening: digest that the look stands under in the ledger of openings.
        outputs: digest of what the release said; equal outputs have equal ones.
        asked: what two releases must share to be compared: settings of the question, digest of the users.
        made_with: digests of data, prompts and code, by name.
        samples: of some users, by pseudonym, the first categories, for people to read.
    """

    release: str
    day: str
    holdout: str
    opening: str
    outputs: str
    asked: Mapping[str, Any]
    made_with: Mapping[str, Any]
    samples: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class UserResults:
    """Results of one release.

    Args:
        rows: as ``evaluation.gate.user_figures.SCHEMA``.
    """

    header: Header
    rows: pa.Table

    @property
    def name(self) -> str:
        """Digest of all that it says, whatever wrote the file."""
        return digest([asdict(self.header), self.rows.to_pydict()])

    def parquet(self) -> bytes:
        """As a Parquet file that says of what it is."""
        sink = pa.BufferOutputStream()
        said = json.dumps(asdict(self.header), sort_keys=True).encode()
        pq.write_table(self.rows.replace_schema_metadata({HEADER: said}), sink)
        return bytes(sink.getvalue().to_pybytes())


def put(lake: Lake, results: UserResults, kind: Kind = MEASURED) -> str:
    """Keep results; those that are there are the same. Returns their path."""
    header = results.header
    path = f"{_place(header.day, header.release, kind)}/{results.name}.parquet"
    lake.write_if_absent(path, results.parquet())
    return path


def of_release(lake: Lake, day: str, release: str, kind: Kind = MEASURED) -> dict[str, UserResults]:
    """All results of a kind of a release on a day, by path.

    Raises:
        DataError: one was changed since it was written.
    """
    place = _place(day, release, kind)
    own = (path for path in lake.list(place) if path.rpartition("/")[0] == place)
    found = {path: parse(lake.read(path) or b"", lake.uri(path)) for path in own}
    return {path: read(lake, path) for path, results in found.items() if results.header.release == release}


def _place(day: str, release: str, kind: Kind) -> str:
    return f"{FOLDER}/{day}" if kind == MEASURED else f"{FOLDER}/{day}/{kind}/{release}"


def read(lake: Lake, path: str) -> UserResults:
    """The results at a path of a lake.

    Raises:
        DataError: there are none, or they were changed since they were written.
    """
    content = lake.read(path)
    if content is None:
        raise DataError(
            f"{lake.uri(path)} is not there: measure the release with `python -m model_steps.evaluate`, whose manifest "
            "names its results."
        )
    results = parse(content, lake.uri(path))
    if path.rpartition("/")[2] != f"{results.name}.parquet":
        raise DataError(
            f"{lake.uri(path)} was changed since it was written, by its content it is {results.name}: measure again."
        )
    return results


def parse(content: bytes, place: str) -> UserResults:
    """The results that a file holds.

    Args:
        place: where it lies, for a sentence.

    Raises:
        DataError: it holds none.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
        header = Header(**json.loads((table.schema.metadata or {})[HEADER]))
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{place} holds no results of users ({error}): measure again.") from None
    return UserResults(header, table.replace_schema_metadata(None))
