"""Manifests between tasks: cut to size for XCom, and turned into a day's figures. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Manifest = Mapping[str, Any]

# Of one field as JSON, in characters. XCom lives in Airflow's database: addresses and counts only.
LARGEST_FIELD = 2_000


def small(manifest: Manifest) -> tuple[dict[str, Any], list[str]]:
    """What of a manifest is passed on, and the names of the fields that are too large for that.

    ``batches`` always passes: it holds addresses, and without it nothing would be published.
    """
    kept = {
        name: value for name, value in manifest.items() if name == "batches" or len(json.dumps(value)) <= LARGEST_FIELD
    }
    return kept, [name for name in manifest if name not in kept]


def summary(manifest: Manifest) -> str:
    """A manifest as one line for people: counts and words as they are, lists by their length."""
    parts: list[str] = []
    for name, value in sorted(manifest.items()):
        if isinstance(value, Mapping):
            parts += [f"{name}.{part} {number:,}" for part, number in _numbers(value, "")]
        elif isinstance(value, list | tuple):
            parts.append(f"{name} {len(value):,}")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            parts.append(f"{name} {value:,}")
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def batches(manifests: Sequence[Manifest]) -> list[str]:
    """The addresses of all staged batches, each once, in order."""
    found = (batch for manifest in manifests for batch in manifest.get("batches", ()))
    return list(dict.fromkeys(found))


def figures(manifests: Mapping[str, Sequence[Manifest]]) -> dict[str, float]:
    """One number a name, from each task's manifests (several where a task is mapped over shards).

    A name is ``<task>.<field>``, or ``<task>.<field>.<part>`` where a field has parts. Over shards, counts and
    seconds add up and other fractions (rates, shares) are averaged.
    """
    collected: dict[str, list[float]] = {}
    for task, of_task in manifests.items():
        for manifest in of_task:
            for name, number in _numbers(manifest, f"{task}."):
                collected.setdefault(name, []).append(number)
    return {name: _together(name, numbers) for name, numbers in sorted(collected.items())}


def _numbers(manifest: Manifest, prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in manifest.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", value


def _together(name: str, numbers: Sequence[float]) -> float:
    adds_up = "seconds" in name or all(isinstance(number, int) for number in numbers)
    return sum(numbers) if adds_up else sum(numbers) / len(numbers)
