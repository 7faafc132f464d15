"""Arbiter asked by rank: the pool's first tags with their evidence in, the most probable ones out (PAPER 1.4).

Experts see a field each; the arbiter alone sees what they would choose side by side. Pure functions, the same for
training and inference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model_steps.agents import prompt_files
from model_steps.agents.data_text import delimit, delimit_block
from representation.evidence import FIELDS, CategoryEvidence, line

# What stands where the evidence of a tag would.
NEVER = "never"


def messages(
    pool: Sequence[str], own: Mapping[str, CategoryEvidence], day: str, season: str, profile: str
) -> tuple[str, str]:
    """System and user message of one pool.

    The pool's order says nothing: what the user bought comes first, the most certain first, then the rest by name.

    Args:
        pool: tags. own: the user's evidence by label. day: the last day of the history.
        season: season and holidays as of the day's week, a line a kind.
        profile: the customer's attributes as one line, or nothing.
    """
    system, user = prompt_files.load("ranked_arbiter")
    bought = sorted((own[tag] for tag in pool if tag in own), key=lambda one: one.rank)
    shown = [*(line(one, day) for one in bought), *(f"{NEVER}: {tag}" for tag in sorted(pool) if tag not in own)]
    about = "\n".join(part for part in (delimit_block(season), delimit_block(profile)) if part)
    return system, user.substitute(about=about, fields=FIELDS, pool="\n".join(delimit(each) for each in shown))
