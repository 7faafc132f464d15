"""Small JSON documents in the lake; a document can be put if nobody put it before."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lake.location import Lake, S3Errors


def put(lake: Lake, path: str, document: Mapping[str, Any]) -> None:
    """Write a document, replacing what is there."""
    lake.write(path, _encode(document))


def get(lake: Lake, path: str) -> dict[str, Any] | None:
    """Read a document, or None when there is none."""
    content = lake.read(path)
    return None if content is None else dict(json.loads(content))


def put_if_absent(lake: Lake, path: str, document: Mapping[str, Any]) -> bool:
    """Write a document unless the path is taken. Of several racing writers exactly one gets True."""
    content = _encode(document)
    if lake.is_s3:
        from botocore.exceptions import ClientError

        try:
            with S3Errors(lake):
                lake.client.put_object(**lake.s3_address(path), Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("PreconditionFailed", "ConditionalRequestConflict"):
                return False
            raise
        return True
    staged = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    lake.write(staged, content)
    try:
        # A hard link is made whole or not at all, and never over an existing name.
        os.link(Path(lake.root, staged), Path(lake.root, path))
    except FileExistsError:
        return False
    finally:
        lake.delete(staged)
    return True


def _encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode()
