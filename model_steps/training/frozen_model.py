"""The language model as the adaptor's training sees it: frozen, fed with embeddings, giving a cross-entropy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model_steps.embedding.adaptor import Adaptor, Weights
from model_steps.training.examples import IGNORED, Padded


class AdaptorNetwork(nn.Module):
    """z = W2 ReLU(W1 h + b1) + b2, with gradients (PAPER 1.2)."""

    def __init__(self, start: Adaptor) -> None:
        super().__init__()
        self.start = start
        self.w1, self.b1, self.w2, self.b2 = (nn.Parameter(torch.from_numpy(t.copy())) for t in start.tensors.values())

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return torch.relu(h @ self.w1.T + self.b1) @ self.w2.T + self.b2

    def adaptor(self) -> Adaptor:
        """As it is now."""
        now: dict[str, Weights] = {
            name: tensor.detach().cpu().numpy().copy() for name, tensor in self.named_parameters()
        }
        return Adaptor(**now, embedder=self.start.embedder, model=self.start.model)


def weights_digest(weights: Mapping[str, torch.Tensor]) -> str:
    """Digest of weights by name, as they are in memory."""
    found = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        found.update(name.encode())
        found.update(tensor.cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


class FrozenModel:
    """A causal language model of which nothing is trained."""

    def __init__(self, folder: Path, dtype: str) -> None:
        from transformers import AutoModelForCausalLM

        self.model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True, use_safetensors=True, trust_remote_code=False
        ).eval()
        self.model.requires_grad_(False)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)
        ends = self.model.config.eos_token_id
        self.end = int(ends[0] if isinstance(ends, list) else ends)

    def digest(self) -> str:
        """Of all its weights, as they are in memory."""
        return weights_digest(self.model.state_dict())

    def token_means(self, texts: list[list[int]]) -> torch.Tensor:
        """The mean of each text's own token embeddings: a row of d_LLM a text."""
        table = self.model.get_input_embeddings().weight.float().cpu()
        return torch.stack([table[torch.tensor(ids)].mean(dim=0) for ids in texts])

    def loss(self, batch: Padded, z: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the targets, averaged over each example's tokens and then over the examples.

        Args:
            z: a row of d_LLM for each slot of the batch.
        """
        embedded = self.model.get_input_embeddings()(batch.ids.to(self.device))
        where = tuple(one.to(self.device) for one in batch.where)
        embedded = embedded.index_put(where, z.to(embedded.dtype))
        states = self.model.model(inputs_embeds=embedded, attention_mask=batch.mask.to(self.device)).last_hidden_state
        # A position predicts the next one, and only the targets' are wanted.
        labels = batch.labels[:, 1:].to(self.device)
        asked = labels != IGNORED
        logits = self.model.get_output_embeddings()(states[:, :-1][asked]).float()
        each = nn.functional.cross_entropy(logits, labels[asked], reduction="none")
        example = asked.nonzero()[:, 0]
        tokens = asked.sum(dim=1)
        return (each / tokens[example]).sum() / len(tokens)
