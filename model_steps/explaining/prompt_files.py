"""The prompts of explanations: text files beside the code that renders them, versioned by one digest a role.

They lie apart from those of planner, experts and arbiter: a file beside these would be part of what their inference is
named by, and a new word for captions would make every day's intents due.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

from runtime.fingerprint import bytes_digest, digest

FOLDER = Path(__file__).with_name("prompts")
SEPARATOR = "\n---\n"
# Who writes the style (f_meta), the caption in it (f_exp), and V1's caption.
STYLIST, EXPLAINER, RIVAL = "stylist", "explainer", "explainer_v1"
FILES: Mapping[str, tuple[str, ...]] = {
    STYLIST: ("stylist",),
    EXPLAINER: ("caption", "explainer"),
    RIVAL: ("caption", "explainer_v1"),
}


@cache
def load(name: str) -> tuple[str, Template]:
    """The two parts of a prompt file: what opens it, and a text with $placeholders."""
    opening, text = (FOLDER / f"{name}.md").read_text().split(SEPARATOR)
    return opening.strip(), Template(text.strip())


def role_digest(role: str) -> str:
    """Digest of the prompt files that a role renders."""
    return digest([[name, bytes_digest((FOLDER / f"{name}.md").read_bytes())] for name in FILES[role]])


def role_digests() -> dict[str, str]:
    """``role_digest`` of every role."""
    return {role: role_digest(role) for role in FILES}
