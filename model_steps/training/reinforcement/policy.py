"""The policy that is trained: lists drawn from the shares that are served, with the gradient of their probability.

The tags of all lists behind one prompt are the branches of one tree, so a group of lists costs its prompt once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from model_steps.engine.options import Node
from model_steps.training.lora.taught import Taught, teach
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.completions import Completions, Spaces
from model_steps.training.reinforcement.plackett_luce import log_probabilities

Prompt = tuple[int, ...]


@dataclass(frozen=True)
class Told:
    """What the policy says of lists.

    Args:
        log_probabilities: lists x places, of each tag among those that were left when it was drawn.
        entropies: lists x places, nats: of the choices on the way to each tag, summed. Their mean over drawn lists is
            the entropy of one draw.
    """

    log_probabilities: torch.Tensor
    entropies: torch.Tensor


class ListPolicy:
    """What experts say of lists, with gradients to the adapter.

    Args:
        model: whose adapter it is, as it is when it is asked.
        spaces: what lists are drawn from. temperature: that logits are divided by, as when lists are drawn.
    """

    def __init__(self, model: TunedModel, spaces: Spaces, temperature: float = 1.0) -> None:
        self.model, self.spaces, self.temperature = model, spaces, temperature

    def told(self, prompts: Sequence[Prompt], lists: Sequence[Sequence[str]]) -> Told:
        """Of each list behind its prompt; lists of one prompt are computed together.

        Args:
            prompts: tokens, one a list. lists: tags, as many in each.
        """
        places: dict[Prompt, list[int]] = {}
        for place, prompt in enumerate(prompts):
            places.setdefault(prompt, []).append(place)
        groups = [(self.spaces.of(prompt), prompt, [lists[place] for place in own]) for prompt, own in places.items()]
        trees = [teach(prompt, dict.fromkeys(_named(space, own), 1.0), space.options) for space, prompt, own in groups]
        states = self.model.states(trees)
        found = [
            self._of_prompt(states[row], tree, own, space)
            for row, (tree, (space, _, own)) in enumerate(zip(trees, groups, strict=True))
        ]
        order = torch.tensor([place for own in places.values() for place in own], device=states.device).argsort()
        return Told(torch.cat([one for one, _ in found])[order], torch.cat([other for _, other in found])[order])

    def _of_prompt(
        self, states: torch.Tensor, tree: Taught, lists: Sequence[Sequence[str]], space: Completions
    ) -> tuple[torch.Tensor, torch.Tensor]:
        starts: dict[tuple[int, ...], int] = {}
        shares, entropies, at = [], [], 0
        for question in tree.questions:
            node: Node = question.node
            known = (self.model.logits_of(states[question.position], node) / self.temperature).log_softmax(-1)
            starts[node.path] = at
            at += len(known)
            shares.append(known)
            entropies.append(-(known.exp() * known).sum().expand(len(known)))
        share, entropy = torch.cat(shares), torch.cat(entropies).detach()
        named = _named(space, lists)
        steps = [[starts[node.path] + child for node, child in space.steps(option)] for option in named]
        # Paths of unequal length: what is missing of a shorter one points at a zero behind all shares.
        longest = max(map(len, steps))
        index = torch.tensor([[*own, *[at] * (longest - len(own))] for own in steps], device=states.device)
        worths = torch.cat([share, share.new_zeros(1)])[index].sum(1)
        spread = torch.cat([entropy, entropy.new_zeros(1)])[index].sum(1)
        number = {tag: place for place, tag in enumerate(named)}
        rows = torch.tensor([[number[tag] for tag in one] for one in lists], device=states.device)
        nothing = worths.new_full((1,), -torch.inf) if space.nothing is None else worths[:1]
        return log_probabilities(worths[rows], nothing.expand(len(lists))), spread[rows]


def _named(space: Completions, lists: Sequence[Sequence[str]]) -> list[str]:
    """What some lists need to know of: ``nothing`` first, where there is such an option, and their tags."""
    return [*([space.nothing] if space.nothing is not None else []), *sorted({tag for one in lists for tag in one})]
