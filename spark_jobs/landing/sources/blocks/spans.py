"""A large text file as spans of bytes that several workers read; a line keeps the number that it has in the file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from spark_jobs.landing.sources.stored_files import SourceFile, opened


@dataclass(frozen=True)
class Span:
    """A part of a file that begins and ends with a line.

    Attributes:
        start, end: bytes from the file's beginning. lines_before: in the file. digest: of the bytes, empty where nobody
            holds them against it. beginning: the
            end of the file's first span.
    """

    start: int
    end: int
    lines_before: int
    digest: str
    beginning: int

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Span:
        return cls(**json.loads(text))


def line_ends(content: bytes) -> int:
    """How many lines end in it: with a line feed, a carriage return, or both."""
    returns = content.count(b"\r")
    return content.count(b"\n") + (returns - content.count(b"\r\n") if returns else 0)


def spans_of(path: SourceFile, size: int) -> list[Span]:
    """The spans of a file in which a byte tells a line's end: its bytes are read once, and nothing is decoded.

    Args:
        size: bytes of a span, about: it ends with the line that ends after so many.
    """
    spans: list[Span] = []
    start = lines = beginning = 0
    with opened(path) as file:
        while chunk := file.read(size):
            digest, before, end_of_last = hashlib.sha256(), lines, b""
            while chunk:
                digest.update(chunk)
                lines += line_ends(chunk) - (end_of_last == b"\r" and chunk.startswith(b"\n"))
                end_of_last = chunk[-1:]
                chunk = b"" if end_of_last == b"\n" else file.readline(size)
            beginning = beginning or file.tell()
            spans.append(Span(start, file.tell(), before, digest.hexdigest(), beginning))
            start = file.tell()
    return spans
