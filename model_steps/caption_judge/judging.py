"""Judging captions: code looks, the language model is asked where that helps, findings and tiers follow (PAPER 2.3).

``CaptionJudge.verdicts`` is all that a step or a reward needs. It asks nothing but ``ask`` and reads no lake.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.tiers import Tier, tier_of
from model_steps.caption_judge.asking import Questions, log_odds
from model_steps.caption_judge.case import CaptionCase
from model_steps.caption_judge.combination import Combination
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS, NEGATIVE
from model_steps.caption_judge.likelihood import Likely
from model_steps.caption_judge.looked import Looked
from model_steps.engine.asking import Answer, Request
from model_steps.explaining.lexicon import Lexicon
from runtime.progress import Progress
from settings import CaptionJudgeSettings, ExplanationsSettings

Ask = Callable[[Sequence[Request]], Sequence[Answer]]


@dataclass(frozen=True)
class CaptionFinding:
    """What a sub-evaluator found.

    Args:
        label: from FINDINGS. confidence: its probability, 0 to 1. by: one of ``combination.WAYS``.
    """

    dimension: str
    label: str
    confidence: float
    by: str


@dataclass(frozen=True)
class CaptionVerdict:
    """The judgement on a caption.

    Args:
        case_id: of the case. findings: one a dimension, in the order of DIMENSIONS.
    """

    case_id: str
    tier: Tier
    findings: tuple[CaptionFinding, ...]

    @property
    def passes(self) -> bool:
        """Whether no dimension is negative: what the paper counts as quality (PAPER 2.2)."""
        return all(finding.label != NEGATIVE for finding in self.findings)


class CaptionJudge:
    """Judges captions of a shop.

    Args:
        judged_by: what findings follow from. lexicon: of the shop. explanations: the settings that captions are held
            by.
        questions: renders what the model is asked; ask: answers it, from a cache or a model. Neither is used where no
            dimension asks the model.
        likely: how likely the language model finds captions.
        done: called after each chunk of captions, so that answers are kept; begin: before each.
    """

    def __init__(
        self,
        judged_by: Combination,
        lexicon: Lexicon,
        settings: CaptionJudgeSettings,
        explanations: ExplanationsSettings,
        questions: Questions,
        ask: Ask,
        likely: Likely,
        begin: Callable[[], object] = lambda: None,
        done: Callable[[], object] = lambda: None,
    ) -> None:
        self._judged_by, self._lexicon, self._settings, self._explanations = judged_by, lexicon, settings, explanations
        self._questions, self._ask, self._likely = questions, ask, likely
        self._begin, self._done = begin, done

    def verdicts(self, cases: Sequence[CaptionCase]) -> list[CaptionVerdict]:
        """The verdicts on captions, in their order; a caption's verdict does not depend on the others.

        Raises:
            InfrastructureError: the engine failed; chunks that were done are kept by whoever keeps answers.
        """
        progress = Progress(len(cases), "captions")
        found: list[CaptionVerdict] = []
        size = self._settings.chunk_captions
        for chunk in (cases[start : start + size] for start in range(0, len(cases), size)):
            self._begin()
            found += self._of_chunk(chunk)
            self._done()
            progress.advance(len(chunk))
        return found

    def _of_chunk(self, cases: Sequence[CaptionCase]) -> list[CaptionVerdict]:
        looked = look(cases, self._lexicon, self._settings, self._explanations, self._likely)
        asked = self._judged_by.asked
        requests = [self._questions.request(case, dimension) for dimension in asked for case in cases]
        answers = log_odds(self._ask(requests)) if requests else []
        said = {name: answers[place * len(cases) : (place + 1) * len(cases)] for place, name in enumerate(asked)}
        by_dimension = {
            name: self._judged_by.probabilities(name, self._judged_by.ways[name], looked, said.get(name))
            for name in DIMENSIONS
        }
        verdicts = []
        for number, case in enumerate(cases):
            findings = tuple(
                finding_of(name, by_dimension[name][number], self._judged_by.ways[name]) for name in DIMENSIONS
            )
            tier = tier_of([finding.label for finding in findings], self._settings.threshold)
            verdicts.append(CaptionVerdict(case.case_id, tier, findings))
        return verdicts


def look(
    cases: Sequence[CaptionCase],
    lexicon: Lexicon,
    settings: CaptionJudgeSettings,
    explanations: ExplanationsSettings,
    likely: Likely,
) -> list[Looked]:
    """Cases as code looks at them.

    Args:
        lexicon: of the shop. likely: how likely the language model finds captions.
    """
    means = likely([case.caption for case in cases])
    return [
        Looked(case, lexicon, explanations, mean < settings.least_likelihood)
        for case, mean in zip(cases, means, strict=True)
    ]


def finding_of(dimension: str, probabilities: dict[str, float], by: str) -> CaptionFinding:
    """The most probable finding, of equal ones the worst."""
    label = max((name for name in FINDINGS if name in probabilities), key=probabilities.__getitem__)
    return CaptionFinding(dimension, label, min(probabilities[label], 1.0), by)
