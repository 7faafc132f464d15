"""Some of a file: its beginning, middle and end, never the whole of a large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import DataError
from spark_jobs.landing.sources.file_form import Compression

# Bytes of text, and rows of Parquet, that are read at each of the three places.
BYTES_AT_A_PLACE = 2**19
ROWS_AT_A_PLACE = 5_000
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}
_ARROWS = {"gz": "gzip", "zst": "zstd"}
_SUFFIXES = {"gz": (".gz", ".gzip"), "zst": (".zst", ".zstd")}
PARQUET = b"PAR1"
# Bytes that cp1252 has signs for and latin-1 has none.
_OF_CP1252 = range(0x80, 0xA0)


@dataclass(frozen=True)
class TextSample:
    """Whole lines of a text file.

    Attributes:
        lines: in the file's order. encoding: as a description says it. decoded: share of the lines that are UTF-8, of
            an encoding that is guessed. compression: what must be said of it. whole: whether these are all lines.
    """

    lines: Sequence[str]
    encoding: str
    decoded: float
    compression: Compression
    whole: bool


def is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(PARQUET)) == PARQUET


def sample_parquet(path: Path) -> tuple[pl.DataFrame, bool]:
    """Rows of a Parquet file, and whether they are all.

    Raises:
        DataError: it is damaged.
    """
    try:
        rows = int(pq.read_metadata(path).num_rows)
        if rows <= 3 * ROWS_AT_A_PLACE:
            return pl.read_parquet(path, hive_partitioning=False), True
        scanned = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        places = (0, rows // 2, rows - ROWS_AT_A_PLACE)
        return pl.concat([scanned.slice(place, ROWS_AT_A_PLACE).collect() for place in places]), False
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, OSError):
        raise DataError(f"{path} begins as Parquet and cannot be read as such: it is damaged.") from None


def sample_text(path: Path) -> TextSample:
    """Lines of a text file. Of a compressed one the beginning alone.

    Raises:
        DataError: it cannot be decompressed, or is no text.
    """
    with path.open("rb") as file:
        begins = file.read(4)
    packed = next((name for magic, name in _MAGIC.items() if begins.startswith(magic)), None)
    pieces, whole = _unpacked(path, packed) if packed else _plain(path)
    if not pieces or not pieces[0]:
        raise DataError(f"{path} has no line: a file that has some is needed to describe it.")
    encoding, decoded = _encoding(pieces, path)
    lines: list[str] = []
    for number, piece in enumerate(pieces):
        text = piece.decode(_of_pieces(encoding, pieces[0]), errors="replace").removeprefix("\ufeff")
        found = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        last = whole or (packed is None and number == len(pieces) - 1)
        lines += found[1 if number else 0 : None if last else -1]
    told = packed is None or path.name.lower().endswith(_SUFFIXES[packed])
    said: Compression = "by name" if packed is None or told else packed
    return TextSample([line for line in lines if line], encoding, decoded, said, whole)


def _plain(path: Path) -> tuple[list[bytes], bool]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= 3 * BYTES_AT_A_PLACE:
            return [file.read()], True
        pieces = []
        # Even places, so that no character of two bytes is halved.
        for place in (0, size // 4 * 2, (size - BYTES_AT_A_PLACE) // 2 * 2):
            file.seek(place)
            pieces.append(file.read(BYTES_AT_A_PLACE))
        return pieces, False


def _unpacked(path: Path, packed: Compression) -> tuple[list[bytes], bool]:
    try:
        with pa.input_stream(str(path), compression=_ARROWS[packed]) as stream:
            content = stream.read(3 * BYTES_AT_A_PLACE)
            return [content], not stream.read(1)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be decompressed ({error}): it is damaged.") from None


def _encoding(pieces: Sequence[bytes], path: Path) -> tuple[str, float]:
    """The encoding, and the share of lines that are UTF-8."""
    first = pieces[0]
    marked = next((name for mark, name in _MARKS if first.startswith(mark)), None)
    if marked:
        return marked, 1.0
    if b"\0" in first[:200]:
        even, odd = first[:200:2].count(0), first[1:200:2].count(0)
        if max(even, odd) < 20:
            raise DataError(f"{path} is neither text nor Parquet: describe reads CSV, JSON Lines and Parquet.")
        return ("utf-16-le" if odd > even else "utf-16-be"), 0.0
    # What is cut at a piece's ends is no sign of another encoding.
    lines = [line for piece in pieces for line in piece.split(b"\n")[1 if len(pieces) > 1 else 0 : -1] or [piece]]
    fine = sum(map(_is_utf8, lines))
    if fine >= 0.99 * len(lines):
        return "utf-8", fine / len(lines)
    high = {byte for piece in pieces for byte in piece if byte in _OF_CP1252}
    return ("cp1252" if high else "latin-1"), fine / len(lines)


def _of_pieces(encoding: str, first: bytes) -> str:
    """The name that a piece without the file's mark is decoded by."""
    if encoding != "utf-16":
        return encoding
    return "utf-16-le" if first.startswith(b"\xff\xfe") else "utf-16-be"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
        return True
    except UnicodeDecodeError:
        return False
