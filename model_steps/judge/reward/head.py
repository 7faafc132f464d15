"""The scalar head that stands where the language model's own head stood (PAPER 2.4).

It starts where the judge stands: the judge says `positive` rather than `negative` by the difference of these tokens'
rows in the language head, so the sigmoid of a head that is this difference is the judge's own share of `positive` among
the two. The alternative starts at zero and says 0.5 of everything. Beside the state a head reads one number, the
logarithm of the odds that counting gives: evidence like the words, in which a small model does not read it.
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

WEIGHT, BIAS, ODDS = "weight", "bias", "odds"
_AGAIN = "restore it, or train the reward model again"


class ScalarHead(nn.Module):
    """One number from a last state; its sigmoid is the reward.

    Args:
        weight: a number for each of the state's.
        bias: is added. odds: what the logarithm of counting's odds is worth.
    """

    def __init__(self, weight: torch.Tensor, bias: float = 0.0, odds: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().float().clone())
        self.bias = nn.Parameter(torch.tensor([bias], dtype=torch.float32, device=weight.device))
        self.odds = nn.Parameter(torch.tensor([odds], dtype=torch.float32, device=weight.device))

    @property
    def width(self) -> int:
        """How wide states are."""
        return len(self.weight)

    def forward(self, states: torch.Tensor, odds: torch.Tensor | None = None) -> torch.Tensor:
        """Scores before the sigmoid, in float32.

        Args:
            states: ... x width. odds: a logarithm a state; none: all are even.
        """
        scores: torch.Tensor = states.float() @ self.weight + self.bias
        return scores if odds is None else scores + self.odds * odds


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


def from_labels(rows: torch.Tensor, positive: int, negative: int, odds: float = 0.0) -> ScalarHead:
    """A head that says what the judge's first token says.

    Args:
        rows: of the language head, vocabulary x width.
        positive, negative: tokens of ``label_tokens``.
        odds: what the logarithm of counting's odds is worth beside it.
    """
    return ScalarHead(rows[positive].detach().float() - rows[negative].detach().float(), odds=odds)


def zero(width: int) -> ScalarHead:
    """A head that says 0.5 of everything."""
    return ScalarHead(torch.zeros(width))


def saved(head: ScalarHead) -> bytes:
    """Content of a safetensors file."""
    parts = {WEIGHT: head.weight, BIAS: head.bias, ODDS: head.odds}
    tensors = {name: part.detach().cpu().contiguous() for name, part in parts.items()}
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
        if found.shapes.keys() != {WEIGHT, BIAS, ODDS}:
            raise ValueError(
                f"it holds {', '.join(sorted(found.shapes)) or 'nothing'}, not {WEIGHT}, {BIAS} and {ODDS}"
            )
        if any(tensor["dtype"] != "F32" for tensor in found.tensors.values()):
            raise ValueError("its numbers are not of float32")
        if len(found.shapes[WEIGHT]) != 1 or found.shapes[BIAS] != (1,) or found.shapes[ODDS] != (1,):
            raise ValueError("its tensors are not a row and two numbers")
        weight, bias, odds = (torch.from_numpy(found.numbers(content, name).copy()) for name in (WEIGHT, BIAS, ODDS))
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{where} is no reward head ({error}): {_AGAIN}.") from None
    if len(weight) != width:
        raise DataError(
            f"{where} reads states of {len(weight)} numbers, and those of the language model have {width}: set "
            "INTENTFLOW_ENGINE__MODEL to the model that it was trained on."
        )
    if not all(torch.isfinite(part).all() for part in (weight, bias, odds)):
        raise DataError(f"{where} holds numbers that are not finite: {_AGAIN}.")
    return ScalarHead(weight, float(bias), float(odds))
