"""A trie of options behind prompts, computed node by node: what is asked once is kept, and never computed again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Protocol

import torch

from model_steps.engine.options import Node
from model_steps.training.lora.token_tree import sees_of, tree_of

Path = tuple[int, ...]


class Continues(Protocol):
    """The language model with its adapter, as it is now: ``TunedModel``."""

    def continued(self, cache: Any, tokens: Sequence[int], places: Sequence[int], sees: torch.Tensor) -> torch.Tensor:
        """States of further tokens behind those in the cache, which they join."""
        ...

    def logits_of(self, states: torch.Tensor, node: Node) -> torch.Tensor:
        """States x children of the node."""
        ...


class Walk:
    """Prompts of one model, and the nodes behind them that were asked for.

    What all prompts begin with is computed once, and nodes behind different prompts are computed together. It knows the
    model as it is when it is made: after an update another one is needed.

    Args:
        model: the language model with its adapter.
        prompts: tokens of each; all begin alike, as those of one template do.

    Raises:
        ValueError: they do not.
    """

    def __init__(self, model: Continues, prompts: Sequence[Sequence[int]]) -> None:
        from transformers import DynamicCache

        self._model = model
        self._cache: Any = DynamicCache()
        tokens, depths, sees, ends = _laid_out(prompts)
        self._prompt_tokens, self._known = len(tokens), 0
        self._sees = [sees[end] for end in ends]
        self._depths = [depths[end] for end in ends]
        states = self._computed(tokens, depths, sees)
        self._states: dict[tuple[int, Path], torch.Tensor] = {
            (number, ()): states[end] for number, end in enumerate(ends)
        }
        # Positions of a path's tokens behind its prompt.
        self._places: dict[tuple[int, Path], tuple[int, ...]] = {(number, ()): () for number in range(len(prompts))}

    @property
    def tokens(self) -> int:
        """Positions that were computed."""
        return self._known

    @torch.no_grad()
    def logits(self, asked: Sequence[tuple[int, Node]]) -> list[torch.Tensor]:
        """For each (number of the prompt, node): logits of the node's children, in their order, in float32."""
        self._compute(asked)
        return [self._model.logits_of(self._states[number, node.path][None], node)[0].cpu() for number, node in asked]

    def scores(self, asked: Sequence[tuple[int, Node]]) -> list[list[float]]:
        """The same as lists: ``ranking.Scores``."""
        return [each.tolist() for each in self.logits(asked)]

    def _compute(self, asked: Sequence[tuple[int, Node]]) -> None:
        wanted = {(number, node.path[:depth]) for number, node in asked for depth in range(1, len(node.path) + 1)}
        paths = sorted(wanted - self._states.keys(), key=lambda each: (len(each[1]), each))
        if not paths:
            return
        sees = torch.zeros(len(paths), self._known + len(paths), dtype=torch.bool)
        for row, (number, path) in enumerate(paths):
            places = (*self._places[number, path[:-1]], self._known + row)
            self._places[number, path] = places
            sees[row, : self._prompt_tokens] = self._sees[number]
            sees[row, list(places)] = True
        depths = [self._depths[number] + len(path) for number, path in paths]
        states = self._computed([path[-1] for _, path in paths], depths, sees)
        self._states |= {each: states[row] for row, each in enumerate(paths)}

    @torch.no_grad()
    def _computed(self, tokens: Sequence[int], depths: Sequence[int], sees: torch.Tensor) -> torch.Tensor:
        self._known += len(tokens)
        return self._model.continued(self._cache, tokens, depths, sees)


def _laid_out(prompts: Sequence[Sequence[int]]) -> tuple[list[int], list[int], torch.Tensor, list[int]]:
    """Prompts as one tree: its tokens, how far each is from the beginning, what each sees, and where prompts end."""
    if len(prompts) == 1:
        length = len(prompts[0])
        return list(prompts[0]), list(range(length)), torch.ones(length, length, dtype=torch.bool).tril(), [length - 1]
    most = min(map(len, prompts)) - 1
    alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*(prompt[:most] for prompt in prompts), strict=True))
    shared = sum(1 for _ in alike)
    if not shared:
        raise ValueError("Prompts that are computed together begin with one token at least that all have.")
    tree, ends = tree_of(prompts[0][:shared], [prompt[shared:] for prompt in prompts])
    depths = [*range(shared), *(shared - 1 + depth for depth in tree.depths)]
    return list(tree.tokens), depths, sees_of(tree), list(ends)
