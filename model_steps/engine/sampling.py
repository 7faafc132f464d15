"""How an answer is decoded, in vLLM's own form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_steps.engine.asking import Sampling

if TYPE_CHECKING:
    from vllm import SamplingParams


def ranking_parameters(tokens: Sequence[int]) -> SamplingParams:
    """One step of a ranking: log-probabilities of these tokens before any penalty or temperature; what is sampled
    is thrown away.

    Args:
        tokens: at most MAX_LOGPROB_TOKEN_IDS of vLLM's.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        max_tokens=1,
        temperature=0.0,
        logprob_token_ids=list(tokens),
        detokenize=False,
        ignore_eos=True,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def sampling_parameters(sampling: Sampling) -> SamplingParams:
    """vLLM's own form of a request's sampling."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    form = None
    if sampling.grammar or sampling.regex:
        form = StructuredOutputsParams(grammar=sampling.grammar, regex=sampling.regex)
    return SamplingParams(
        max_tokens=sampling.maximum_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        frequency_penalty=sampling.frequency_penalty,
        presence_penalty=sampling.presence_penalty,
        seed=sampling.seed,
        structured_outputs=form,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
