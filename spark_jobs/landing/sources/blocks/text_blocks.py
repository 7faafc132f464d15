"""A text file cut into blocks of whole lines, as bytes, each with the number of the lines before it."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runtime.errors import DataError
from spark_jobs.landing.sources import text_lines
from spark_jobs.landing.sources.blocks.spans import Span, line_ends
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.stored_files import SourceFile, opened, streaming

# Of these every byte below 128 is one sign, ASCII's, and no part of another: a line ends at the byte of a line end.
_OF_ONE_BYTE = ("ascii", "utf-8", "utf-8-sig", "cp125", "iso8859-", "koi8-")
# No character has more bytes in any of them.
_BYTES_A_CHARACTER = 4


@dataclass(frozen=True)
class Block:
    """Whole lines of a file, the last one perhaps without its end.

    Attributes:
        content: as the file has them, decompressed. lines_before: in the file.
    """

    content: bytes
    lines_before: int


def has_blocks(form: FileForm) -> bool:
    """Whether bytes tell where a line ends, without decoding what is before it."""
    return codecs.lookup(form.encoding).name.startswith(_OF_ONE_BYTE) and form.quoted_lines == 1


def blocks_of(path: SourceFile, form: FileForm, size: int, span: Span | None = None) -> Iterator[Block]:
    """The blocks of a file, or of a span of it.

    Args:
        size: bytes of a block, about. span: of a file that is not compressed.

    Raises:
        DataError: the file is of another encoding than is said, cannot be decompressed, or is not what the span was
            made of.
    """
    with text_lines.decompressing(path, form) as compression:
        text_lines.refuse_another_encoding(path, form, compression)
        if span:
            yield from _whole_lines(_bytes_of_span(path, span, size), span.lines_before)
            return
        with streaming(path, compression) as stream:
            yield from _whole_lines(iter(lambda: stream.read(size), b""), 0)


def _bytes_of_span(path: SourceFile, span: Span, size: int) -> Iterator[bytes]:
    """A span's bytes, at most ``size`` at a time but for a little more at its end."""
    left, digest = span.end - span.start, hashlib.sha256()
    with opened(path) as file:
        file.seek(span.start)
        while left and (chunk := file.read(left if left < 2 * size else size)):
            digest.update(chunk)
            left -= len(chunk)
            yield chunk
    if left or span.digest not in ("", digest.hexdigest()):
        raise DataError(f"{path} changed while it was read: run again when its writer has finished.")


def _whole_lines(chunks: Iterable[bytes], lines_before: int) -> Iterator[Block]:
    """Chunks cut anew, each after a line's end. Of a line that is too long to be read only so much is kept that this
    shows."""
    longest = text_lines.LONGEST_LINE * _BYTES_A_CHARACTER + _BYTES_A_CHARACTER
    carried = b""
    for chunk in chunks:
        content = carried + chunk if carried else chunk
        # A carriage return at the very end may be half of a line's end.
        cut = content.rfind(b"\n") + 1 or content.rfind(b"\r", 0, len(content) - 1) + 1
        if cut:
            whole, carried = content[:cut], content[cut:]
            yield Block(whole, lines_before)
            lines_before += line_ends(whole)
        elif len(content) > longest:
            carried = content[:longest] + (b"\r" if content.endswith(b"\r") else b"")
        else:
            carried = content
    if carried:
        yield Block(carried, lines_before)
