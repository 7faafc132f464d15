"""A sentence why beside a finding, where one is asked for. It is the language model's own and decides nothing.

The form is held by a grammar and the length is capped, so an answer is always a short line of plain signs. Whether it
is true is not examined.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from model_steps.engine.asking import Answer, Request, Sampling
from model_steps.judge import prompt_files
from model_steps.judge.case import Case
from model_steps.judge.evaluators import Asking, Finding
from model_steps.judge.shown import Showing

LONGEST = 120
# A cap: the grammar ends by itself.
TOKENS = 64
# A capital, then plain signs: what a sentence needs, and nothing that a prompt or a page could take for structure.
GRAMMAR = f"""root ::= "{{\\"reason\\": \\"" sentence "\\"}}"
sentence ::= [A-Z] [a-zA-Z0-9 ,'&%-]{{9,{LONGEST - 2}}} "."
"""


def requests(asked: Sequence[tuple[Case, Finding]], asking: Asking, showing: Showing | None = None) -> list[Request]:
    """One question a finding, in their order."""
    showing = showing or asking.showing()
    return [
        Request.seeded(
            case.customer.user_id,
            prompt_files.REASON,
            asking.prompt(
                showing.message(
                    finding.dimension,
                    case,
                    prompt_files.reason().substitute(
                        question=asking.question(finding.dimension, case), label=finding.label
                    ),
                )
            ),
            Sampling(maximum_tokens=TOKENS, grammar=GRAMMAR),
        )
        for case, finding in asked
    ]


def read_reason(answer: Answer) -> str | None:
    """The sentence of an answer; none where it was cut or is no such object, for a finding stands without one."""
    try:
        said = json.loads(answer.text)
    except ValueError:
        return None
    reason = said.get("reason") if isinstance(said, dict) else None
    return reason[:LONGEST] if isinstance(reason, str) else None
