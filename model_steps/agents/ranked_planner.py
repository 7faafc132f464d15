"""Planner asked by rank: which expert a group of evidence belongs to, and why, among true answers (PAPER 1.4).

The groups are parted by code, the same for training and for serving, so the planner names them: it chooses among the
levels above a group's categories and among reasons that its evidence holds. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_steps.agents import prompt_files
from model_steps.agents.data_text import delimit
from representation.evidence import CategoryEvidence, reason

# Categories that the task names, and reasons that may be chosen: the most certain ones.
KINDS = 5
REASONS = 3


@dataclass(frozen=True)
class Naming:
    """What a persona may be called.

    Args:
        field: of products, the expert's. need: what the customer is likely to need, and why.
    """

    field: str
    need: str


def task(evidence: Sequence[CategoryEvidence]) -> str:
    """What comes after the context in the planner's prompt.

    Args:
        evidence: of the persona, the most certain first.
    """
    opening, question = prompt_files.load("ranked_planner")
    kinds = "; ".join(delimit(one.label) for one in evidence[:KINDS])
    return f"{opening}\n{question.substitute(kinds=kinds)}"


def namings(fields: Mapping[str, Sequence[CategoryEvidence]], day: str) -> dict[str, Naming]:
    """The answers that a planner may give, and what each says.

    Args:
        fields: candidates, most frequent first, each with the persona's evidence below it, the most certain first. What
            lies beside a field is no reason to need it.
        day: the last day of the history.
    """
    found: dict[str, Naming] = {}
    for name, evidence in fields.items():
        field = delimit(name, 60)
        for why in dict.fromkeys(delimit(reason(one, day)) for one in evidence[:REASONS]):
            found.setdefault(f"{field}, because {why}", Naming(field, f"Likely to need {field} because {why}."))
    return found


def choose(
    ranking: Sequence[str], known: Mapping[str, Naming], evidence: Sequence[CategoryEvidence], taken: set[str]
) -> Naming:
    """The most probable naming whose field no other persona of the user has.

    Where all are taken, the persona is called after what sets it apart: its most certain category, or a number.

    Args:
        ranking: answers, the most probable first. known: what each says. taken: fields of the user's other personas.
    """
    best = known[ranking[0]]
    for answer in ranking:
        if known[answer].field not in taken:
            return known[answer]
    labels = (delimit(one.label, 60) for one in evidence)
    numbered = (f"{best.field} {number}" for number in range(2, len(taken) + 3))
    field = next(name for name in (*labels, *numbered) if name not in taken)
    return Naming(field, best.need)
