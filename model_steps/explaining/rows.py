"""Explanations as rows of ``explanations`` and ``failures``. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from model_steps.explaining.captions import Pair
from model_steps.explaining.styles import Style


@dataclass(frozen=True)
class Dropped:
    """A pair without a caption.

    Args:
        rule: name of the rule that the last caption broke. meaning: what a caption that keeps it is like.
    """

    pair: Pair
    rule: str
    meaning: str
    attempts: int


def explanation_row(
    pair: Pair, caption: str, style: Style | None, asked: tuple[str, str], attempts: int, release: str
) -> dict[str, Any]:
    """A row of ``explanations`` without its day.

    Args:
        asked: way and form.
    """
    tag, item = pair.candidate.tag, pair.candidate.item
    way, form = asked
    return {
        "user_id": pair.context.user_id,
        "item_id": item.item_id,
        "rank": tag.rank,
        "tag": tag.text,
        "similarity": pair.candidate.similarity,
        "caption": caption,
        "way": way,
        "form": form,
        "style": None if style is None else asdict(style),
        "segment": pair.segment,
        "attempts": attempts,
        "release": release,
    }


def failure_rows(dropped: Sequence[Dropped], step: str) -> list[dict[str, Any]]:
    """Rows of ``failures`` without their day: the unit is a user and an item, and no row repeats a caption."""
    return [
        {
            "step": step,
            "key": f"{one.pair.context.user_id} {one.pair.candidate.item.item_id}",
            "reason": f"No caption kept the rule {one.rule}. {one.meaning}",
            "attempts": one.attempts,
        }
        for one in dropped
    ]
