"""What the reward model reads: f_RM(y, U, I, S), the output with its customer and the season (PAPER 2.4).

The customer comes first, whom all candidates of a group share, and the candidate last: so what a group shares is
computed once. Pure functions, the same for training and scoring.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from string import Template

from model_steps.agents.data_text import delimit, delimit_block
from model_steps.agents.prompt_files import SEPARATOR
from model_steps.agents.ranked_expert import profile_line
from model_steps.judge.case import Case
from representation.evidence import FIELDS, line, lines
from runtime.fingerprint import bytes_digest

FILE = Path(__file__).with_name("reward.md")
# Characters of a candidate's texts, at most: those that the table of intents has at most, or fewer.
MOST_OF_PRODUCT, MOST_OF_PERSONA, MOST_OF_WHY = 120, 60, 300
# What stands where a customer bought nothing.
NOTHING, NEVER, UNKNOWN = "nothing", "never", "a kind that the catalog does not name"


def messages(case: Case, count: Callable[[str], int], tokens: int) -> tuple[str, str]:
    """System and user message of one candidate.

    Args:
        case: the output with its customer.
        count: tokens of a text.
        tokens: that the evidence's lines may have together; the candidate's own category is shown beside them.
    """
    system, user = _load()
    customer = case.customer
    about = "\n".join(part for part in (customer.season, profile_line(customer.attributes)) if part)
    shown = "\n".join(lines(customer.evidence, customer.day, count, tokens))
    return system, user.substitute(
        about=delimit_block(about),
        fields=FIELDS,
        evidence=delimit_block(shown) or NOTHING,
        persona=delimit(case.persona, MOST_OF_PERSONA),
        why=delimit(case.why, MOST_OF_WHY),
        own=delimit(_own(case)),
        product=delimit(case.text, MOST_OF_PRODUCT),
    )


def prompt_digest() -> str:
    """Digest of the prompt's file: a reward model speaks of what it learnt to read."""
    return bytes_digest(FILE.read_bytes())


def _own(case: Case) -> str:
    """What the customer did in the candidate's category: it may be too rare for the lines above."""
    if case.category is None:
        return UNKNOWN
    found = (one for one in case.customer.evidence if one.category == case.category)
    return next((line(one, case.customer.day) for one in found), NEVER)


@cache
def _load() -> tuple[str, Template]:
    """System message, and a text with $placeholders."""
    system, user = FILE.read_text().split(SEPARATOR)
    return system.strip(), Template(user.strip())
