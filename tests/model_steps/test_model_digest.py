"""A model folder's digest: all that decides about an answer changes it, and who wrote the folder does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_steps.engine.model_digest import model_digest
from runtime.errors import ConfigurationError

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "config.json": {"model_type": "llama", "rope_theta": 10_000.0, "transformers_version": "5.19.0"},
    "generation_config.json": {"eos_token_id": 2, "transformers_version": "5.19.0"},
    "tokenizer_config.json": {"add_bos_token": True, "is_local": True, "chat_template": "{{ bos_token }}"},
    "special_tokens_map.json": {"bos_token": "<s>"},
    "added_tokens.json": {"<extra>": 7},
}
FILES = (
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "tokenizer.json",
    "chat_template.jinja",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONFIGURATIONS.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "additional_chat_templates").mkdir()
    for name in (*FILES, "additional_chat_templates/tool_use.jinja"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("name", [*FILES, "additional_chat_templates/tool_use.jinja"])
def test_every_file_that_is_read_counts(folder: Path, name: str) -> None:
    before = model_digest(folder)
    (folder / name).write_text("other")
    changed = model_digest(folder)
    (folder / name).unlink()
    assert len({before, changed, model_digest(folder)}) == 3


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "rope_theta", 500_000.0),
        ("generation_config.json", "eos_token_id", [2, 3]),
        ("tokenizer_config.json", "add_bos_token", False),
        ("tokenizer_config.json", "chat_template", "other"),
        ("special_tokens_map.json", "bos_token", "<bos>"),
        ("added_tokens.json", "<other>", 8),
    ],
)
def test_what_a_configuration_says_counts(folder: Path, name: str, key: str, value: object) -> None:
    before = model_digest(folder)
    (folder / name).write_text(json.dumps({**CONFIGURATIONS[name], key: value}))
    assert model_digest(folder) != before


def test_who_wrote_a_configuration_and_how_does_not_count(folder: Path) -> None:
    before = model_digest(folder)
    written = {"transformers_version": "6.0.0", "_name_or_path": "/elsewhere", "is_local": False}
    for name, content in CONFIGURATIONS.items():
        reordered = dict(reversed({**content, **written}.items()))
        (folder / name).write_text(json.dumps(reordered, indent=3))
    (folder / "README.md").write_text("A model.")
    assert model_digest(folder) == before


def test_a_folder_without_a_model_or_with_a_broken_file_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"config\.json cannot be read .*: get the folder again"):
        model_digest(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match=r"There is no model in .*empty: run `python -m model_steps\.weights`"):
        model_digest(tmp_path / "empty")
