"""What the language model is asked of a caption: one closed question a dimension, answered yes or no (PAPER 2.3).

Each sub-evaluator sees the caption and what it needs. The answer is the log-odds of yes, which a regression
weighs. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from model_steps.agents.data_text import delimit
from model_steps.caption_judge import prompt_files
from model_steps.caption_judge.case import CaptionCase
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.engine.options import Options, Tokenizes
from runtime.errors import InfrastructureError

YES, NO = "yes", "no"
ANSWERS = (YES, NO)
SHOWN_INTERESTS = 6
MOST_CAPTION = 240


@dataclass(frozen=True)
class Questions:
    """Renders questions for a model.

    Args:
        render: a system and a user message as the model's prompt (``Chat.render``).
        tokenizes: tokens of a whole answer.
    """

    render: Callable[[str, str], str]
    tokenizes: Tokenizes

    @cached_property
    def answers(self) -> Options:
        return Options(ANSWERS, self.tokenizes)

    def prompt(self, case: CaptionCase, dimension: str) -> str:
        """The rendered question of a dimension."""
        shown, asked = prompt_files.question(dimension)
        interests = [delimit(one, 60) for one in case.reader.interests[:SHOWN_INTERESTS]]
        context = shown.safe_substitute(
            interests=", ".join(interests) or "nothing yet",
            item=delimit(case.item.what or case.item.category, 80),
            facts="\n".join(f"{name}: {value}" for name, value in case.item.facts),
            signals=case.surroundings.lines,
            caption=delimit(case.caption, MOST_CAPTION),
        )
        return self.render(prompt_files.instruction(), f"{context}\n{asked}")

    def request(self, case: CaptionCase, dimension: str) -> Request:
        prompt = self.prompt(case, dimension)
        return Request.ranked(case.reader.name, prompt_files.ROLE, prompt, self.answers, len(ANSWERS))


def log_odds(answers: Sequence[Answer]) -> list[float]:
    """Log-odds of yes of each answer.

    Raises:
        InfrastructureError: one is an answer to something else.
    """
    found = []
    for answer in answers:
        said = dict(ranking.read(answer.text))
        if said.keys() != set(ANSWERS):
            raise InfrastructureError(
                f"A caption judge was asked for {YES} or {NO} and answered {answer.text[:80]!r}: remove the kept "
                "answer."
            )
        found.append(said[YES] - said[NO])
    return found
