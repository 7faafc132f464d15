"""Settings of explanations: which items, in which way, under which rules (PAPER 1.5)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from settings.section import Section


class ExplanationsSettings(Section):
    """The paper gives neither lengths in English nor numbers of attempts; every one is a choice of ours."""

    tags: int = Field(default=3, ge=0, description="Best tags of a user that items are chosen for; 0: no explanations.")
    items_per_tag: int = Field(default=1, ge=1, description="Items that are chosen for a tag.")
    not_bought_days: int = Field(
        default=14,
        ge=0,
        description="Days back, the refreshed one among them, whose purchases are not chosen again; 0: any item is.",
    )
    way: Literal["meta", "v1"] = Field(
        default="meta", description="meta: first a style, then the caption in it; v1: the caption alone, the rival."
    )
    form: Literal["closed", "free"] = Field(
        default="closed",
        description="closed: written frames filled with the item's own attributes; free: the model's own words, for "
        "models that write English.",
    )
    interests: int = Field(default=3, ge=0, description="Long-term interests of a user that a prompt shows.")
    segment_attributes: tuple[str, ...] = Field(
        default=(),
        description="Profile attributes by which users are parted into segments, and that styles are asked with; by "
        "default none leaves the profile.",
    )
    attempts: int = Field(default=3, ge=1, description="How often a style, and a caption, is asked for at most.")
    fewest_words: int = Field(default=4, ge=1, description="Words of a caption, at least.")
    most_words: int = Field(default=16, ge=1, description="Words of a caption, at most.")
    title_run: int = Field(
        default=4, ge=2, description="Words in a row from the item's text that copy it, its type's name aside."
    )
    style_temperature: float = Field(default=0.7, ge=0)
    caption_temperature: float = Field(default=0.8, ge=0)
    top_p: float = Field(default=0.95, gt=0, le=1, description="Of both samplings.")

    @model_validator(mode="after")
    def _a_caption_has_room(self) -> ExplanationsSettings:
        if self.fewest_words > self.most_words:
            raise ValueError(f"fewest_words is {self.fewest_words}, more than the {self.most_words} of most_words")
        return self
