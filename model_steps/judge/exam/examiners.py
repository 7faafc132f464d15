"""The judges that are held against each other: agent and one-shot, tuned and as they come, and what needs no model.

All judge the same cases. What is untuned asks the same engine the same prompts under a role that no adapter has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from model_steps.judge import evaluators, judging, one_shot, prompt_files
from model_steps.judge.case import KIND, Case
from model_steps.judge.evaluators import Asking, Finding, Rule
from model_steps.judge.judging import Guard
from model_steps.judge.reviewer import Verdict, review
from schemas.judge_labels import DIMENSIONS
from schemas.verdicts import RULE

if TYPE_CHECKING:
    from model_steps.agents.hmas import Ask

AGENT, AGENT_BASE, ONE_SHOT, ONE_SHOT_BASE = "agent_tuned", "agent_base", "one_shot_tuned", "one_shot_base"
MODELS = (AGENT, AGENT_BASE, ONE_SHOT, ONE_SHOT_BASE)
LOOKUP, REGRESSION = "lookup_baseline", "regression_baseline"
# No adapter goes by such a role's name.
UNTUNED = "untuned "
ROLES = {
    AGENT: prompt_files.ROLE,
    AGENT_BASE: f"{UNTUNED}{prompt_files.ROLE}",
    ONE_SHOT: prompt_files.ONE_SHOT,
    ONE_SHOT_BASE: f"{UNTUNED}{prompt_files.ONE_SHOT}",
}


@dataclass(frozen=True)
class Examiners:
    """With what the judges judge.

    Args:
        ask: answers requests; of untuned roles with the language model as it is.
        asking: by day, what prompts are made with.
        rules: by dimension, all four. Those that the settings name are computed by the agents, too.
        guard: of the agents; none: nothing is flagged.
        chances: by item, the chance by counting that it is bought; none of a judge without counting.
    """

    ask: Ask
    asking: Mapping[str, Asking]
    rules: Mapping[str, Rule]
    guard: Guard | None
    chances: Mapping[str, float] | None = None

    def model(self, name: str, cases: Sequence[Case], seed: int | None = None) -> list[Verdict]:
        """What one of ``MODELS`` says of cases, in their order.

        Args:
            seed: for asking once more, in another order.

        Raises:
            As ``judging.judge``.
        """
        ask = untuned(self.ask) if name in (AGENT_BASE, ONE_SHOT_BASE) else self.ask
        found: dict[int, Verdict] = {}
        days: dict[str, list[int]] = {}
        for place, case in enumerate(cases):
            days.setdefault(case.customer.day, []).append(place)
        for day, places in days.items():
            own = [cases[place] for place in places]
            asking = self.asking[day]
            if name in (AGENT, AGENT_BASE):
                said = judging.judge(own, ask, asking, self.rules, self.guard, seed)
            else:
                said = one_shot.read_verdicts(own, ask(one_shot.requests(own, asking, seed)))
            found |= dict(zip(places, said, strict=True))
        return [found[place] for place in range(len(cases))]

    def lookup(self, cases: Sequence[Case]) -> list[Verdict]:
        """What the four rules say of cases."""
        found = evaluators.computed("relevance", self.rules["relevance"], cases)
        return [self._computed(case, relevance) for case, relevance in zip(cases, found, strict=True)]

    def regression(self, cases: Sequence[Case]) -> list[Verdict] | None:
        """What counting says of relevance, at its most probable label, and the rules of all else."""
        if self.chances is None:
            return None
        return [self._computed(case, counted(self.chances[case.item_id])) for case in cases]

    def _computed(self, case: Case, relevance: Finding) -> Verdict:
        others = [name for name in DIMENSIONS[KIND] if name != relevance.dimension]
        findings = [relevance, *(evaluators.computed(name, self.rules[name], [case])[0] for name in others)]
        return review(case.item_id, findings, self.asking[case.customer.day].settings.threshold)


def counted(chance: float) -> Finding:
    """Relevance by the chance that a tag is bought; of two equally probable labels the worse one."""
    label, confidence = ("positive", chance) if chance > 0.5 else ("negative", 1 - chance)
    return Finding("relevance", label, confidence, {"positive": chance, "negative": 1 - chance}, RULE)


def untuned(ask: Ask) -> Ask:
    """Asks the language model as it is, whatever the role."""
    return lambda requests: ask([replace(one, role=f"{UNTUNED}{one.role}") for one in requests])
