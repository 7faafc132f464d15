"""A release: what answers are made with, named by its content."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lake.fingerprint import digest

NAME_DIGITS = 12


@dataclass(frozen=True)
class Release:
    """An immutable model release.

    Args:
        model: digest of the language model's weights. prompts: digest of the prompt files.
        embedder: name and digest of the embedder.
    """

    model: str
    prompts: str
    embedder: str

    @property
    def name(self) -> str:
        """``base-<digest>``: the untuned model with these prompts and this embedder."""
        return f"base-{digest(asdict(self))[:NAME_DIGITS]}"
