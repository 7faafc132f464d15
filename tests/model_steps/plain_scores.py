"""Scores of a model without an engine, for what the engine says to be compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from model_steps.engine import hybrid_prompt
from model_steps.engine.asking import Request
from model_steps.engine.chat import Chat
from model_steps.engine.ranking import Search, search_together

BROKEN_BY = 1e-3


class Reference:
    """The same model without an engine: each token's log-probability from a forward pass over the whole text."""

    def __init__(self, chat: Chat, model: Any) -> None:
        self._chat, self._model = chat, model
        self.width: int = model.get_input_embeddings().weight.shape[1]

    def logprobs(self, prompt: str, path: tuple[int, ...], vectors: np.ndarray | None) -> torch.Tensor:
        tokens = [*self._chat.tokens(prompt), *path]
        table = self._model.get_input_embeddings()
        slots = vectors if vectors is not None else np.zeros((0, self.width), np.float32)
        built = hybrid_prompt.assemble(tokens, self._chat.slot, slots, self.width)
        rows = table(torch.tensor(built.token_ids))
        rows[torch.from_numpy(~built.is_token)] = torch.from_numpy(slots)
        with torch.no_grad():
            return torch.log_softmax(self._model(inputs_embeds=rows[None]).logits[0, -1].float(), -1)

    def best(self, request: Request, vectors: np.ndarray | None = None) -> dict[str, float]:
        assert request.options is not None
        # So wide that all is computed: what is compared is the engine's scores, not the search's thrift.
        search = Search(request.options, len(request.options.texts), 1000)

        def scores(asked: Any) -> list[list[float]]:
            found = [(self.logprobs(request.prompt, node.path, vectors), node) for _, node in asked]
            return [[float(each[token]) for token in node.children] for each, node in found]

        search_together([search], scores)
        return dict(search.best())


def agree(found: list[tuple[str, float]], wanted: dict[str, float], most: int) -> bool:
    """The same scores, and no better option left out."""
    close = all(abs(worth - wanted[option]) < BROKEN_BY for option, worth in found)
    least = sorted(wanted.values(), reverse=True)[most - 1]
    return close and len(dict(found)) == most and all(worth > least - BROKEN_BY for _, worth in found)
