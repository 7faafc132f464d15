"""Decision Arbiter: T_final = f_arbiter(T_all, C), a joint review of the whole pool (PAPER 1.4). Pure functions.

It writes the tags it chooses. Letters in their place would be shorter, but a small model then takes the first letters
whatever stands beside them: with the pool shuffled it chose the same letters.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from model_steps.agents import prompt_files
from model_steps.agents.grammar import one_of, repeated
from model_steps.agents.planner import Unusable

ROLE = "arbiter"
TOKENS_PER_TAG = 14
# What is reviewed together; settings refuse more personas times tags.
MAXIMUM_POOL = 52


def task(pool: Sequence[str], tags: int) -> str:
    """What comes after the context in the arbiter's prompt: the pool, and the criteria."""
    opening, question = prompt_files.load(ROLE)
    lines = "\n".join(f"- {tag}" for tag in pool)
    return f"{opening}\n{question.substitute(pool=lines, tags=tags)}"


def grammar(pool: Sequence[str], tags: int) -> str:
    """JSON list of exactly ``tags`` tags of the pool."""
    return "\n".join(
        [
            f'root ::= "[" {repeated("tag", ", ", tags)} "]"',
            f"tag ::= {one_of(json.dumps(tag) for tag in pool)}",
            "",
        ]
    )


def parse(text: str, pool: Sequence[str]) -> list[int]:
    """Numbers of the chosen tags, from 0, in the order of choice, each once.

    Raises:
        Unusable: not a JSON list with a tag of the pool.
    """
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    number = {tag: row for row, tag in enumerate(pool)}
    chosen = said if isinstance(said, list) else []
    found = list(dict.fromkeys(number[tag] for tag in chosen if isinstance(tag, str) and tag in number))
    if not found:
        raise Unusable("the arbiter chose nothing")
    return found
