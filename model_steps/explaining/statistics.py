"""What a run of explanations should report besides tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LEAKS = ("invented_attribute", "invented_number", "unknown_name")


@dataclass
class Statistics:
    """Counts over all chunks.

    Args:
        users_without_item: whose tags' categories have nothing that was not bought lately.
        styles_wanted: pairs that need a style. styles_asked: styles that were not known yet.
        written: captions that came back, attempts counted. first: of these, the first for each pair.
        broken: rules that first captions break, each that a caption breaks. leaks: first captions that name an
            attribute, number or name that is not the item's. dropped: pairs without a caption, by their last rule.
    """

    users_in: int = 0
    users_without_item: int = 0
    pairs_in: int = 0
    captions: int = 0
    styles_wanted: int = 0
    styles_asked: int = 0
    written: int = 0
    first: int = 0
    leaks: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def note(self, broken: Sequence[str], *, first: bool) -> None:
        """Count a caption by the rules that it breaks."""
        self.written += 1
        if first:
            self.first += 1
            self.broken.update(broken)
            self.leaks += bool(set(broken) & set(LEAKS))

    def figures(self) -> dict[str, Any]:
        """What a manifest states; shares are fractions, None where nothing was counted."""
        return {
            "users_in": self.users_in,
            "users_without_item": self.users_without_item,
            "pairs_in": self.pairs_in,
            "captions": self.captions,
            "pairs_dropped": self.dropped.total(),
            "dropped_by_rule": dict(sorted(self.dropped.items())),
            "captions_written": self.written,
            "first_captions_broken": dict(sorted(self.broken.items())),
            "leak_rate": _share(self.leaks, self.first),
            "style_cache_hit_rate": _share(self.styles_wanted - self.styles_asked, self.styles_wanted),
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
