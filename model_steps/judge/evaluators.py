"""The sub-evaluators (PAPER 2.3: s_i = E_i(y, d_i)): one a dimension, each sees only what it needs.

| dimension | sees beside the tag | grades whether |
|---|---|---|
| relevance | the customer's purchases, season and profile; what was bought of the tag's category | |
| | and of those nearest to it; how many buy it; what counting expects, where given | the customer will buy it |
| consistency | the customer's purchases; persona and reason | the reason holds for this customer |
| specificity | levels above it in the catalog, how many categories lie below it | it is one kind of product |
| validity | the catalog's texts most like it | it exists |

A prompt begins with what all share, then the customer's purchases, so that a customer's prompts of all dimensions share
their beginning in the engine's prefix cache and in a packed training. The answer is one of three words that begin with
different tokens, so a grading is one step of the engine. A dimension that is declared a rule is computed by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.engine.options import Options, Tokenizes
from model_steps.judge import prompt_files
from model_steps.judge.case import Case
from model_steps.judge.shop import Shop
from model_steps.judge.shown import Showing, reordered
from runtime.errors import InfrastructureError
from schemas.judge_labels import FINDINGS, TIERS
from schemas.verdicts import MODEL, RULE
from settings import JudgeSettings

# A dimension's finding, computed.
Rule = Callable[[Case], str]


@dataclass(frozen=True)
class Finding:
    """What an evaluator found.

    Args:
        label: negative, neutral or positive. confidence: its probability, 0 to 1.
        probabilities: of all labels, which sum to one; of a rule its label's alone.
        by: ``model`` or ``rule``.
        reason: a sentence, where one was asked for.
    """

    dimension: str
    label: str
    confidence: float
    probabilities: Mapping[str, float]
    by: str
    reason: str | None = None


@dataclass(frozen=True)
class Asking:
    """With what evaluators ask.

    Args:
        render: a system and a user message as the model's prompt (``Chat.render``).
        count: tokens of a text. answers: tokens of a whole answer.
    """

    shop: Shop
    settings: JudgeSettings
    render: Callable[[str, str], str]
    count: Callable[[str], int]
    answers: Tokenizes

    @cached_property
    def labels(self) -> Options:
        """What an evaluator chooses from."""
        return Options(FINDINGS, self.answers)

    @cached_property
    def tiers(self) -> Options:
        """What a one-shot judge chooses from."""
        return Options(TIERS, self.answers)

    def showing(self, seed: int | None = None) -> Showing:
        """What shows cases, for as many of a customer's as follow."""
        return Showing(self.shop, self.settings, self.count, seed)

    def prompt(self, shown: str) -> str:
        """A rendered prompt."""
        return self.render(prompt_files.instruction(), shown)

    def question(self, name: str, case: Case, seed: int | None = None) -> str:
        """The question of a dimension, or of ``one_shot``, with what each answer means.

        Args:
            seed: the answers are named in another order.
        """
        asked = prompt_files.question(name)
        meanings = reordered(asked.meanings, seed, name, case.customer.user_id)
        return "\n".join([asked.asked.safe_substitute(days=self.settings.outcome_days), *meanings])


def requests(
    cases: Sequence[Case], dimension: str, asking: Asking, seed: int | None = None, showing: Showing | None = None
) -> list[Request]:
    """One question a case, in the order of the cases.

    Args:
        seed: for asking once more: purchases and answers are named in another order, the same for equal seeds.
        showing: that goes on with customers it has shown in other dimensions; of the same seed.
    """
    showing = showing or asking.showing(seed)
    return [
        Request.ranked(
            case.customer.user_id,
            prompt_files.ROLE,
            asking.prompt(showing.message(dimension, case, asking.question(dimension, case, seed))),
            asking.labels,
            len(FINDINGS),
        )
        for case in cases
    ]


def read_findings(dimension: str, answers: Sequence[Answer]) -> list[Finding]:
    """The findings that answers to ``requests`` hold; of equally probable labels the worst one.

    Raises:
        InfrastructureError: one does not tell the labels' probabilities.
    """
    found = []
    for answer in answers:
        probabilities = read_probabilities(answer, FINDINGS)
        # In the order of FINDINGS the worst label comes first, and max keeps the first of equal ones.
        label = max(FINDINGS, key=probabilities.__getitem__)
        found.append(Finding(dimension, label, probabilities[label], probabilities, MODEL))
    return found


def read_probabilities(answer: Answer, labels: Sequence[str]) -> dict[str, float]:
    """The probabilities, 0 to 1, that a ranking gives to labels.

    Raises:
        InfrastructureError: it is a ranking of other options.
    """
    said = dict(ranking.read(answer.text))
    if said.keys() != set(labels):
        raise InfrastructureError(
            f"A judge was asked for {', '.join(labels)} and answered {answer.text[:80]!r}: remove the kept answer."
        )
    shares = {label: math.exp(said[label]) for label in labels}
    whole = math.fsum(shares.values())
    return {label: share / whole for label, share in shares.items()}


def computed(dimension: str, rule: Rule, cases: Sequence[Case]) -> list[Finding]:
    """The findings of a dimension that is a rule.

    Raises:
        ValueError: the rule gives something else than a label.
    """
    found = []
    for case in cases:
        if (label := rule(case)) not in FINDINGS:
            raise ValueError(f"The rule of {dimension} says {label!r} of {case.item_id}: it gives a finding.")
        found.append(Finding(dimension, label, 1.0, {label: 1.0}, RULE))
    return found
