"""What safetensors files say of themselves, read without a library of tensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# One key of the file's metadata holds all: of several the library's order changes, and with it the file's digest.
ABOUT = "intentflow"
HEADER_BYTES = 8
MOST_HEADER = 100_000_000
# bfloat16 is the upper half of float32, which numpy has no name for.
_NUMBERS: Mapping[str, Any] = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}


@dataclass(frozen=True)
class Header:
    """The head of a safetensors file.

    Args:
        tensors: type, shape and place of each tensor, by name.
        about: the file's metadata.
        size: of the head in bytes.
    """

    tensors: Mapping[str, Mapping[str, Any]]
    about: Mapping[str, Any]
    size: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor["shape"]) for name, tensor in self.tensors.items()}

    def numbers(self, content: bytes, name: str) -> npt.NDArray[np.floating[Any]]:
        """A tensor's numbers in a row.

        Raises:
            ValueError: it is of another type, or the file is too short for it.
        """
        kind, (begin, end) = self.tensors[name]["dtype"], self.tensors[name]["data_offsets"]
        if kind not in _NUMBERS:
            raise ValueError(f"it holds {kind}, wanted is one of {', '.join(_NUMBERS)}")
        raw = np.frombuffer(content[self.size + begin : self.size + end], _NUMBERS[kind])
        if len(raw) != np.prod(self.shapes[name], dtype=int):
            raise ValueError("the file ends before it")
        if kind == "BF16":
            return (raw.astype(np.uint32) << 16).view(np.float32)
        return raw

    def digest_of(self, content: bytes) -> str:
        """Digest of the tensors, whatever the file's metadata is."""
        tensors = json.dumps(self.tensors, sort_keys=True).encode()
        return hashlib.sha256(tensors + content[self.size :]).hexdigest()


def header(content: bytes) -> Header:
    """The head of a safetensors file's content.

    Raises:
        ValueError, TypeError, AttributeError: there is none.
    """
    length = int.from_bytes(content[:HEADER_BYTES], "little")
    if length > MOST_HEADER:
        raise ValueError("its head has no end")
    said: dict[str, Any] = dict(json.loads(content[HEADER_BYTES : HEADER_BYTES + length]))
    metadata = said.pop("__metadata__", None) or {}
    if not all({"dtype", "shape", "data_offsets"} <= tensor.keys() for tensor in said.values()):
        raise ValueError("its head does not say where its tensors are")
    return Header(said, metadata, HEADER_BYTES + length)


def header_of_file(path: Path) -> Header:
    """The head of a file, whose tensors are not read.

    Raises:
        OSError: it cannot be read. ValueError, TypeError, AttributeError: there is none.
    """
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
        return header(start + file.read(min(int.from_bytes(start, "little"), MOST_HEADER)))


def about(content: bytes) -> Mapping[str, Any]:
    """The metadata in a safetensors header, which the library's reader of bytes leaves out.

    Raises:
        ValueError: there is no such header.
    """
    return dict(json.loads(header(content).about.get(ABOUT, "{}")))
