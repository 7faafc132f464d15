"""A model folder's digest: all that decides about an answer, and nothing that only says who wrote the folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from runtime.errors import ConfigurationError
from runtime.fingerprint import digest

# What decides about an answer: the weights, and whatever rendering a prompt, reading it and ending an answer read.
_FILES = (
    "*.safetensors",
    "tokenizer.json",
    "tokenizer.model",
    "tekken.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
)
# Of these the content counts, not the form, and not who wrote them with what from where.
_CONFIGURATIONS = (
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_PROVENANCE = frozenset(
    {
        "_commit_hash",
        "_from_model_config",
        "_name_or_path",
        "backend",
        "is_local",
        "local_files_only",
        "name_or_path",
        "transformers_version",
    }
)


def model_digest(folder: Path) -> str:
    """Digest of a model folder: its weights, architecture, tokenizer, special tokens and chat templates.

    Args:
        folder: of the model.

    Raises:
        ConfigurationError: there is no model, or one of its configurations cannot be read.
    """
    files = sorted(path for pattern in _FILES for path in folder.glob(pattern))
    if not any(path.suffix == ".safetensors" for path in files):
        raise ConfigurationError(
            f"There is no model in {folder}: run `python -m model_steps.weights`, or set INTENTFLOW_ENGINE__MODEL."
        )
    parts = []
    for path in files:
        with path.open("rb") as file:
            parts.append([str(path.relative_to(folder)), hashlib.file_digest(file, "sha256").hexdigest()])
    for path in (folder / name for name in _CONFIGURATIONS):
        if path.is_file():
            parts.append([path.name, _configuration_digest(path)])
    return digest(parts)


def _configuration_digest(path: Path) -> str:
    try:
        content = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}): get the folder again, or set INTENTFLOW_ENGINE__MODEL to another."
        ) from None
    return digest({name: value for name, value in content.items() if name not in _PROVENANCE})
