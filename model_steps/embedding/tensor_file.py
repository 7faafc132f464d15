"""What our safetensors files say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# One key of the file's metadata holds all: of several the library's order changes, and with it the file's digest.
ABOUT = "intentflow"
HEADER_BYTES = 8


def about(content: bytes) -> Mapping[str, Any]:
    """The metadata in a safetensors header, which the library's reader of bytes leaves out.

    Raises:
        ValueError: there is no such header.
    """
    length = int.from_bytes(content[:HEADER_BYTES], "little")
    header: dict[str, Any] = json.loads(content[HEADER_BYTES : HEADER_BYTES + length])
    return dict(json.loads((header.get("__metadata__") or {}).get(ABOUT, "{}")))
