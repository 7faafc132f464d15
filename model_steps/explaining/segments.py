"""The segment that a user is in for a tag: all that a style knows of them, so that users of one share it."""

from __future__ import annotations

from collections.abc import Sequence

from model_steps.agents.data_text import delimit
from model_steps.explaining.candidates import Tag
from representation.context import Context

# How well the user knows the tag's category.
REGULAR, NEW = "buy such things already", "have not bought such things yet"


def knows(context: Context, category: str) -> bool:
    """Whether the user bought from a category, as far as the context tells."""
    evidence = {one.category for one in context.evidence or ()}
    return category in evidence or category in {name for name, _ in context.interests}


def segment_of(context: Context, tag: Tag, attributes: Sequence[str]) -> str:
    """One line that names no single person.

    Args:
        attributes: of the profile that may be told; a user without them is in the segment without.
    """
    told = [f"{name} {delimit(value, 40)}" for name, value in sorted(context.attributes) if name in attributes]
    field = delimit(tag.persona, 60).removesuffix(" expert")
    habit = REGULAR if knows(context, tag.category) else NEW
    return "; ".join([f"fond of {field}", habit, *told])
