"""A step of a ranking as the engine takes it: the prompt, the tokens chosen so far, the tokens whose worth is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model_steps.engine.asking import Answer, Request
from model_steps.engine.options import Node
from model_steps.engine.ranking import write
from runtime.errors import InfrastructureError

if TYPE_CHECKING:
    from vllm import RequestOutput


@dataclass(frozen=True)
class Step:
    """One call of the engine.

    Args:
        path: tokens of an option that follow the prompt. tokens: whose log-probabilities are asked; none: the model
            writes.
    """

    request: Request
    path: tuple[int, ...] = ()
    tokens: tuple[int, ...] = ()


def bounded_steps(request: Request, node: Node) -> list[Step]:
    """Steps that ask for all of a node's children, of which vLLM takes only so many at a time (128 in vLLM 0.32)."""
    from vllm.sampling_params import MAX_LOGPROB_TOKEN_IDS

    most = MAX_LOGPROB_TOKEN_IDS
    tokens = tuple(node.children)
    return [Step(request, node.path, tokens[begin : begin + most]) for begin in range(0, len(tokens), most)]


def children_scores(steps: Sequence[Step], outputs: Sequence[RequestOutput]) -> list[float]:
    """Log-probabilities of a node's children, in their order, from the steps that asked for them.

    Raises:
        InfrastructureError: the engine left one out.
    """
    found: list[float] = []
    for step, output in zip(steps, outputs, strict=True):
        said = output.outputs[0].logprobs
        first: Any = said[0] if said else {}
        if any(token not in first for token in step.tokens):
            raise InfrastructureError("The engine gave no log-probability for a token that was asked for.")
        found += [first[token].logprob for token in step.tokens]
    return found


def answer_of(best: Sequence[tuple[str, float]], outputs: Sequence[RequestOutput]) -> Answer:
    """A ranking's answer, with what all its steps took."""
    return Answer(
        text=write(best),
        prompt_tokens=sum(len(output.prompt_token_ids or ()) for output in outputs),
        cached_tokens=sum(output.num_cached_tokens or 0 for output in outputs),
        output_tokens=len(outputs),
        steps=len(outputs),
    )
