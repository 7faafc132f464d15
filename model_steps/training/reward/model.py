"""The reward model: the judge's language model and adapter, frozen base included, with a scalar head (PAPER 2.4).

What candidates of one group begin with is computed once. Each sees the shared beginning and itself, so its score is
what it would be alone: where it learns they are branches of one tree, where it scores rows behind a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from model_steps.judge.reward.head import ScalarHead
from model_steps.training.lora.token_tree import tree_of
from model_steps.training.lora.tuned_model import TunedModel
from runtime.errors import DataError

HEAD = "head."
# Tokens of each behind what they share.
Candidates = Sequence[Sequence[int]]
# Candidates that are computed at a time behind what they share: more take more memory and are no faster.
TOGETHER = 16


@dataclass(frozen=True)
class Scored:
    """What is said of a group's candidates, and what it takes to say so.

    Args:
        scores: after the sigmoid, 0 to 1, one a candidate.
        tokens_shared: positions that are computed where the beginning is shared.
        tokens_alone: the same where each candidate is computed by itself.
    """

    scores: tuple[float, ...]
    tokens_shared: int
    tokens_alone: int


class RewardModel:
    """f_RM: a score for an output, from the last state of the language model at the output's last token.

    Args:
        tuned: the language model with its adapter; its own head is not used.
        head: reads its states.
        together: candidates scored at a time, at most.
    """

    def __init__(self, tuned: TunedModel, head: ScalarHead, together: int = TOGETHER) -> None:
        self.tuned, self.head, self.together = tuned, head.to(tuned.device), together
        whole: Any = tuned.peft.get_base_model()
        self._core: Any = whole.model
        self._window: int | None = getattr(whole.config, "max_position_embeddings", None)

    @property
    def master(self) -> dict[str, nn.Parameter]:
        """All that learns, in float32: the adapter and the head."""
        return {**self.tuned.master, **{f"{HEAD}{name}": each for name, each in self.head.named_parameters()}}

    def weights(self) -> dict[str, torch.Tensor]:
        """Copies of all that learns, by name."""
        return {name: each.detach().clone() for name, each in self.master.items()}

    def gradients_to_master(self) -> None:
        """Hand the adapter's gradients to its master copy; the head has its own."""
        self.tuned.gradients_to_master()

    def take_over(self) -> None:
        """The adapter that multiplies becomes what its master copy is."""
        self.tuned.take_over()

    def logits(
        self, prompt: Sequence[int], candidates: Sequence[Sequence[int]], odds: Sequence[float] = ()
    ) -> torch.Tensor:
        """Scores before the sigmoid, with gradients; what candidates share is computed once.

        Args:
            prompt: tokens that all candidates begin with.
            candidates: tokens of each behind it.
            odds: logarithms of what counting gives each; none: all are even.

        Raises:
            DataError: there is no prompt, a candidate has no token, or one is longer than the model's window.
        """
        self._refuse_unfit(prompt, candidates)
        tree, ends = tree_of(prompt, candidates)
        return self._read(self.tuned.states([tree])[0, list(ends)], odds)

    def logits_alone(
        self, prompt: Sequence[int], candidates: Sequence[Sequence[int]], odds: Sequence[float] = ()
    ) -> torch.Tensor:
        """The same without sharing: each candidate a row of its own, with the model's own attention.

        Args, Raises: as ``logits``.
        """
        self._refuse_unfit(prompt, candidates)
        rows = [[*prompt, *candidate] for candidate in candidates]
        tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        # What is filled up stands behind the last token, which sees what is before it.
        for number, row in enumerate(rows):
            tokens[number, : len(row)] = torch.tensor(row)
        states = self._core(tokens.to(self.tuned.device), use_cache=False).last_hidden_state
        return self._read(states[list(range(len(rows))), [len(row) - 1 for row in rows]], odds)

    @torch.no_grad()
    def score(
        self,
        prompt: Sequence[int],
        candidates: Sequence[Sequence[int]],
        odds: Sequence[float] = (),
        *,
        shared: bool = True,
    ) -> Scored:
        """The reward of each candidate of a group.

        Args:
            prompt: tokens that all candidates begin with.
            candidates: tokens of each behind it; its score is read at the last one.
            odds: as of ``logits``.
            shared: whether the beginning is computed once, or for each candidate anew.

        Raises:
            DataError: as ``logits``.
        """
        self._refuse_unfit(prompt, candidates)
        behind = self._behind(prompt) if shared else partial(self.logits_alone, prompt)
        found: list[torch.Tensor] = []
        for start in range(0, len(candidates), self.together):
            some = candidates[start : start + self.together]
            found.append(behind(some, odds[start : start + self.together]).sigmoid())
        behind_it = sum(map(len, candidates))
        alone = len(prompt) * len(candidates) + behind_it
        return Scored(tuple(torch.cat(found).tolist()), len(prompt) + behind_it, alone)

    def _behind(self, prompt: Sequence[int]) -> Callable[[Candidates, Sequence[float]], torch.Tensor]:
        """What scores candidates behind a prompt that is computed here, once for all of them."""
        from transformers import DynamicCache

        cache: Any = DynamicCache()
        length = len(prompt)
        self.tuned.continued(cache, prompt, range(length), torch.ones(length, length, dtype=torch.bool).tril())

        def logits(candidates: Candidates, odds: Sequence[float]) -> torch.Tensor:
            states = self.tuned.branched(cache, candidates)
            ends = [len(candidate) - 1 for candidate in candidates]
            return self._read(states[list(range(len(candidates))), ends], odds)

        return logits

    def _read(self, states: torch.Tensor, odds: Sequence[float]) -> torch.Tensor:
        told = torch.tensor(odds, dtype=torch.float32, device=states.device) if odds else None
        scores: torch.Tensor = self.head(states, told)
        return scores

    def _refuse_unfit(self, prompt: Sequence[int], candidates: Sequence[Sequence[int]]) -> None:
        if not prompt or not candidates or not all(candidates):
            raise DataError("A group has a prompt, and each of its candidates a token behind it at which it is scored.")
        longest = len(prompt) + max(map(len, candidates))
        if self._window is not None and longest > self._window:
            raise DataError(
                f"A candidate with its prompt has {longest} tokens, and the language model's window {self._window}: "
                "lower INTENTFLOW_REWARD__EVIDENCE_TOKENS."
            )
