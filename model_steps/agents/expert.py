"""Distributed Experts: T_k = f_expert(p_k), persona in, tags out (PAPER 1.4, 7.2). Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from model_steps.agents import prompt_files
from model_steps.agents.grammar import one_of, repeated
from model_steps.agents.planner import Persona, Unusable

ROLE = "expert"
TOKENS_PER_TAG = 14
_TAG = re.compile(r"[a-z]+( [a-z]+){1,4}")


def messages(persona: Persona, profile: str, tags: int, existing: Sequence[str] = ()) -> tuple[str, str]:
    """System and user message. The persona and its evidence, never the history.

    What all experts share comes first, then the customer's profile, so that the cache holds most of a prompt.

    Args:
        existing: tags that other calls already wrote; the expert is asked for others.
    """
    system, user = prompt_files.load(ROLE)
    known = f" Not these, which are known already: {', '.join(existing)}." if existing else ""
    evidence = "\n".join(fact.line for fact in persona.evidence)
    asked = user.substitute(
        name=persona.name, need=persona.need, profile=profile, evidence=evidence, tags=tags, existing=known
    )
    return system, asked


def grammar(words: Sequence[str], tags: int) -> str:
    """JSON list of exactly ``tags`` strings: one or two modifiers and a core word, lower-case letters only.

    Args:
        words: what tags are made of; none: any letters.
    """
    word = one_of(words) if words else "[a-z] [a-z]{1,13}"
    return "\n".join(
        [
            f'root ::= "[" {repeated("tag", ", ", tags)} "]"',
            'tag ::= "\\"" word " " (word " ")? word "\\""',
            f"word ::= {word}",
            "",
        ]
    )


def parse(text: str) -> list[str]:
    """The usable tags of an answer, normalized, each once, in the order they were written.

    Raises:
        Unusable: not a JSON list of strings, or without a single usable tag.
    """
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, list):
        raise Unusable("an expert's answer is not the JSON that was asked for")
    tags = [tag for tag in dict.fromkeys(normalize(str(entry)) for entry in said) if _TAG.fullmatch(tag)]
    if not tags:
        raise Unusable("an expert wrote no usable tag")
    return tags


def normalize(tag: str) -> str:
    """Lower case, single spaces, no word twice."""
    return " ".join(dict.fromkeys(tag.lower().split()))
