"""Answers that releases share: of roles that a release has no adapter for, what answers is the language model itself.

Releases that differ in their experts alone ask the planner the same and are answered the same. So its answers are kept
under what made them, and a new release on an old lake costs its experts.
"""

from __future__ import annotations

from dataclasses import dataclass

from model_steps.engine.asking import Request
from runtime.fingerprint import digest

NAME_DIGITS = 12


@dataclass(frozen=True)
class Untuned:
    """What makes the answers of roles without an adapter.

    Args:
        tuned: roles with one, whose answers are the release's own.
        model: digest of the language model.
        adaptor: digest of what slots' vectors are made with, embedder and entity adaptor; none where prompts are text.
    """

    tuned: frozenset[str]
    model: str
    adaptor: str | None

    @property
    def names(self) -> tuple[str, str]:
        """Names of all that may have answered: prompts without slots, prompts with slots."""
        return _name(self.model, None), _name(self.model, self.adaptor)

    def maker(self, request: Request, release: str) -> str:
        """What answers a request: the release, or a name that all releases with these parts share.

        Args:
            release: name of the release that is asked.
        """
        if request.role in self.tuned:
            return release
        return _name(self.model, self.adaptor if request.entities else None)


def _name(model: str, adaptor: str | None) -> str:
    return f"untuned-{digest([model, adaptor])[:NAME_DIGITS]}"
