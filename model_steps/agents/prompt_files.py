"""The prompts: text files that the agents' roles render, versioned by one digest a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template

from runtime.fingerprint import bytes_digest, digest

FOLDER = Path(__file__).with_name("prompts")
SEPARATOR = "\n---\n"

# The files that each role renders, of both ways of asking. Planner and arbiter that write share the context's, so that
# their prompts begin alike and the second one finds the first one's prefix in the cache.
WRITTEN: Mapping[str, tuple[str, ...]] = {
    "planner": ("context", "planner"),
    "expert": ("expert",),
    "arbiter": ("context", "arbiter"),
}
RANKED: Mapping[str, tuple[str, ...]] = {
    "planner": ("ranked_planner",),
    "expert": ("ranked_expert",),
    "arbiter": ("ranked_arbiter",),
}
FILES: Mapping[str, tuple[str, ...]] = {role: (*files, *RANKED[role]) for role, files in WRITTEN.items()}


@cache
def load(name: str) -> tuple[str, Template]:
    """The two parts of a prompt file: what opens it, and a text with $placeholders.

    Of ``context``, ``expert``, ``ranked_expert`` and ``ranked_arbiter`` the opening is the system message.
    """
    opening, text = (FOLDER / f"{name}.md").read_text().split(SEPARATOR)
    return opening.strip(), Template(text.strip())


def files_digest(names: Sequence[str]) -> str:
    """Digest of some prompt files."""
    return digest([[name, bytes_digest((FOLDER / f"{name}.md").read_bytes())] for name in names])


def role_digest(role: str) -> str:
    """Digest of the prompt files that a role renders; a change of another role's prompt leaves it."""
    return files_digest(FILES[role])


def role_digests() -> dict[str, str]:
    """``role_digest`` of every role: what a release is made with."""
    return {role: role_digest(role) for role in FILES}
