"""The shipped judge of captions as this benchmark asks it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.captions.judged import Shown
from model_steps.caption_judge.case import CaptionCase
from model_steps.caption_judge.dimensions import NEGATIVE
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.engine.asking import Answer, Request
from model_steps.training.captions import judged
from runtime.errors import UsageError
from settings import Settings

log = logging.getLogger("intentflow")


@dataclass(frozen=True)
class ShippedCaptionJudge:
    """``judged.JudgesCaptions`` of the settings' caption judge."""

    ready: ReadyCaptionJudge

    @property
    def name(self) -> str:
        return self.ready.judged_by.name

    @property
    def calibrated(self) -> Mapping[str, Any]:
        """By dimension ``judged``, ``as_rule`` or ``not_calibrated``, as its exam's record says."""
        return dict(self.ready.record.figures["calibrated"]) if self.ready.record else {}

    def judge(self, shown: Sequence[Shown]) -> list[dict[str, bool]]:
        """Of each caption in order, by dimension, whether nothing is negative.

        Raises:
            UsageError: a dimension is judged by asking the language model, which nothing here asks.
        """
        if not shown:
            return []
        judge = self.ready.judge(shown[0].shop.lexicon, _nobody_answers)
        return [
            {finding.dimension: finding.label != NEGATIVE for finding in verdict.findings}
            for verdict in judge.verdicts([case_of(one) for one in shown])
        ]


def shipped(settings: Settings, day: str) -> ShippedCaptionJudge | None:
    """The settings' caption judge; none where it has no standing as of a day of the log, and a warning says why.

    Raises:
        SourceMissing: its folder has none. DataError: it or its record was changed.
    """
    ready = ReadyCaptionJudge.of(settings)
    standing = ready.standing(day)
    if standing.state != "valid":
        log.warning("No caption is judged: %s", standing.reason)
        return None
    return ShippedCaptionJudge(ready)


def case_of(shown: Shown) -> CaptionCase:
    """A caption as its judge sees it."""
    return judged.case_of(shown.caption, shown.pair, shown.style, shown.shop)


def _nobody_answers(requests: Sequence[Request]) -> Sequence[Answer]:
    raise UsageError(
        f"The caption judge asks the language model {len(requests)} questions, and this benchmark has no engine for "
        "them: set INTENTFLOW_CAPTION_JUDGE__RELEASE to one that judges by code."
    )
