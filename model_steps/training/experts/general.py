"""The general share of the mix: instructions of everyday life, answered by the base model itself (PAPER 1.4).

Learning its own answers again keeps a model's language while its adapter learns something else. How likely they are
before and after is measured on instructions that are not learnt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from model_steps.engine.chat import Chat
from model_steps.training.lora.loop import Written
from model_steps.training.lora.tuned_model import TunedModel
from runtime import atomic
from runtime.progress import Progress

INSTRUCTIONS = Path(__file__).with_name("instructions.txt")
SYSTEM = "You are a helpful assistant."
ANSWER_TOKENS = 64
# Prompts that are answered together.
TOGETHER = 16
# Every so many is kept apart, to measure with.
KEPT_APART = 5


def read_instructions(path: Path = INSTRUCTIONS) -> list[str]:
    """One a line."""
    return [line.strip() for line in path.read_text().splitlines() if line.strip()]


def answers_of(model: TunedModel, chat: Chat, instructions: Sequence[str], kept: Path) -> list[Written]:
    """Prompts with the base model's own answers, as tokens; written once and read again by a resumed run.

    Args:
        model: with its adapter turned off for the answers.
        kept: file of the answers, beside the training's state.
    """
    if not kept.is_file():
        prompts = [chat.tokens(chat.render(SYSTEM, instruction)) for instruction in instructions]
        found: list[tuple[list[int], list[int]]] = []
        progress = Progress(len(prompts), "general answers", every_seconds=20)
        model.peft.eval()
        with torch.no_grad(), model.peft.disable_adapter():
            for start in range(0, len(prompts), TOGETHER):
                some = prompts[start : start + TOGETHER]
                found += zip(some, _written(model, some), strict=True)
                progress.advance(len(some))
        model.peft.train()
        atomic.write(kept, json.dumps(found))
    return [(tuple(prompt), tuple(answer)) for prompt, answer in json.loads(kept.read_text())]


def _written(model: TunedModel, prompts: Sequence[list[int]]) -> list[list[int]]:
    """The most probable answer of each prompt, to its end or as many tokens as are kept."""
    length = max(map(len, prompts))
    tokens = torch.tensor([[0] * (length - len(prompt)) + prompt for prompt in prompts], device=model.device)
    seen = torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    said = model.peft.generate(
        tokens, attention_mask=seen, max_new_tokens=ANSWER_TOKENS, do_sample=False, pad_token_id=0
    )
    ends = model.peft.generation_config.eos_token_id
    last = set(ends) if isinstance(ends, list) else {ends}
    answers = [row[length:].tolist() for row in said]
    return [answer[: next((n + 1 for n, token in enumerate(answer) if token in last), None)] for answer in answers]


def parted(written: Sequence[Written]) -> tuple[list[Written], list[Written]]:
    """Those that are learnt, and those that are measured with."""
    apart = [one for number, one in enumerate(written) if number % KEPT_APART == 0]
    return [one for number, one in enumerate(written) if number % KEPT_APART], apart


@torch.no_grad()
def log_likelihood(model: TunedModel, written: Sequence[Written]) -> float:
    """Mean log-likelihood of a token of the answers."""
    losses = [float(model.answer_loss([one])) for one in written]
    return -sum(losses) / len(losses)
