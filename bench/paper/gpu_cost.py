"""GPU-hours of a day from tokens a user: prefill by floating-point operations, decode by a roofline. Pure functions."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Literal

from runtime.errors import UsageError

Bound = Literal["prefill FLOPs", "decode bandwidth", "cache memory", "decode FLOPs"]

SECONDS_AN_HOUR = 3_600


def _require_positive(owner: str, **numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise UsageError(f"{owner}: {name.replace('_', ' ')} must be a number above 0, got {number}.")


@dataclass(frozen=True)
class Accelerator:
    """One GPU, or any other machine that is hired by the hour.

    Args:
        flops: floating-point operations a second at the serving precision, without sparsity.
        bandwidth: bytes a second between memory and cores. memory: bytes.
        prefill_utilization: share of ``flops`` that prefill reaches (model FLOPs utilization).
        bandwidth_utilization: share of ``bandwidth`` that decode reaches.
        decode_utilization: share of ``flops`` that decode can reach. 1 makes its arithmetic a floor, not an estimate.

    Raises:
        UsageError: a number is not above 0, or a share is above 1.
    """

    name: str
    flops: float
    bandwidth: float
    memory: float
    prefill_utilization: float
    bandwidth_utilization: float
    decode_utilization: float = 1.0

    def __post_init__(self) -> None:
        shares = {
            "prefill_utilization": self.prefill_utilization,
            "bandwidth_utilization": self.bandwidth_utilization,
            "decode_utilization": self.decode_utilization,
        }
        _require_positive(self.name, flops=self.flops, bandwidth=self.bandwidth, memory=self.memory, **shares)
        for name, share in shares.items():
            if share > 1:
                raise UsageError(f"{self.name}: {name.replace('_', ' ')} is a share of 1, got {share}.")


@dataclass(frozen=True)
class LanguageModel:
    """A dense decoder.

    Args:
        parameters: all weights, embeddings included.
        hidden_size: width of a layer, and of its query heads together (equal in both models named here).
        bytes_per_weight: 2 in BF16, 1 in FP8. bytes_per_cache_element: the same for keys and values.

    Raises:
        UsageError: a number is not above 0.
    """

    name: str
    parameters: float
    layers: int
    key_value_heads: int
    head_dimension: int
    hidden_size: int
    bytes_per_weight: float = 2
    bytes_per_cache_element: float = 2

    def __post_init__(self) -> None:
        _require_positive(self.name, **{key: value for key, value in asdict(self).items() if key != "name"})

    def with_precision(self, bytes_each: float) -> LanguageModel:
        """The same model with weights and cache of so many bytes a number."""
        return replace(self, bytes_per_weight=bytes_each, bytes_per_cache_element=bytes_each)

    @property
    def weight_bytes(self) -> float:
        """Bytes of all weights: what a decode step reads once, whatever the batch."""
        return self.parameters * self.bytes_per_weight

    @property
    def position_bytes(self) -> float:
        """Bytes that one position holds in the cache: a key and a value of every head in every layer."""
        return 2 * self.layers * self.key_value_heads * self.head_dimension * self.bytes_per_cache_element


@dataclass(frozen=True)
class UserTokens:
    """What one user costs a day, on average over the users.

    Args:
        prefill: prompt tokens that are computed, over all calls; those found in the prefix cache are none.
        context: positions of the longest call's prompt, computed or found. Every call is counted as this long.
        output: tokens written, over all calls. calls: model calls.

    Raises:
        UsageError: a number is not above 0, or calls compute more on average than the longest prompt has.
    """

    prefill: float
    context: float
    output: float
    calls: float

    def __post_init__(self) -> None:
        _require_positive("Tokens", **asdict(self))
        if self.prefill / self.calls > self.context:
            raise UsageError(
                f"Tokens: the longest prompt (context, {self.context:,g}) is shorter than the mean of what calls "
                f"compute (prefill / calls, {self.prefill / self.calls:,g}); give the longest."
            )


@dataclass(frozen=True)
class DayCost:
    """What a day costs.

    Args:
        prefill_seconds: GPU-seconds a user. decode_seconds: the same for decode.
        gpu_hours: both, for all users. batch: sequences that memory lets one GPU decode together.
        bound: the term that decides, see ``gpu_hours``.
    """

    prefill_seconds: float
    decode_seconds: float
    gpu_hours: float
    batch: int
    bound: Bound


def prefill_flops(tokens: UserTokens, model: LanguageModel) -> float:
    """Floating-point operations of a user's prompts.

    2 x parameters a token, and 4 x layers x hidden size a pair of a token and a position that it attends to (a product
    with the key, one with the value). Source: Kaplan et al. 2020, arXiv 2001.08361, section 2.1; the mean token of a
    prompt that is computed whole attends to half of it, which gives their 2 x layers x length x width.

    Our own arithmetic: a call computes the last ``prefill / calls`` of ``context`` positions. Over calls of unequal
    length that is the most it can be.
    """
    of_call = tokens.prefill / tokens.calls
    pairs = tokens.prefill * (tokens.context - of_call / 2)
    return 2 * model.parameters * tokens.prefill + 4 * model.layers * model.hidden_size * pairs


def memory_batch(tokens: UserTokens, model: LanguageModel, accelerator: Accelerator) -> int:
    """Sequences whose caches fit beside the weights when each has written its last token. Our own arithmetic.

    (memory - weights) / (position bytes x (context + output / calls)), rounded down.

    Raises:
        UsageError: the weights do not fit, or not one sequence beside them.
    """
    left = accelerator.memory - model.weight_bytes
    if left <= 0:
        raise UsageError(
            f"{model.name} does not fit: its weights take {model.weight_bytes / 1e9:,.1f} GB, {accelerator.name} has "
            f"{accelerator.memory / 1e9:,.1f} GB. Name a smaller model, fewer bytes a weight or a larger accelerator."
        )
    of_sequence = model.position_bytes * (tokens.context + tokens.output / tokens.calls)
    if of_sequence > left:
        raise UsageError(
            f"Not one sequence fits beside {model.name} on {accelerator.name}: its cache takes "
            f"{of_sequence / 1e9:,.3f} GB, {left / 1e9:,.3f} GB are left. Shorten the context or name a larger one."
        )
    return int(left // of_sequence)


def gpu_hours(tokens: UserTokens, model: LanguageModel, accelerator: Accelerator, users: int) -> DayCost:
    """GPU-hours of a day for so many users, and what bounds them.

    Prefill, seconds a user: ``prefill_flops / (flops x prefill utilization)``. Model FLOPs utilization is meant as in
    PaLM, arXiv 2204.02311, appendix B.

    Decode, seconds a written token: the larger of two, a roofline; our own arithmetic, after PAPER 1.3 (decode is bound
    by memory). Positions are those at half of the output, the mean of a sequence's steps.

    * bytes: ``(weight bytes / batch + position bytes x positions) / (bandwidth x bandwidth utilization)``. Weights are
      read once a step and shared by the batch, each sequence reads its own cache. The batch is what memory allows.
    * arithmetic: ``(2 x parameters + 4 x layers x hidden size x positions) / (flops x decode utilization)``.

    ``bound`` is the first of these that holds:

    * ``prefill FLOPs``: prefill takes at least as long as decode.
    * ``decode FLOPs``: decode's arithmetic takes at least as long as its bytes.
    * ``cache memory``: of the bytes that decode reads, more are weights than caches. Memory keeps the batch that small;
      more of it, or shorter contexts, would lower most of decode.
    * ``decode bandwidth``: otherwise. Caches are most of what is read.

    There are always enough users to fill the batch, so hours are linear in users. Left out: memory for activations and
    for prefixes kept for later calls, reading weights in prefill, handing over caches, latency, idle hours.

    Raises:
        UsageError: users are none, or the model or one sequence does not fit.
    """
    _require_positive("The day", users=users)
    prefill = prefill_flops(tokens, model) / (accelerator.flops * accelerator.prefill_utilization)

    batch = memory_batch(tokens, model, accelerator)
    positions = tokens.context + tokens.output / tokens.calls / 2
    weights_read = model.weight_bytes / batch
    cache_read = model.position_bytes * positions
    moving = (weights_read + cache_read) / (accelerator.bandwidth * accelerator.bandwidth_utilization)
    operations = 2 * model.parameters + 4 * model.layers * model.hidden_size * positions
    computing = operations / (accelerator.flops * accelerator.decode_utilization)
    decode = tokens.output * max(moving, computing)

    bound: Bound
    if prefill >= decode:
        bound = "prefill FLOPs"
    elif computing >= moving:
        bound = "decode FLOPs"
    elif weights_read > cache_read:
        bound = "cache memory"
    else:
        bound = "decode bandwidth"
    return DayCost(prefill, decode, users * (prefill + decode) / SECONDS_AN_HOUR, batch, bound)
