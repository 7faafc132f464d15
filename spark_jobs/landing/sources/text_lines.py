"""Lines of a text file, one by one: decompressed, decoded, and each with what is wrong with it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from runtime.errors import DataError
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.stored_files import SourceFile, is_of_the_store, streaming

# Characters of the longest line that is read; a behavior is hardly longer than a thousandth of it.
LONGEST_LINE = 16 * 1024 * 1024
# Stands for bytes that are no text. Unicode keeps it free for a program's own use, so no text has it.
UNDECODABLE = "\ufdd0"
_COMPRESSED = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_DECLARED = {"gz": "gzip", "zst": "zstd"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

# Number (from 1), text without its end, and why it cannot be read.
Line = tuple[int, str, str | None]


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error("intentflow.undecodable", _mark)


def compression_of(path: SourceFile, form: FileForm) -> str | None:
    """Arrow's name of a text file's compression; None for none."""
    if form.compression == "by name":
        return _COMPRESSED.get(path.suffix.lower())
    return _DECLARED.get(form.compression)


@contextmanager
def decompressing(path: SourceFile, form: FileForm) -> Iterator[str | None]:
    """Arrow's name of a file's compression, for a block that reads the file.

    Raises:
        DataError: it cannot be decompressed.
    """
    compression = compression_of(path, form)
    try:
        yield compression
    except (OSError, pa.ArrowException) as error:
        if not compression or is_of_the_store(path, error):
            raise
        raise DataError(f"{path} cannot be decompressed as {compression} ({error}): it is damaged.") from None


def lines_of(path: SourceFile, form: FileForm) -> Iterator[Line]:
    """The lines of a file that are not empty. A byte order mark is none of the first one.

    Raises:
        DataError: the file is of another encoding than is said, or cannot be decompressed.
    """
    with decompressing(path, form) as compression:
        refuse_another_encoding(path, form, compression)
        with streaming(path, compression) as stream:
            yield from _numbered(stream, path.name, form.encoding, 0)


def lines_in(
    content: bytes, form: FileForm, name: str, lines_before: int, encoding: str | None = None
) -> Iterator[Line]:
    """The lines of a part of a file that begins with a line, as ``lines_of`` tells them.

    Args:
        name: of the file. lines_before: in the file. encoding: of the content, where it is not the form's.
    """
    # A mark is one at a file's beginning alone.
    marked = lines_before and codecs.lookup(form.encoding).name == "utf-8-sig"
    written = encoding or ("utf-8" if marked else form.encoding)
    yield from _numbered(io.BytesIO(content), name, form.encoding, lines_before, written)


def refuse_another_encoding(path: SourceFile, form: FileForm, compression: str | None) -> None:
    """What a file begins with may say that it is no such text.

    Raises:
        DataError: it does.
    """
    with streaming(path, compression) as stream:
        begins = stream.read(4)
    marked = next((name for mark, name in _MARKS.items() if begins.startswith(mark)), None)
    said = codecs.lookup(form.encoding).name
    if marked and not said.startswith(marked):
        raise DataError(
            f"{path} begins with the byte order mark of {marked} and is said to be {form.encoding}: "
            f'set encoding = "{marked}" in its description.'
        )
    if not marked and b"\0" in begins and not said.startswith(("utf-16", "utf-32")):
        raise DataError(
            f"{path} begins with zero bytes and is said to be {form.encoding}: it may be utf-16-le or utf-16-be; set "
            "encoding in its description."
        )


def _numbered(stream: Any, name: str, encoding: str, number: int, written: str = "") -> Iterator[Line]:
    file = io.TextIOWrapper(stream, encoding=written or encoding, errors="intentflow.undecodable", newline="")
    while line := file.readline(LONGEST_LINE):
        number += 1
        problem = None
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            problem = f"line {number} of {name} is longer than {LONGEST_LINE:,} characters"
            while (rest := file.readline(LONGEST_LINE)) and rest[-1] not in "\r\n":
                pass
            line = ""
        elif UNDECODABLE in line:
            problem = f"line {number} of {name} has a byte that is no {encoding}"
        text = line.rstrip("\r\n")
        if number == 1:
            text = text.removeprefix("\ufeff")
        if problem or text:
            yield number, text, problem
