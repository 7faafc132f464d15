"""Which page belongs to a run of Airflow: found in the manifests that its tasks passed on. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_EVIDENCE = re.compile(r"[0-9a-f]{16}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def evidence_in(manifests: Iterable[Any]) -> str | None:
    """Name of the evidence of a gate; the first that a manifest names."""
    named = (manifest.get("evidence") for manifest in manifests if isinstance(manifest, Mapping))
    return next((name for name in named if isinstance(name, str) and _EVIDENCE.fullmatch(name)), None)


def day_in(manifests: Iterable[Any]) -> str | None:
    """The day that a run published; manifests of other steps name days, too, and not whether it was judged."""
    named = (m.get("day") for m in manifests if isinstance(m, Mapping) and "judged" in m and "fingerprint" in m)
    return next((day for day in named if isinstance(day, str) and _DAY.fullmatch(day)), None)
