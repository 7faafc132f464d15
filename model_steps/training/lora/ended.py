"""What is the same at the end of every training of an adapter: what did not change, what is kept, what is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lake.registry.releases import file_digest
from model_steps.engine.adapters import WEIGHTS
from model_steps.training.frozen_model import weights_digest

# Steps over which a record's losses are averaged.
WINDOW = 100


def base_digest(peft: Any) -> str:
    """Of all weights that are not the adapter's."""
    return weights_digest({name: tensor for name, tensor in peft.state_dict().items() if "lora_" not in name})


def save_adapter(peft: Any, folder: Path) -> str:
    """Write the adapter as peft does, without the base model's place; returns the weights' digest."""
    peft.peft_config["default"].base_model_name_or_path = ""
    peft.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)
    return file_digest((folder / WEIGHTS).read_bytes())


def averages(history: Sequence[Mapping[str, float]], parts: Sequence[str]) -> list[dict[str, float]]:
    """Mean loss over each so many steps."""
    found = []
    for start in range(0, len(history), WINDOW):
        some = history[start : start + WINDOW]
        means = {
            name: round(sum(row[name] for row in some if name in row) / sum(name in row for row in some), 4)
            for name in parts
            if any(name in row for row in some)
        }
        found.append({"until_step": start + len(some), **means})
    return found
