"""LLM-as-a-Judge, the baseline (PAPER 3.5, V1): one prompt that shows everything, one tier for an answer."""

from __future__ import annotations

from collections.abc import Sequence

from model_steps.engine.asking import Answer, Request
from model_steps.judge import prompt_files
from model_steps.judge.case import Case
from model_steps.judge.evaluators import Asking, read_probabilities
from model_steps.judge.reviewer import WORST_FIRST, Verdict
from schemas.judge_labels import TIERS


def requests(cases: Sequence[Case], asking: Asking, seed: int | None = None) -> list[Request]:
    """One question a case, in the order of the cases.

    Args:
        seed: for asking once more, as ``evaluators.requests`` has it.
    """
    showing, name = asking.showing(seed), prompt_files.ONE_SHOT
    return [
        Request.ranked(
            case.customer.user_id,
            name,
            asking.prompt(showing.message(name, case, asking.question(name, case, seed))),
            asking.tiers,
            len(TIERS),
        )
        for case in cases
    ]


def read_verdicts(cases: Sequence[Case], answers: Sequence[Answer]) -> list[Verdict]:
    """The tiers that answers to ``requests`` hold, without findings; of equally probable tiers the worst one.

    Raises:
        InfrastructureError: an answer does not tell the tiers' probabilities.
    """
    found = []
    for case, answer in zip(cases, answers, strict=True):
        probabilities = read_probabilities(answer, TIERS)
        tier = max(WORST_FIRST, key=probabilities.__getitem__)
        found.append(Verdict(case.item_id, tier, (), probabilities[tier]))
    return found
