"""What a day's contexts rest on: the contents of all days up to it, in one digest."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.fingerprint import digest


def histories(contents: Mapping[str, str]) -> dict[str, str]:
    """By day, a digest of the contents of all days up to it.

    Args:
        contents: content digest of each landed day.
    """
    by_day, so_far = {}, ""
    for day, content in sorted(contents.items()):
        so_far = by_day[day] = digest([so_far, day, content])
    return by_day
