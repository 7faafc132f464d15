"""The release that answers are made with. For now it is the untuned model with the prompts as they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from commands.errors import ConfigurationError
from lake.fingerprint import digest
from lake.releases import Release
from model_steps.agents.prompt_files import prompts_digest

_PARTS = (".safetensors", ".json", ".jinja", ".model")


def model_digest(folder: Path) -> str:
    """Digest of a model folder's weights, configuration, tokenizer and chat template.

    Raises:
        ConfigurationError: there is no model.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix in _PARTS)
    if not any(file.suffix == ".safetensors" for file in files):
        raise ConfigurationError(
            f"There is no model in {folder}: run `python -m model_steps.weights`, or set INTENTFLOW_ENGINE__MODEL."
        )
    found = []
    for path in files:
        with path.open("rb") as file:
            found.append([path.name, hashlib.file_digest(file, "sha256").hexdigest()])
    return digest(found)


def current(model: Path, embedder: str) -> Release:
    """The release of a model folder."""
    return Release(model=model_digest(model), prompts=prompts_digest(), embedder=embedder)
