"""Names of shards."""

from __future__ import annotations

from tasks.shards import shard_names


def test_names_count_from_one() -> None:
    assert shard_names(3) == ["1/3", "2/3", "3/3"]
    assert shard_names(1) == ["1/1"]
