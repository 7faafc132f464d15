"""The verdict on a staged batch, kept beside it: publishing asks here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lake.delta.staging import Batch
from lake.store import objects
from lake.store.location import Lake

FOLDER = "_audits"


def _path(batch: Batch) -> str:
    return f"{FOLDER}/{batch.table}/{batch.digest}.json"


def record(lake: Lake, batch: Batch, verdict: Mapping[str, Any]) -> None:
    """Keep a verdict: ``success``, the ``co_audited`` batches, the failed expectations, where the Data Docs page is."""
    objects.put(lake, _path(batch), verdict)


def verdict(lake: Lake, batch: Batch) -> dict[str, Any] | None:
    """The newest verdict on a batch, or None when it was never audited."""
    return objects.get(lake, _path(batch))


def passed(lake: Lake, batch: Batch, together_with: Sequence[str]) -> bool:
    """Whether the batch passed its newest audit, and that together with exactly these batches, itself among them."""
    found = verdict(lake, batch)
    return bool(found and found["success"] and found.get("co_audited") == list(together_with))


def co_audited(batches: Sequence[Batch]) -> dict[str, list[str]]:
    """By batch: the digests of all batches of its table that hold a partition of it, its own among them.

    Shards of a partition are judged by their sums, so a verdict holds only for the batches it was given together with.
    """
    holders: dict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = {}
    for batch in batches:
        for staged in batch.partitions:
            holders.setdefault((batch.table, tuple(sorted(staged.partition.items()))), set()).add(batch.digest)
    found: dict[str, set[str]] = {batch.digest: {batch.digest} for batch in batches}
    for digests in holders.values():
        for digest in digests:
            found[digest] |= digests
    return {digest: sorted(others) for digest, others in found.items()}
