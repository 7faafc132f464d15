"""What the caption judge says of captions, as the number that training is rewarded by.

The judge asks nobody, so it is its own reward model, and exact. That is a deviation from the paper, whose
alignment is a trained reward model's; the judge's exam showed that asking the language model adds nothing
(docs/caption_judge.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from model_steps.caption_judge.case import CaptionCase, Reader
from model_steps.caption_judge.dimensions import POSITIVE
from model_steps.caption_judge.drawing import interests_of, kept_interests
from model_steps.caption_judge.judging import CaptionJudge, CaptionVerdict
from model_steps.engine.asking import Answer, Request
from model_steps.explaining import rules
from model_steps.explaining.captions import Pair
from model_steps.explaining.explainer import Shop
from model_steps.explaining.rules import Said
from model_steps.explaining.styles import Style
from runtime.errors import ConfigurationError
from settings import ExplanationsSettings


def alignment_of(verdict: CaptionVerdict, broken: Sequence[str] = ()) -> float:
    """R_align of a caption: the share of the seven dimensions that are positive; 0 where one is negative.

    Args:
        broken: rules that it breaks; with any it is 0.
    """
    if broken or not verdict.passes:
        return 0.0
    return sum(finding.label == POSITIVE for finding in verdict.findings) / len(verdict.findings)


def case_of(caption: str, pair: Pair, style: Style | None, shop: Shop) -> CaptionCase:
    """A caption as its judge sees it."""
    context, item = pair.context, pair.candidate.item
    interests = kept_interests(interests_of(context), item.category)
    reader = Reader(context.user_id, pair.known, interests, context.attributes)
    return CaptionCase(shop.day, caption, item, reader, shop.surroundings, None if style is None else asdict(style))


@dataclass(frozen=True)
class Sayable:
    """What may be said for a pair in a style.

    Args:
        captions: the pair's options.
    """

    pair: Pair
    style: Style | None
    captions: Sequence[str]


def alignments(
    every: Sequence[Sayable], shop: Shop, judge: CaptionJudge, settings: ExplanationsSettings
) -> list[dict[str, float]]:
    """For each pair R_align of its captions.

    Args:
        settings: whose rules they are held by.
    """
    cases = [case_of(caption, one.pair, one.style, shop) for one in every for caption in one.captions]
    verdicts = iter(judge.verdicts(cases))
    return [
        {caption: alignment_of(next(verdicts), _broken(caption, one.pair, shop, settings)) for caption in one.captions}
        for one in every
    ]


def _broken(caption: str, pair: Pair, shop: Shop, settings: ExplanationsSettings) -> Sequence[str]:
    context = pair.context
    about = (pair.candidate.item, context.user_id, context.attributes, shop.surroundings, shop.lexicon)
    return rules.broken(Said(caption, *about, settings))


def nobody_answers(requests: Sequence[Request]) -> Sequence[Answer]:
    """Stands for the language model where a judge by code asks nobody.

    Raises:
        ConfigurationError: this one does ask.
    """
    raise ConfigurationError(
        f"The caption judge asks the language model {len(requests)} questions, and nothing here answers them: set "
        "INTENTFLOW_CAPTION_JUDGE__RELEASE to one that judges by code."
    )
