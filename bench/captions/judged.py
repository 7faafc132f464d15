"""Quality: the share of captions that pass all seven dimensions (PAPER 2.2), by a judge of captions where there is one.

What a judge has to give is said here; where none is there the figure is absent, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.captions.figures import share_of
from bench.captions.written import Outcome
from model_steps.explaining.captions import Pair
from model_steps.explaining.explainer import Shop
from model_steps.explaining.styles import Style
from schemas.caption_verdicts import DIMENSIONS

WITHOUT = "No judge of captions is there: how many pass all seven dimensions is not measured."


@dataclass(frozen=True)
class Shown:
    """A caption with what it was written for.

    Args:
        style: none where the way has none. shop: with the day and its surroundings.
    """

    caption: str
    pair: Pair
    style: Style | None
    shop: Shop


class JudgesCaptions(Protocol):
    """A judge of captions."""

    @property
    def name(self) -> str:
        """Of its release."""
        ...

    @property
    def calibrated(self) -> Mapping[str, Any]:
        """By dimension how well it agrees with labels, as its record says it."""
        ...

    def judge(self, shown: Sequence[Shown]) -> Sequence[Mapping[str, bool]]:
        """Of each caption in order, by dimension of ``DIMENSIONS``, whether it passes."""
        ...


def quality(
    judge: JudgesCaptions | None, outcomes: Mapping[str, Outcome], pairs: Mapping[tuple[str, str], Pair], shop: Shop
) -> dict[str, Any]:
    """Of each way, the share of captions that may be published and pass all dimensions, with its interval over items.

    Args:
        judge: none where none is there: then each figure is ``{"absent": why}``.
        pairs: by user and category.
    """
    if judge is None:
        return {way: {"absent": WITHOUT} for way in outcomes}
    found = {}
    for way, outcome in outcomes.items():
        kept = [one for one in outcome.captions if one.kept is not None]
        shown = [Shown(str(one.kept), pairs[one.user_id, one.category], one.style, shop) for one in kept]
        passed = [all(said[name] for name in DIMENSIONS) for said in judge.judge(shown)] if shown else []
        verdicts = dict(zip(kept, passed, strict=True))
        found[way] = share_of(kept, verdicts.__getitem__)
    return found


def told_of(judge: JudgesCaptions | None) -> dict[str, Any]:
    """Who judged, and how well by dimension."""
    return {"absent": WITHOUT} if judge is None else {"name": judge.name, "calibrated": dict(judge.calibrated)}
