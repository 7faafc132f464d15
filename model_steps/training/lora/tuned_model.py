"""The language model with a LoRA adapter: its loss on what is taught, and its ranking of options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import nn

from model_steps.engine.options import Node, Options
from model_steps.engine.ranking import Search, search_together
from model_steps.training.lora.taught import Taught
from model_steps.training.lora.token_tree import Tree, sees_of
from model_steps.training.lora.walk import Walk
from runtime.errors import ConfigurationError
from settings import LoraSettings

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# Steps of one ranking that run together: each is a small product, so many at a time are cheaper.
WIDTH = 24


class TunedModel:
    """A causal language model whose weights stay as they are, and an adapter that learns.

    The adapter is kept in float32 beside the copy that multiplies, so that small steps are not rounded away.

    Args:
        folder: of the language model.
        dtype: number type of its weights.
        settings: rank, layers and seed of the adapter.
    """

    def __init__(self, folder: Path, dtype: str, settings: LoraSettings) -> None:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        torch.manual_seed(settings.seed)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
        layers = loaded.config.num_hidden_layers
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=2 * settings.rank,
            target_modules=list(MODULES),
            layers_to_transform=list(range(min(settings.first_layer, layers - 1), layers)),
        )
        # In the weights' own type: products of two types are slow, and the master copy below is what learns.
        self.peft: Any = get_peft_model(loaded, config, autocast_adapter_dtype=False)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.peft.to(self.device)
        self.dtype = getattr(torch, dtype)
        whole: Any = self.peft.get_base_model()
        self._core: Any = whole.model
        self._head: Any = whole.lm_head
        self._working = {name: each for name, each in self.peft.named_parameters() if each.requires_grad}
        self.master = {name: nn.Parameter(each.detach().float().clone()) for name, each in self._working.items()}

    def start_from(self, weights: bytes, where: str) -> None:
        """Begin with an adapter instead of with no change.

        Args:
            weights: content of peft's adapter_model.safetensors. where: they are, for a sentence.

        Raises:
            ConfigurationError: they are of another rank, of other layers or of another model.
        """
        found = {name.replace(".weight", ".default.weight"): each for name, each in load(weights).items()}
        shapes = {name: tuple(each.shape) for name, each in found.items()}
        if shapes != {name: tuple(each.shape) for name, each in self.master.items()}:
            raise ConfigurationError(
                f"The adapter in {where} has other layers or another rank than the settings first_layer and rank say: "
                "set these as its record has them, or leave --start out."
            )
        with torch.no_grad():
            for name, each in self.master.items():
                each.copy_(found[name])
        self.take_over()

    def gradients_to_master(self) -> None:
        """Hand the working copy's gradients to the master copy, and forget them."""
        for name, each in self._working.items():
            self.master[name].grad = None if each.grad is None else each.grad.float()
            each.grad = None

    def take_over(self) -> None:
        """The working copy becomes what the master copy is."""
        with torch.no_grad():
            for name, each in self._working.items():
                each.copy_(self.master[name])

    def loss(self, taught: Sequence[Taught]) -> torch.Tensor:
        """Cross-entropy to the target distributions, summed over each example's questions, averaged over examples."""
        states = self.states(taught)
        asked = [(row, each) for row, one in enumerate(taught) for each in one.questions]
        behind = states[[row for row, _ in asked], [each.position for _, each in asked]]
        logits = self._head(behind).float()
        total = logits.new_zeros(())
        for number, (_, each) in enumerate(asked):
            found = logits[number, self._children_of(each.node)].log_softmax(-1)
            total = total - (found * torch.tensor(each.shares, device=self.device)).sum()
        mean: torch.Tensor = total / sum(one.examples for one in taught)
        return mean

    @torch.no_grad()
    def cross_entropy(self, taught: Iterable[Taught]) -> float:
        """``loss`` of so many examples, averaged: what validation compares adapters by."""
        losses = [(float(self.loss([one])), one.examples) for one in taught]
        return sum(loss * number for loss, number in losses) / sum(number for _, number in losses)

    def answer_loss(self, examples: Sequence[tuple[Sequence[int], Sequence[int]]]) -> torch.Tensor:
        """Cross-entropy of written answers, averaged over each one's tokens and then over the examples.

        Args:
            examples: tokens of a prompt and of its answer.
        """
        length = max(len(prompt) + len(answer) for prompt, answer in examples)
        tokens = torch.zeros(len(examples), length, dtype=torch.long)
        wanted = torch.full((len(examples), length), -100, dtype=torch.long)
        for row, (prompt, answer) in enumerate(examples):
            both = [*prompt, *answer]
            tokens[row, : len(both)] = torch.tensor(both)
            wanted[row, len(prompt) - 1 : len(both) - 1] = torch.tensor(list(answer))
        tokens, wanted = tokens.to(self.device), wanted.to(self.device)
        states = self._core(tokens, use_cache=False).last_hidden_state
        asked = wanted != -100
        each = nn.functional.cross_entropy(self._head(states[asked]).float(), wanted[asked], reduction="none")
        of_row = asked.nonzero()[:, 0]
        return (each / asked.sum(dim=1)[of_row]).sum() / len(examples)

    def states(self, trees: Sequence[Tree]) -> torch.Tensor:
        """Last states: a branch's token sees the prompt and its own branch, as if it stood alone behind the prompt.

        Returns:
            Trees x tokens of the longest x width.
        """
        length = max(len(one.tokens) for one in trees)
        tokens = torch.zeros(len(trees), length, dtype=torch.long)
        places = torch.zeros(len(trees), length, dtype=torch.long)
        # What is only filled up sees itself, for a row that sees nothing has no softmax.
        sees = torch.eye(length, dtype=torch.bool).repeat(len(trees), 1, 1)
        for row, one in enumerate(trees):
            start, whole = one.prompt_tokens, len(one.tokens)
            tokens[row, :whole] = torch.tensor(one.tokens)
            places[row, :start] = torch.arange(start)
            places[row, start:whole] = torch.tensor([start - 1 + depth for depth in one.depths])
            sees[row, :whole, :whole] = sees_of(one)
        states: torch.Tensor = self._core(
            tokens.to(self.device),
            position_ids=places.to(self.device),
            attention_mask=self._additive(sees),
            use_cache=False,
        ).last_hidden_state
        return states

    def _additive(self, sees: torch.Tensor) -> torch.Tensor:
        """A mask that is added to attention's weights: rows x 1 x from x to."""
        hidden = torch.zeros(sees.shape, dtype=self.dtype).masked_fill(~sees, torch.finfo(self.dtype).min)
        return hidden[:, None].to(self.device)

    def _children_of(self, node: Node) -> torch.Tensor:
        return torch.tensor(list(node.children), device=self.device)

    def continued(self, cache: Any, tokens: Sequence[int], places: Sequence[int], sees: torch.Tensor) -> torch.Tensor:
        """Last states of tokens behind what a cache holds, which then holds them too.

        Args:
            cache: of transformers. places: how far each token is from the beginning.
            sees: tokens x positions of the cache and the tokens, which of them each one sees.

        Returns:
            Tokens x width.
        """
        states: torch.Tensor = self._core(
            torch.tensor([list(tokens)], device=self.device),
            position_ids=torch.tensor([list(places)], device=self.device),
            attention_mask=self._additive(sees[None]),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return states[0]

    def branched(self, cache: Any, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Last states of rows of tokens, each by itself behind what a cache holds, which stays as it is.

        A tree of the same rows would let each of its tokens be multiplied with all others, to be hidden then.

        Args:
            cache: of transformers, of one sequence.

        Returns:
            Rows x tokens of the longest x width; behind a shorter row's last token stands nothing of meaning.
        """
        tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        # What is filled up stands behind the last token, which sees what is before it.
        for number, row in enumerate(rows):
            tokens[number, : len(row)] = torch.tensor(row)
        own = deepcopy(cache)
        own.batch_repeat_interleave(len(rows))
        states: torch.Tensor = self._core(tokens.to(self.device), past_key_values=own, use_cache=True).last_hidden_state
        return states

    def logits_of(self, states: torch.Tensor, node: Node) -> torch.Tensor:
        """Logits of a node's children, in float32: number types with fewer digits would round them to eighths.

        Args:
            states: ... x width.

        Returns:
            ... x children.
        """
        children = self._children_of(node)
        found: torch.Tensor = states.float() @ self._head.weight[children].float().T
        return found if self._head.bias is None else found + self._head.bias[children].float()

    def rank(self, prompt: Sequence[int], options: Options, most: int) -> list[tuple[str, float]]:
        """The most probable options behind a prompt with their log-probabilities, as the engine would rank them."""
        return self.rank_all([prompt], options, most)[0]

    def rank_all(self, prompts: Sequence[Sequence[int]], options: Options, most: int) -> list[list[tuple[str, float]]]:
        """``rank`` behind each of several prompts, together."""
        return self.rank_each([(prompt, options) for prompt in prompts], most)

    def rank_each(
        self, asked: Sequence[tuple[Sequence[int], Options]], most: int, temperature: float = 1.0
    ) -> list[list[tuple[str, float]]]:
        """``rank`` of options that are each prompt's own, together.

        Args:
            temperature: that logits are divided by.
        """
        searches = [Search(options, most, WIDTH) for _, options in asked]
        walk = Walk(self, [prompt for prompt, _ in asked])
        search_together(searches, lambda due: [(each / temperature).tolist() for each in walk.logits(due)])
        return [search.best() for search in searches]
