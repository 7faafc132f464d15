"""Arbiter asked by rank: the pool's first tags with their evidence, the most probable first (PAPER 1.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model_steps.agents import prompt_files
from model_steps.agents.data_text import delimit
from representation.evidence import FIELDS, CategoryEvidence, line


def task(pool: Sequence[str], own: Mapping[str, CategoryEvidence], day: str) -> str:
    """What comes after the context in the arbiter's prompt.

    Args:
        pool: tags. own: the user's evidence by label. day: the last day of the history.
    """
    opening, question = prompt_files.load("ranked_arbiter")
    shown = "\n".join(f"- {delimit(line(own[tag], day) if tag in own else tag)}" for tag in pool)
    return f"{opening}\n{question.substitute(pool=shown, fields=FIELDS)}"
