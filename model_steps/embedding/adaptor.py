"""The entity adaptor: z = W2 ReLU(W1 h + b1) + b2, an entity's embedding as one position of a prompt (PAPER 1.2).

It speaks to one embedder and one language model, whose digests lie inside its file, and refuses all others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from model_steps.embedding.embedder import Vectors
from model_steps.embedding.tensor_file import ABOUT, about
from runtime.errors import ConfigurationError, DataError

Weights = npt.NDArray[np.float32]

FORMAT = "intentflow entity adaptor 1"


@dataclass(frozen=True)
class Adaptor:
    """The projection and whom it was made for.

    Args:
        w1: d_hidden x d_emb.
        b1: d_hidden.
        w2: d_LLM x d_hidden.
        b2: d_LLM.
        embedder: name and digest of the embedder.
        model: digest of the language model.
    """

    w1: Weights
    b1: Weights
    w2: Weights
    b2: Weights
    embedder: str
    model: str

    def __call__(self, h: Vectors) -> Vectors:
        """One row of d_LLM for each row of d_emb."""
        z = np.maximum(h @ self.w1.T + self.b1, 0) @ self.w2.T + self.b2
        return np.asarray(z, np.float32)

    @property
    def tensors(self) -> dict[str, Weights]:
        return {"w1": self.w1, "b1": self.b1, "w2": self.w2, "b2": self.b2}

    def save(self) -> bytes:
        """The adaptor as a safetensors file in half precision."""
        half = {name: tensor.astype(np.float16) for name, tensor in self.tensors.items()}
        head = {"format": FORMAT, "embedder": self.embedder, "model": self.model}
        return bytes(save_tensors(half, {ABOUT: json.dumps(head, sort_keys=True)}))

    def halved(self) -> Adaptor:
        """As it will be read again: rounded to half precision."""
        rounded = {name: tensor.astype(np.float16).astype(np.float32) for name, tensor in self.tensors.items()}
        return Adaptor(**rounded, embedder=self.embedder, model=self.model)


def load(content: bytes, embedder: str, model: str, widths: tuple[int, int], where: str) -> Adaptor:
    """Read an adaptor's file for an embedder and a language model.

    Args:
        content: of the file.
        embedder: name and digest of the embedder.
        model: digest of the language model.
        widths: d_emb and d_LLM.
        where: the file's name, for the sentence.

    Raises:
        DataError: it is no adaptor, has wrong shapes or numbers that are none, or speaks to others.
    """
    try:
        tensors = load_tensors(content)
        head = about(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where} is no safetensors file ({error}): restore it, or train the adaptor again.") from None
    if head.get("format") != FORMAT or tensors.keys() != {"w1", "b1", "w2", "b2"}:
        raise DataError(f"{where} is no entity adaptor of the format {FORMAT!r}: train one.")
    for part, used, given in (
        ("embedder", embedder, head.get("embedder")),
        ("language model", model, head.get("model")),
    ):
        if used != given:
            raise DataError(
                f"{where} speaks for the {part} {str(given)[:40]}, and this run uses {used[:40]}: set that {part}, or "
                "train an adaptor for this one with `python -m model_steps.train_adaptor`."
            )
    with np.errstate(over="ignore"):
        full = {name: np.ascontiguousarray(tensor.astype(np.float32)) for name, tensor in tensors.items()}
    hidden = full["b1"].shape[0] if full["b1"].ndim == 1 else 0
    wanted = {"w1": (hidden, widths[0]), "b1": (hidden,), "w2": (widths[1], hidden), "b2": (widths[1],)}
    for name, shape in wanted.items():
        if not hidden or full[name].shape != shape:
            raise DataError(
                f"{where}: {name} has the shape {full[name].shape}, wanted is {shape}, from embeddings of "
                f"{widths[0]} to a model of {widths[1]}: train the adaptor again."
            )
        if not np.isfinite(full[name]).all():
            raise DataError(f"{where}: {name} holds numbers that are not finite: train the adaptor again.")
    return Adaptor(**full, embedder=embedder, model=model)


def model_width(folder: Path) -> int:
    """d_LLM: how wide a position of the language model's prompt is.

    Raises:
        ConfigurationError: the folder's configuration does not say so.
    """
    try:
        config = json.loads((folder / "config.json").read_text())
        width = int(config.get("text_config", config)["hidden_size"])
        if width < 1:
            raise ValueError
        return width
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{folder / 'config.json'} names no hidden_size: set INTENTFLOW_ENGINE__MODEL to a model's folder."
        ) from None
