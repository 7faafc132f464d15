"""Decision Arbiter: T_final = f_arbiter(T_all, C), a joint review of the whole pool (PAPER 1.4). Pure functions."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from model_steps.agents import prompt_files
from model_steps.agents.planner import Unusable

ROLE = "arbiter"
LETTERS = string.ascii_uppercase + string.ascii_lowercase
TOKENS_PER_LETTER = 3


def task(pool: Sequence[str], tags: int) -> str:
    """What comes after the context in the arbiter's prompt: the pool under letters, and the criteria."""
    opening, question = prompt_files.load(ROLE)
    lines = "\n".join(f"{letter}. {tag}" for letter, tag in zip(LETTERS, pool, strict=False))
    return f"{opening}\n{question.substitute(pool=lines, tags=tags)}"


def regex(pool: int, tags: int) -> str:
    """``tags`` letters of those in use, separated by commas."""
    letter = f"[{LETTERS[:pool]}]"
    return f"{letter}(,{letter}){{{tags - 1}}}" if tags > 1 else letter


def parse(text: str, pool: int) -> list[int]:
    """Numbers of the chosen tags, from 0, in the order of choice, each once.

    Raises:
        Unusable: no letter of the pool.
    """
    chosen = [LETTERS.index(letter) for letter in re.findall(r"[A-Za-z]", text)]
    found = list(dict.fromkeys(number for number in chosen if number < pool))
    if not found:
        raise Unusable("the arbiter chose nothing")
    return found
