"""User ids become pseudonyms at landing: a keyed hash, whose key lies outside the lake."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import pyarrow as pa

from runtime.errors import ConfigurationError
from spark_jobs.distributed.columns import map_distinct

KEY_BYTES = 32


def load_key(path: Path) -> bytes:
    """The key; made on first use, readable by its owner only, never printed.

    Raises:
        ConfigurationError: the file holds something else. A lost key cannot be made again: old pseudonyms stay
            what they are and users would get new ones.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise ConfigurationError(
                f"The pseudonym key {path} should have {KEY_BYTES} bytes and has {len(key)}: restore your backup."
            ) from None
        return key
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_bytes(KEY_BYTES)
        file.write(key)
    return key


def key_digest(key: bytes) -> str:
    """Names the key without giving it away."""
    return pseudonym(key, "")


def pseudonym(key: bytes, user: str) -> str:
    """HMAC-SHA256 of a user id, 16 hexadecimal digits."""
    return hmac.new(key, user.encode(), hashlib.sha256).hexdigest()[:16]


def pseudonymize(key: bytes, users: pa.ChunkedArray) -> pa.Array:
    """Pseudonyms of a column of user ids; null stays null."""
    return map_distinct(users, lambda user: pseudonym(key, user))
