"""A pair of a user and an item as training needs it: its prompt, what may be said, and what of it is good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from model_steps.engine.options import Options
from model_steps.training.reinforcement.completions import Completions

# Good captions that stand for a pair where the trainer looks at some fixed ones.
FEW = 4


@dataclass(frozen=True)
class CaptionExample:
    """A pair of a day.

    Args:
        prompt: tokens of the explainer's prompt. options: its captions, as serving draws them.
        alignment: R_align of each, 0 to 1; 0 of what is not good.
    """

    user_id: str
    day: str
    category: str
    item_id: str
    prompt: tuple[int, ...]
    options: Options
    alignment: Mapping[str, float]

    @property
    def key(self) -> tuple[str, str, str]:
        """User, day and item."""
        return self.user_id, self.day, self.item_id

    @cached_property
    def good(self) -> tuple[str, ...]:
        """The captions that keep the rules and of which no dimension is negative, sorted."""
        return tuple(sorted(caption for caption, value in self.alignment.items() if value > 0))

    @property
    def outcomes(self) -> Sequence[str]:
        """Some good captions."""
        return self.good[:FEW]


class OwnOptions:
    """What captions behind each prompt are drawn from (``completions.Spaces``): lists of one.

    Args:
        examples: no two with one prompt.
    """

    def __init__(self, examples: Sequence[CaptionExample]) -> None:
        self._of = {one.prompt: Completions(one.options, 1, None) for one in examples}

    def of(self, prompt: Sequence[int]) -> Completions:
        """The captions behind a prompt.

        Raises:
            KeyError: it is none of the examples'.
        """
        return self._of[tuple(prompt)]
