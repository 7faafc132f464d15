"""TRL's GRPOTrainer on lists that are drawn without replacement (PAPER 1.4; GRPO: arXiv 2402.03300).

What is ours is where lists come from and how probable they are. Advantages, clipping, the KL to the start, optimizer
steps, schedule, checkpoints and resuming are TRL's.

A list's tags are its actions: each has one log-probability, on its answer's last token, and the other tokens are
masked. So a list has as many actions as any other however long its tags are, the ratio that is clipped is a tag's, and
the sum over a list is the logarithm of its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from trl import GRPOTrainer

from model_steps.training.reinforcement.policy import ListPolicy
from model_steps.training.reinforcement.rollouts import Group, Rollouts
from model_steps.training.reinforcement.shaping import told

REWARD = "reward"


class ListTrainer(GRPOTrainer):
    """GRPO of an expert that is asked by rank.

    Args:
        policy: of the model that is trained.
        rollouts: draws and scores a step's lists.
        options: all other arguments of GRPOTrainer.
    """

    def __init__(self, policy: ListPolicy, rollouts: Rollouts, **options: Any) -> None:
        self._policy, self._rollouts = policy, rollouts
        self._generations = int(options["args"].num_generations)
        super().__init__(
            model=policy.model.peft, reward_funcs=self._rewards, rollout_func=_rollout, **options
        )  # fmt: skip
        self._make_reference_alike()

    def _make_reference_alike(self) -> None:
        """The copy of the start multiplies in the same number type, so that KL is 0 until something was learnt."""
        for name, each in self._policy.model.peft.named_parameters():
            if ".ref." in name:
                each.data = each.data.to(self._policy.model.dtype)
                each.requires_grad_(False)

    def drawn(self, number: int) -> dict[str, list[Any]]:
        """The rollouts of the step that is open, as TRL wants them: group by group.

        Args:
            number: of lists that are wanted.
        """
        step = self.state.global_step
        found = self._rollouts.of(step)
        rows = [(group, tags) for group in found.groups for tags in group.lists]
        if len(rows) != number:
            raise ValueError(f"{len(rows)} lists were drawn for a step, and {number} are wanted.")
        self._note(found.drawn, found.groups, found.tokens)
        spaces = [self._policy.spaces.of(group.persona.prompt) for group, _ in rows]
        sampled = [space.tokens(tags) for space, (_, tags) in zip(spaces, rows, strict=True)]
        return {
            "prompt_ids": [list(group.persona.prompt) for group, _ in rows],
            "completion_ids": sampled,
            "logprobs": None,  # type: ignore[dict-item]
            "env_mask": [
                _mask(space.ends(tags), len(own)) for space, (_, tags), own in zip(spaces, rows, sampled, strict=True)
            ],
            "persona": [group.persona for group, _ in rows],
            "tags": [list(tags) for _, tags in rows],
        }

    def _note(self, drawn: Sequence[Group], kept: Sequence[Group], tokens: int) -> None:
        for name, value in told([group.shaped for group in drawn]).items():
            self._log_metric(f"drawn/{name}", value)
        for name, value in told([group.shaped for group in kept]).items():
            self._log_metric(f"kept/{name}", value)
        self._log_metric("drawn/groups", len(drawn))
        self._log_metric("drawn/tokens", tokens)

    def _rewards(
        self, persona: Sequence[Any], tags: Sequence[Sequence[str]], trainer_state: Any, **_: Any
    ) -> list[float | None]:
        """The one reward that TRL is given: the shaped one, None where a part is missing."""
        size, found = self._generations, list[float | None]()
        for start in range(0, len(tags), size):
            shaped = self._rollouts.shaped(persona[start], tags[start : start + size], trainer_state.global_step)
            found += [one.reward for one in shaped]
        return found

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        compute_aux_loss: bool = False,
        **_: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Each tag's log-probability, and the entropy of its draw, at its last token; elsewhere 0."""
        prompts, lists, ends = [], [], []
        for tokens, mask in zip(input_ids.tolist(), attention_mask.bool().tolist(), strict=True):
            known = [token if there else None for token, there in zip(tokens, mask, strict=True)]
            prompts.append(tuple(token for token in known[:-logits_to_keep] if token is not None))
            space = self._policy.spaces.of(prompts[-1])
            lists.append(space.tags([token for token in known[-logits_to_keep:] if token is not None]))
            ends.append(space.ends(lists[-1]))
        said = self._policy.told(prompts, lists)
        places = torch.tensor(ends, device=input_ids.device)
        empty = said.log_probabilities.new_zeros(len(lists), logits_to_keep)
        entropies = empty.scatter(1, places, said.entropies) if compute_entropy else None
        return empty.scatter(1, places, said.log_probabilities), entropies, None

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Nothing: the optimizer's state holds the adapter, and what was started from is read anew.

        Transformers restores of two adapters the one in a folder below alone, which here is the reference.
        """


def _rollout(prompts: Sequence[Any], trainer: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = trainer.drawn(len(prompts))
    return found


def _mask(ends: Sequence[int], length: int) -> list[int]:
    return [int(place in set(ends)) for place in range(length)]
