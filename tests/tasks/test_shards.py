"""Names of shards."""

from __future__ import annotations

import pytest

from lake.registry.canary import Canary
from tasks.shards import names_of, shard_names


def test_names_count_from_one() -> None:
    assert shard_names(3) == ["1/3", "2/3", "3/3"]
    assert shard_names(1) == ["1/1"]


@pytest.mark.parametrize(
    ("shards", "share", "names"),
    [
        (1, 0.1, ["1/2", "canary-2/2"]),
        (2, 0.9, ["1/2", "canary-2/2"]),
        (4, 0.5, ["1/4", "2/4", "canary-3/4", "canary-4/4"]),
    ],
)
def test_a_canarys_users_have_shards_of_their_own(shards: int, share: float, names: list[str]) -> None:
    assert names_of(shards, Canary(2, "b", "a", share).document()) == names
    assert names_of(shards, None) == shard_names(shards)
