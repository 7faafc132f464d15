"""Global Planner: {p_1..p_K} = f_planner(C), K complementary personas with evidence (PAPER 1.4). Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from model_steps.agents import prompt_files
from model_steps.agents.data_text import delimit
from model_steps.agents.evidence import CategoryFacts, disjoint
from model_steps.agents.grammar import literal, one_of

ROLE = "planner"
# A cap: what the grammar allows ends by itself, and an answer that is cut is lost.
TOKENS_PER_PERSONA = 200
OPENING, MIDDLE, BEFORE_NEED, CLOSING = '{"evidence": [', '], "name": "', ' expert", "need": "', '"}'


class Unusable(ValueError):
    """An answer that cannot be used; the message says why."""


@dataclass(frozen=True)
class Persona:
    """A role complementary to the others, with what it rests on."""

    name: str
    need: str
    evidence: tuple[CategoryFacts, ...]


def task(personas: int, evidence: int) -> str:
    """What comes after the context in the planner's prompt."""
    opening, question = prompt_files.load(ROLE)
    return f"{opening}\n{question.substitute(personas=personas, evidence=evidence)}"


@dataclass(frozen=True)
class Offer:
    """What a persona may be made of: its group of categories, and the words for its name and need.

    Without words any letters are allowed.
    """

    facts: tuple[CategoryFacts, ...]
    words: tuple[str, ...]


def grammar(offers: Sequence[Offer], evidence: int) -> str:
    """JSON list of one persona an offer: evidence first, so that name and need follow from it."""
    lines = [f"root ::= {literal('[')} {_joined([f'persona{n}' for n in range(len(offers))])} {literal(']')}"]
    for number, offer in enumerate(offers):
        labels = [json.dumps(fact.label) for fact in offer.facts]
        lines += [
            f"persona{number} ::= {literal(OPENING)} {pick_name(number, 0, min(evidence, len(labels)))} "
            f"{literal(MIDDLE)} name{number} {literal(BEFORE_NEED)} need{number} {literal(CLOSING)}",
            *_picks(number, labels, min(evidence, len(labels))),
            *_sentences(number, offer),
        ]
    return "\n".join([*lines, ""])


def _joined(rules: Sequence[str]) -> str:
    return f" {literal(', ')} ".join(rules)


def pick_name(persona: int, first: int, left: int) -> str:
    return f"pick{persona}x{first}x{left}"


def _picks(persona: int, labels: Sequence[str], wanted: int) -> list[str]:
    """Rules that choose ``wanted`` of the labels, each once, in their order: take the first and go on, or skip it."""
    rules = []
    for left in range(1, wanted + 1):
        for first in range(len(labels) - left + 1):
            rest = f" {literal(', ')} {pick_name(persona, first + 1, left - 1)}" if left > 1 else ""
            take = f"{literal(labels[first])}{rest}"
            skip = f" | {pick_name(persona, first + 1, left)}" if first < len(labels) - left else ""
            rules.append(f"{pick_name(persona, first, left)} ::= {take}{skip}")
    return rules


def _sentences(number: int, offer: Offer) -> list[str]:
    """Rules of a persona's name and need."""
    if not offer.words:
        return [
            f'name{number} ::= [a-z] [a-z]{{2,13}} (" " [a-z] [a-z]{{2,13}})?',
            f'need{number} ::= [A-Z] [a-zA-Z0-9 ,\'-]{{20,160}} "."',
        ]
    return [
        f"word{number} ::= {one_of(offer.words)}",
        f'name{number} ::= word{number} (" " word{number})?',
        f"need{number} ::= {literal('Likely to need ')} thing{number} ({literal(' and ')} thing{number})? "
        f'{literal(" because ")} reason{number} "."',
        f'thing{number} ::= word{number} (" " word{number})?',
        f"reason{number} ::= {one_of(reasons(offer.facts))}",
    ]


def reasons(facts: Sequence[CategoryFacts]) -> list[str]:
    """Reasons that the facts allow: a model that cannot be trusted with a free sentence chooses among true ones."""
    often = [f"{fact.label} is bought again and again" for fact in facts if fact.count > 1]
    return [*often, *(f"it goes with {fact.label}" for fact in facts)]


def without_repeats(text: str) -> str:
    """``water and water`` and ``fresh fresh milk`` say a thing twice."""
    once = re.sub(r"\b(\w+)(?: \1\b)+", r"\1", text)
    return re.sub(r"\b([a-z]+(?: [a-z]+)?) and \1\b", r"\1", once)


def parse(text: str, facts: Sequence[CategoryFacts], personas: int) -> tuple[list[Persona], int]:
    """Personas with distinct names and disjoint evidence, and how many had to be completed.

    Raises:
        Unusable: not the JSON that was asked for.
    """
    try:
        said = json.loads(text)
        parts = [(str(p["name"]), str(p["need"]), [str(label) for label in p["evidence"]]) for p in said]
    except (ValueError, KeyError, TypeError):
        raise Unusable("the planner's answer is not the JSON that was asked for") from None
    if len(parts) != personas:
        raise Unusable(f"the planner named {len(parts)} personas instead of {personas}")
    by_label = {fact.label: fact for fact in facts}
    evidence, completed = disjoint([labels for _, _, labels in parts], list(by_label))
    found: list[Persona] = []
    names: set[str] = set()
    for (name, need, _), labels in zip(parts, evidence, strict=True):
        own = without_repeats(delimit(name, 60).removesuffix(" expert"))
        if own in names and labels:
            # Complementary roles: the second of a name is named after what sets it apart.
            own = labels[0]
        number = 2
        unique = own
        while unique in names:
            unique, number = f"{own} {number}", number + 1
        names.add(unique)
        found.append(
            Persona(f"{unique} expert", without_repeats(delimit(need, 200)), tuple(by_label[label] for label in labels))
        )
    return found, completed
