"""The scalar head that stands where the language model's own head stood (PAPER 2.4).

It starts where the judge stands: the judge says `positive` rather than `negative` by the difference of these tokens'
rows in the language head, so the sigmoid of a head that is this difference is the judge's own share of `positive` among
the two. The alternative starts at zero and says 0.5 of everything.
"""

from __future__ import annotations

import json
from typing import Literal

import torch
from safetensors.torch import save
from torch import nn

from model_steps.embedding.tensor_file import ABOUT, header
from model_steps.engine.options import Options
from runtime.errors import DataError
from schemas.judge_labels import FINDINGS

Start = Literal["labels", "zero"]

WEIGHT, BIAS = "weight", "bias"
_AGAIN = "restore it, or train the reward model again"


class ScalarHead(nn.Module):
    """One number from a last state; its sigmoid is the reward.

    Args:
        weight: a number for each of the state's.
        bias: is added.
    """

    def __init__(self, weight: torch.Tensor, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().float().clone())
        self.bias = nn.Parameter(torch.tensor([bias], dtype=torch.float32, device=weight.device))

    @property
    def width(self) -> int:
        """How wide states are."""
        return len(self.weight)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Scores before the sigmoid, in float32.

        Args:
            states: ... x width.
        """
        scores: torch.Tensor = states.float() @ self.weight + self.bias
        return scores


def label_tokens(options: Options) -> tuple[int, int]:
    """The tokens by which the judge says `positive` and `negative`, where its answer begins.

    Args:
        options: the findings, as the judge ranks them.

    Raises:
        DataError: the model's tokenizer begins both with one token, so that no row tells them apart.
    """
    positive, negative = (options.tokenizes(finding)[0] for finding in (FINDINGS[-1], FINDINGS[0]))
    if positive == negative:
        raise DataError(
            f"The tokenizer begins {FINDINGS[-1]!r} and {FINDINGS[0]!r} with one token: set "
            "INTENTFLOW_REWARD__START=zero."
        )
    return positive, negative


def from_labels(rows: torch.Tensor, positive: int, negative: int) -> ScalarHead:
    """A head that says what the judge's first token says.

    Args:
        rows: of the language head, vocabulary x width.
        positive, negative: tokens of ``label_tokens``.
    """
    return ScalarHead(rows[positive].detach().float() - rows[negative].detach().float())


def zero(width: int) -> ScalarHead:
    """A head that says 0.5 of everything."""
    return ScalarHead(torch.zeros(width))


def saved(head: ScalarHead) -> bytes:
    """Content of a safetensors file."""
    tensors = {WEIGHT: head.weight.detach().cpu().contiguous(), BIAS: head.bias.detach().cpu().contiguous()}
    return save(tensors, {ABOUT: json.dumps({"width": head.width})})


def read(content: bytes, width: int, where: str) -> ScalarHead:
    """A head from its file.

    Args:
        content: of the file.
        width: of the language model's states.
        where: the file is, for the sentence.

    Raises:
        DataError: it is no head's, one of another language model, or holds numbers that are none.
    """
    try:
        found = header(content)
        if found.shapes.keys() != {WEIGHT, BIAS}:
            raise ValueError(f"it holds {', '.join(sorted(found.shapes)) or 'nothing'}, not {WEIGHT} and {BIAS}")
        if any(tensor["dtype"] != "F32" for tensor in found.tensors.values()):
            raise ValueError("its numbers are not of float32")
        if len(found.shapes[WEIGHT]) != 1 or found.shapes[BIAS] != (1,):
            raise ValueError("its tensors are not a row and a number")
        weight, bias = (torch.from_numpy(found.numbers(content, name).copy()) for name in (WEIGHT, BIAS))
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{where} is no reward head ({error}): {_AGAIN}.") from None
    if len(weight) != width:
        raise DataError(
            f"{where} reads states of {len(weight)} numbers, and those of the language model have {width}: set "
            "INTENTFLOW_ENGINE__MODEL to the model that it was trained on."
        )
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise DataError(f"{where} holds numbers that are not finite: {_AGAIN}.")
    return ScalarHead(weight, float(bias))
