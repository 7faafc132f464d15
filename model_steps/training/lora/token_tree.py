"""Token sequences as one tree: what several begin with stands there, and is computed, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch


class Tree(Protocol):
    """A trunk and branches behind it, as a model reads them: ``TunedModel.states``."""

    @property
    def tokens(self) -> Sequence[int]:
        """The trunk's, then the branches'."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """How many of them are the trunk's."""
        ...

    @property
    def parents(self) -> Sequence[int]:
        """For each branch token the position that it follows."""
        ...

    @property
    def depths(self) -> Sequence[int]:
        """For each branch token how far behind the trunk's end it stands, from 1."""
        ...


@dataclass(frozen=True)
class TokenTree:
    """``Tree`` of plain sequences."""

    tokens: tuple[int, ...]
    prompt_tokens: int
    parents: tuple[int, ...]
    depths: tuple[int, ...]


def tree_of(trunk: Sequence[int], branches: Sequence[Sequence[int]]) -> tuple[TokenTree, tuple[int, ...]]:
    """A tree, and for each branch the position of its last token.

    Branches that begin alike share this beginning too; each token of a tree has one place.

    Args:
        trunk: tokens that stand before all branches.
        branches: tokens of each, in any number.

    Raises:
        ValueError: the trunk is empty, and a tree has one root; or a branch is, and has no last token.
    """
    if not trunk or not all(branches):
        raise ValueError("A tree has a trunk, and each of its branches a token.")
    tokens, parents, depths, ends = list(trunk), list[int](), list[int](), list[int]()
    places: dict[tuple[int, int], int] = {}
    for branch in branches:
        at = len(trunk) - 1
        for depth, token in enumerate(branch, start=1):
            place = places.setdefault((at, token), len(tokens))
            if place == len(tokens):
                tokens.append(token)
                parents.append(at)
                depths.append(depth)
            at = place
        ends.append(at)
    return TokenTree(tuple(tokens), len(trunk), tuple(parents), tuple(depths)), tuple(ends)


def sees_of(tree: Tree) -> torch.Tensor:
    """Which positions each of a tree's tokens sees: those before it of its own branch, the trunk's, and itself.

    Returns:
        Tokens x tokens, true where seen.
    """
    start = tree.prompt_tokens
    sees = torch.eye(len(tree.tokens), dtype=torch.bool)
    sees[:start, :start] = torch.ones(start, start, dtype=torch.bool).tril()
    for number, parent in enumerate(tree.parents, start=start):
        sees[number] |= sees[parent]
    return sees
