"""The prompts of all roles that a release may serve, agents' and captions', as digests."""

from __future__ import annotations

from model_steps.agents import prompt_files as of_agents
from model_steps.explaining import prompt_files as of_captions


def digest_of(role: str) -> str:
    """Digest of a role's prompts as they are here."""
    return of_captions.role_digest(role) if role in of_captions.FILES else of_agents.role_digest(role)
