"""Whose intents are inferred, and which shard does whom. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lake.registry.splits import drawn
from runtime.errors import UsageError

Item = TypeVar("Item")


def draw(user_ids: Sequence[str], users: int) -> list[str]:
    """Whose intents a refresh infers: ``splits.drawn`` without a salt, so that an evaluation draws others."""
    return drawn(user_ids, users, salt="")


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
