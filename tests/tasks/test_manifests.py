"""Manifests between tasks: size, batches, figures."""

from __future__ import annotations

from tasks.manifests import LARGEST_FIELD, Manifest, batches, figures, small, summary


def test_small_keeps_what_is_small_and_all_batches() -> None:
    manifest = {"rows": 3, "batches": ["b"] * LARGEST_FIELD, "note": "n" * LARGEST_FIELD, "rejected": {"null_time": 2}}
    kept, dropped = small(manifest)
    assert dropped == ["note"]
    assert kept == {name: value for name, value in manifest.items() if name != "note"}


def test_summary_is_for_people() -> None:
    manifest = {"rows_in": 3581, "rejected": {"null_time": 2}, "batches": ["a", "b"], "reused": False, "docs": "/docs"}
    assert summary(manifest) == "batches 2, docs /docs, rejected.null_time 2, reused False, rows_in 3,581"


def test_batches_are_named_once_in_order() -> None:
    assert batches([{"batches": ["b", "a"]}, {"rows": 1}, {"batches": ["a", "c"]}]) == ["b", "a", "c"]
    assert batches([]) == []


def test_figures_are_numbers_named_by_task_and_field() -> None:
    manifests: dict[str, list[Manifest]] = {
        "land.stage": [{"rows": 3, "reused": True, "source": "x", "rejected": {"null_time": 2}, "seconds": 1.5}],
        "embed": [{"batches": ["a"]}],
    }
    assert figures(manifests) == {"land.stage.rejected.null_time": 2, "land.stage.rows": 3, "land.stage.seconds": 1.5}


def test_figures_of_shards_add_up_but_for_shares() -> None:
    shards = [
        {"users": 4, "cached_share": 0.5, "seconds": 2.0, "seconds_users": 1.25},
        {"users": 3, "cached_share": 1.0, "seconds": 3.0, "seconds_users": 0.25},
    ]
    assert figures({"infer.shard": shards}) == {
        "infer.shard.cached_share": 0.75,
        "infer.shard.seconds": 5.0,
        "infer.shard.seconds_users": 1.5,
        "infer.shard.users": 7,
    }
