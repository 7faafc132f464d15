"""Known prompts: what a release is asked before its gate, to see that each of its roles answers. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from model_steps.agents import ranked_expert
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.engine.options import Options, Tokenizes
from representation.evidence import CategoryEvidence

# Categories that an answer is chosen from, and how many are wanted.
CHOICE, WANTED = 40, 10
# Lines of evidence, of which the first was bought most often.
EVIDENCE = 4
DAY = "2017-01-01"
TOKENS = 200


def known_prompts(
    labels: Sequence[str],
    roles: Sequence[str],
    number: int,
    render: Callable[[str, str], str],
    count: Callable[[str], int],
    tokenizes: Tokenizes,
) -> list[Request]:
    """Requests of each role: a persona who bought some of the catalog's categories, and what comes next.

    Args:
        labels: categories as prompts show them. roles: those that the release serves. number: of prompts a role.
        render: a system and a user message as a prompt. count: tokens of a text. tokenizes: tokens of an answer.
    """
    ordered = sorted(set(labels))
    step = max(1, len(ordered) // CHOICE)
    chosen = ordered[::step][:CHOICE]
    options = ranked_expert.tag_space(chosen, tokenizes)
    requests = []
    for turn in range(number):
        bought = [chosen[(turn * EVIDENCE + line) % len(chosen)] for line in range(min(EVIDENCE, len(chosen)))]
        lines = [
            CategoryEvidence(
                label, label, days=2 * (EVIDENCE - line) + 1, last_day=DAY, usual_interval=7, rank=line + 1
            )
            for line, label in enumerate(bought)
        ]
        prompt = render(*ranked_expert.messages("household", lines, DAY, "", "", count, TOKENS))
        requests += [Request.ranked(f"known {turn}", role, prompt, options, WANTED) for role in roles]
    return requests


def is_whole(answer: Answer, options: Options) -> bool:
    """Whether an answer has as many options as were wanted, each once and with a probability."""
    try:
        found = ranking.read(answer.text)
    except (ValueError, TypeError):
        return False
    names = [name for name, _ in found]
    return (
        len(found) == min(WANTED, len(options.texts))
        and len(set(names)) == len(names)
        and set(names) <= set(options.texts)
        and all(math.isfinite(worth) and worth <= 0 for _, worth in found)
    )
