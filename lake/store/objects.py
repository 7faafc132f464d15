"""Small JSON documents in the lake; a document can be put if nobody put it before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lake.store.location import Lake


def put(lake: Lake, path: str, document: Mapping[str, Any]) -> None:
    """Write a document, replacing what is there."""
    lake.write(path, _encode(document))


def get(lake: Lake, path: str) -> dict[str, Any] | None:
    """Read a document, or None when there is none."""
    content = lake.read(path)
    return None if content is None else decode(content)


def decode(content: bytes) -> dict[str, Any]:
    """The document that the bytes of one are."""
    return dict(json.loads(content))


def put_if_absent(lake: Lake, path: str, document: Mapping[str, Any]) -> bool:
    """Write a document unless the path is taken. Of several racing writers exactly one gets True."""
    return lake.write_if_absent(path, _encode(document))


def _encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode()
