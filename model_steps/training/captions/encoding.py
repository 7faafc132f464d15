"""A pair as a training example: a style for it, the explainer's prompt, and what of its captions is good."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from model_steps.caption_judge.judging import CaptionJudge
from model_steps.engine.chat import Chat
from model_steps.engine.options import Options
from model_steps.explaining import captions, styles
from model_steps.explaining.captions import Pair
from model_steps.explaining.explainer import Shop
from model_steps.explaining.styles import Style
from model_steps.explaining.surroundings import Surroundings
from model_steps.training.captions.example import CaptionExample
from model_steps.training.captions.judged import Sayable, alignments
from schemas.explanations import STYLE_PARTS
from settings import Settings


def drawn_style(pair: Pair, surroundings: Surroundings, seed: int) -> Style:
    """One of the styles that may be declared, each as likely as the others: no stylist is asked.

    So the explainer learns to write in all of them, whichever its stylist likes best.
    """
    chance = random.Random(f"{seed}/{pair.context.user_id}/{pair.candidate.item.item_id}")
    values = styles.values(surroundings)
    return Style(**{part: chance.choice(values[part]) for part in STYLE_PARTS})


class Encodes:
    """Encodes pairs of a shop's day.

    Args:
        judge: of captions. seed: of the styles.
    """

    def __init__(self, shop: Shop, chat: Chat, judge: CaptionJudge, settings: Settings, seed: int) -> None:
        self._shop, self._chat, self._judge, self._settings, self._seed = shop, chat, judge, settings, seed

    def examples(self, pairs: Sequence[Pair]) -> list[CaptionExample]:
        """Examples of pairs in their order; those are left out of which nothing good can be said, or one thing alone.

        Raises:
            ConfigurationError: the judge asks the language model.
        """
        around, own = self._shop.surroundings, self._settings.explanations
        styled = [(pair, drawn_style(pair, around, self._seed)) for pair in pairs]
        every = [Sayable(pair, style, captions.options(pair, style, around, own.most_words)) for pair, style in styled]
        several = [one for one in every if len(one.captions) > 1]
        found = zip(several, alignments(several, self._shop, self._judge, own), strict=True)
        return [self._example(one, worth) for one, worth in found if any(worth.values())]

    def _example(self, one: Sayable, alignment: Mapping[str, float]) -> CaptionExample:
        pair, style, shop = one.pair, one.style, self._shop
        messages = captions.messages(pair, style, shop.surroundings, self._settings.explanations)
        return CaptionExample(
            pair.context.user_id,
            shop.day,
            pair.candidate.tag.category,
            pair.candidate.item.item_id,
            tuple(self._chat.tokens(self._chat.render(*messages))),
            Options(tuple(one.captions), self._chat.answer_tokens),
            alignment,
        )
