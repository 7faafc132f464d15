"""User ids become pseudonyms at landing: a keyed hash, whose key lies outside the lake."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

import pyarrow as pa

from runtime import atomic
from runtime.errors import ConfigurationError
from spark_jobs.distributed.columns import map_distinct

KEY_BYTES = 32


def load_key(path: Path) -> bytes:
    """The key; made on first use, readable by its owner only, never printed.

    Raises:
        ConfigurationError: the file holds something else. A lost key cannot be made again: old pseudonyms stay
            what they are and users would get new ones.
    """
    if not path.exists():
        # Of several first landings one makes the key, and all use that one.
        atomic.write_once(path, secrets.token_bytes(KEY_BYTES), mode=0o600)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"The pseudonym key {path} should have {KEY_BYTES} bytes and has {len(key)}: restore your backup."
        )
    return key


def key_digest(key: bytes) -> str:
    """Names the key without giving it away."""
    return pseudonym(key, "")


def pseudonym(key: bytes, user: str) -> str:
    """HMAC-SHA256 of a user id, 16 hexadecimal digits."""
    return hmac.digest(key, user.encode(), hashlib.sha256).hex()[:16]


def pseudonymize(key: bytes, users: pa.ChunkedArray) -> pa.Array:
    """Pseudonyms of a column of user ids; null stays null."""
    return map_distinct(users, lambda user: pseudonym(key, user))
