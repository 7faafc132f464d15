"""The judge's prompts: text files, a question a dimension, versioned by one digest a role.

All begin with ``case.md``, and those that show a customer with ``customer.md`` next: so a customer's prompts of all
dimensions share their beginning. The question stands before the output it is about: so a customer's prompts of one
dimension share it too, and an output costs little more than its own facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from runtime.fingerprint import bytes_digest, digest
from schemas.judge_labels import DIMENSIONS

FOLDER = Path(__file__).with_name("prompts")
SEPARATOR = "\n---\n"

# Who is asked. A judge is tuned to grade; reasons, which it was never taught, are the language model's own.
ROLE = "judge"
ONE_SHOT = "one_shot"
REASON = "judge_reason"

FILES: Mapping[str, tuple[str, ...]] = {
    ROLE: ("case", "customer", *DIMENSIONS["tag"]),
    ONE_SHOT: ("case", "customer", "one_shot"),
    REASON: ("case", "customer", *DIMENSIONS["tag"], "reason"),
}


@dataclass(frozen=True)
class Question:
    """What is asked of a case.

    Args:
        shown: the user's message, with a $placeholder a fact, and the $question among them.
        asked: the question; $days are those of outcomes.
        meanings: each answer with what it means, a line each, in the file's order.
    """

    shown: Template
    asked: Template
    meanings: tuple[str, ...]


@cache
def instruction() -> str:
    """The system message."""
    return _text("case").strip()


@cache
def customer() -> Template:
    """What prompts show of a customer's purchases, with $fields and $evidence."""
    return Template(_text("customer").strip())


@cache
def question(name: str) -> Question:
    """The question of a dimension, or of ``one_shot``."""
    shown, asked, meanings = (part.strip() for part in _text(name).split(SEPARATOR))
    return Question(Template(shown), Template(asked), tuple(meanings.splitlines()))


@cache
def reason() -> Template:
    """What is asked instead where a reason is wanted, with the $question and the $label that answered it."""
    return Template(_text("reason").strip())


def _text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text()


def role_digest(role: str) -> str:
    """Digest of the prompt files that a role renders: what a judge's release is made with."""
    return digest([[name, bytes_digest((FOLDER / f"{name}.md").read_bytes())] for name in FILES[role]])


def role_digests() -> dict[str, str]:
    """``role_digest`` of every role."""
    return {role: role_digest(role) for role in FILES}
