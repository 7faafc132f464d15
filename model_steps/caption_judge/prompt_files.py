"""The prompts of the caption judge: a question a dimension, each with what it needs, versioned by one digest."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template

from model_steps.caption_judge.dimensions import DIMENSIONS
from runtime.fingerprint import bytes_digest, digest

FOLDER = Path(__file__).with_name("prompts")
SEPARATOR = "\n---\n"
ROLE = "caption_judge"
INSTRUCTION = "caption"


@cache
def instruction() -> str:
    """The system message."""
    return (FOLDER / f"{INSTRUCTION}.md").read_text().strip()


@cache
def question(dimension: str) -> tuple[Template, str]:
    """What is shown, with a $placeholder a fact, and what is asked."""
    shown, asked = (FOLDER / f"{dimension}.md").read_text().split(SEPARATOR)
    return Template(shown.strip()), asked.strip()


def role_digest() -> str:
    """Digest of the files that are rendered."""
    names = (INSTRUCTION, *DIMENSIONS)
    return digest([[name, bytes_digest((FOLDER / f"{name}.md").read_bytes())] for name in names])
