"""What code finds of each dimension: numbers for a regression, and a finding of its own. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from model_steps.caption_judge import content, manner
from model_steps.caption_judge.looked import Looked


@dataclass(frozen=True)
class ByCode:
    """A dimension as code sees it.

    Args:
        names: of the numbers, in their order. rule: the finding, from FINDINGS.
    """

    names: Sequence[str]
    numbers: Callable[[Looked], tuple[float, ...]]
    rule: Callable[[Looked], str]


BY_CODE: Mapping[str, ByCode] = {
    "relevance": ByCode(content.RELEVANCE, content.relevance_numbers, content.relevance_rule),
    "factuality": ByCode(content.FACTUALITY, content.factuality_numbers, content.factuality_rule),
    "clarity": ByCode(manner.CLARITY, manner.clarity_numbers, manner.clarity_rule),
    "safety": ByCode(manner.SAFETY, manner.safety_numbers, manner.safety_rule),
    "timeliness": ByCode(manner.TIMELINESS, manner.timeliness_numbers, manner.timeliness_rule),
    "informativeness": ByCode(content.INFORMATIVENESS, content.informativeness_numbers, content.informativeness_rule),
    "attractiveness": ByCode(manner.ATTRACTIVENESS, manner.attractiveness_numbers, manner.attractiveness_rule),
}
