"""The prompts: one file a role, versioned by their digest."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template

from runtime.fingerprint import bytes_digest, digest

FOLDER = Path(__file__).with_name("prompts")
SEPARATOR = "\n---\n"


@cache
def load(name: str) -> tuple[str, Template]:
    """The two parts of a prompt file: what opens it, and a text with $placeholders.

    Of ``context`` and ``expert`` the opening is the system message. Planner and arbiter share the context's, so that
    their prompts begin alike and the second one finds the first one's prefix in the cache.
    """
    opening, text = (FOLDER / f"{name}.md").read_text().split(SEPARATOR)
    return opening.strip(), Template(text.strip())


def prompts_digest() -> str:
    """Digest of all prompt files: part of the release."""
    return digest([[file.name, bytes_digest(file.read_bytes())] for file in sorted(FOLDER.glob("*.md"))])
