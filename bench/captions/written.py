"""A caption as the benchmark keeps it, whatever wrote it: the first try, and what may be published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from model_steps.explaining import rules
from model_steps.explaining.captions import Pair
from model_steps.explaining.explainer import Shop
from model_steps.explaining.rules import Said
from model_steps.explaining.styles import Style
from settings import ExplanationsSettings


@dataclass(frozen=True)
class Caption:
    """What a way wrote for a user and an item.

    Args:
        first: before any rule was looked at; none where no style came. broken: rules that the first one breaks.
        kept: the first of the tries that keeps all rules; none where none does. style: that it was written in; none
            where the way has none.
    """

    category: str
    user_id: str
    first: str | None
    broken: tuple[str, ...]
    kept: str | None
    style: Style | None = None


@dataclass(frozen=True)
class Outcome:
    """A way in one form.

    Args:
        told: what is said of the asking, such as tokens.
    """

    captions: tuple[Caption, ...]
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """The rules, for captions of one shop."""

    shop: Shop
    settings: ExplanationsSettings

    def broken(self, pair: Pair, caption: str) -> tuple[str, ...]:
        """Names of the rules that a caption breaks."""
        context, shop = pair.context, self.shop
        about = (pair.candidate.item, context.user_id, context.attributes, shop.surroundings, shop.lexicon)
        return rules.broken(Said(caption, *about, self.settings))

    def caption(self, pair: Pair, first: str | None, kept: str | None, style: Style | None = None) -> Caption:
        """What a way wrote for a pair, with the rules that the first try breaks."""
        broken = () if first is None else self.broken(pair, first)
        return Caption(pair.candidate.tag.category, pair.context.user_id, first, broken, kept, style)

    def write(self, pair: Pair, draw: Callable[[int], str]) -> Caption:
        """A caption by what needs no model, drawn again as often as a model is asked.

        Args:
            draw: gives the caption of a try, from 0.
        """
        tries = [draw(attempt) for attempt in range(self.settings.attempts)]
        kept = next((caption for caption in tries if not self.broken(pair, caption)), None)
        return self.caption(pair, tries[0], kept)
