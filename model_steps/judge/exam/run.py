"""The exam itself: every judge over the same outputs, once more in another order, and under attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model_steps.judge.case import KIND, Case
from model_steps.judge.exam import attacked, examiners, figures
from model_steps.judge.exam.attacked import Attacked
from model_steps.judge.exam.examined import Examined
from model_steps.judge.exam.examiners import AGENT, LOOKUP, MODELS, REGRESSION, Examiners
from model_steps.judge.reviewer import Verdict
from schemas.judge_labels import DIMENSIONS
from settings import ExamSizes, JudgeExamSettings


@dataclass(frozen=True)
class Exam:
    """What judges are examined on.

    Args:
        built, real: labelled outputs; a customer's follow one another.
        attacked: canaries made of real ones.
    """

    built: Sequence[Examined]
    real: Sequence[Examined]
    attacked: Attacked
    sizes: ExamSizes
    settings: JudgeExamSettings

    @property
    def all(self) -> list[Examined]:
        return [*self.built, *self.real]

    @property
    def reasked(self) -> list[Examined]:
        """What is asked once more: evenly from all, so that no set of one kind is left out."""
        wanted = min(self.sizes.reasked, len(self.all))
        return [self.all[place * len(self.all) // wanted] for place in range(wanted)]

    def questions(self, of_model: int) -> int:
        """How many questions an exam asks.

        Args:
            of_model: dimensions that the agents ask the model for.
        """
        return (len(self.all) + len(self.reasked)) * 2 * (of_model + 1) + len(self.attacked.unflagged) * of_model


def examine(exam: Exam, judges: Examiners, note: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Examine; returns all figures but those of cost.

    Args:
        note: is told which judge's turn it is.

    Returns:
        ``figures.figures`` of built outputs; the same of real ones under ``real_outputs``, and headlines by release
        under ``real_outputs_by_release``; ``self_consistency``; ``superior_errors`` of the tuned agent on real outputs;
        ``ceiling``; canaries and good outputs as ``attacked`` has them.

    Raises:
        As ``Examiners.model``. DataError: there are too few good outputs.
    """
    cases = [one.case for one in exam.all]
    said: dict[str, Sequence[Verdict]] = {}
    again: dict[str, Sequence[Verdict]] = {}
    first: dict[str, Sequence[Verdict]] = {}
    places = {one.case.item_id: place for place, one in enumerate(exam.all)}
    chosen = [places[one.case.item_id] for one in exam.reasked]
    for name in MODELS:
        note(name)
        said[name] = judges.model(name, cases)
        # Of another seed than 0, so that an order is another one whatever the exam's seed.
        again[name] = judges.model(name, [cases[place] for place in chosen], exam.settings.seed + 1)
        first[name] = [said[name][place] for place in chosen]
    said[LOOKUP] = judges.lookup(cases)
    if (counted := judges.regression(cases)) is not None:
        said[REGRESSION] = counted
    built = {name: verdicts[: len(exam.built)] for name, verdicts in said.items()}
    real = {name: verdicts[len(exam.built) :] for name, verdicts in said.items()}
    note("canaries")

    def judge(unflagged: Sequence[Case]) -> list[Verdict]:
        return judges.model(AGENT, unflagged)

    seed, resamples = exam.settings.seed, exam.settings.resamples
    of_real = figures.figures(exam.real, real, seed, resamples)
    originals = {verdict.item_id: verdict for verdict in real[AGENT]}
    return {
        **figures.figures(exam.built, built, seed, resamples),
        "real_outputs": of_real,
        "real_outputs_by_release": figures.by_release(exam.real, real, seed, resamples),
        "ceiling": figures.ceiling(of_real),
        "superior_errors": figures.superior_errors(exam.real, real[AGENT]),
        "self_consistency": figures.consistency(exam.reasked, first, again, seed, resamples),
        **attacked.canary_results(exam.attacked, originals, judge),
        **attacked.good_results(real[AGENT], exam.sizes.good_outputs),
    }


def questions_of(asked: int) -> Mapping[str, int]:
    """How many questions each judge asks of an output.

    Args:
        asked: dimensions that the agents ask the model for.
    """
    return {name: asked if name in (AGENT, examiners.AGENT_BASE) else 1 for name in MODELS}


def asked_dimensions(rules: Sequence[str]) -> int:
    """How many dimensions the model is asked for."""
    return len([name for name in DIMENSIONS[KIND] if name not in rules])
