"""Whose intents are inferred, and which shard does whom. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from runtime.errors import UsageError

Item = TypeVar("Item")


def draw(user_ids: Sequence[str], users: int) -> list[str]:
    """``users`` of the ids by a stable hash (all when 0), sorted: more users keep the earlier ones."""
    if not users:
        return sorted(user_ids)
    return sorted(sorted(user_ids, key=lambda user: hashlib.sha256(user.encode()).hexdigest())[:users])


def parse_shard(text: str) -> tuple[int, int]:
    """The index, from 0, and the number of shards: ``1/3`` is the first of three.

    Raises:
        UsageError: no such shard.
    """
    number, _, total = text.partition("/")
    if not (number.isdigit() and total.isdigit()) or not 1 <= int(number) <= int(total):
        raise UsageError(f"{text!r} is no shard: write it as i/n with i from 1 to n, for example 1/1.")
    return int(number) - 1, int(total)


def shard_of(items: Sequence[Item], number: int, total: int) -> list[Item]:
    """The contiguous range of one shard; sizes differ by one at most."""
    return list(items[len(items) * number // total : len(items) * (number + 1) // total])


def chunks_of(
    items: Sequence[Item], size: int, tokens_of: Callable[[Item], int] = lambda _: 0, capacity: int = 0
) -> list[list[Item]]:
    """Fixed chunks in order: the same users are always done together.

    Args:
        size: most users of a chunk. tokens_of: what a user takes of the cache. capacity: what the cache holds; a
            single user that exceeds it goes alone.
    """
    chunks: list[list[Item]] = []
    held = 0
    for item in items:
        tokens = tokens_of(item)
        if not chunks or len(chunks[-1]) == size or held + tokens > capacity:
            chunks.append([])
            held = 0
        chunks[-1].append(item)
        held += tokens
    return chunks
