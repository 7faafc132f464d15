"""vLLM in this process: no port, no key. The same code on CPU and GPU; what differs are settings."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from commands.errors import ConfigurationError, InfrastructureError
from model_steps.asking import Answer, Request, Sampling
from settings import EngineSettings

if TYPE_CHECKING:
    from vllm import SamplingParams

log = logging.getLogger("intentflow")


def prepare_environment(settings: EngineSettings) -> None:
    """Set what torch and vLLM read when they are imported; call it before either is. What is set already stays."""
    wanted = {
        "OMP_NUM_THREADS": str(settings.threads),
        # Threads that wait must not spin: on a shared machine they would take the core from those that work.
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # The engine core in this process: one engine, one owner, nothing left behind when it dies.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
        # Standard output belongs to the manifest.
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    }
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(settings.cache_gib)))


def engine_name(settings: EngineSettings) -> str:
    """What of the engine decides about answers, for the key of the answer cache."""
    return f"{settings.dtype}/{settings.quantization}/{settings.seed}"


class Engine:
    """A started model.

    Raises:
        ConfigurationError: there is no model folder. InfrastructureError: the engine does not start.
    """

    def __init__(self, settings: EngineSettings) -> None:
        if not (settings.model / "config.json").is_file():
            raise ConfigurationError(
                f"There is no model in {settings.model}: run `python -m model_steps.weights`, or set "
                "INTENTFLOW_ENGINE__MODEL."
            )
        prepare_environment(settings)
        started = time.monotonic()
        log.info("Starting the engine with %s.", settings.model.name)
        try:
            self.model = _start(settings)
        except Exception as error:
            raise InfrastructureError(f"The engine did not start: {error}") from error
        self.seconds_to_start = time.monotonic() - started
        log.info("The engine started in %.0f s.", self.seconds_to_start)

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer requests together; the answers come in the order of the requests.

        Raises:
            InfrastructureError: the engine failed.
        """
        if not requests:
            return []
        prompts: list[Any] = [{"prompt": request.prompt} for request in requests]
        parameters = [sampling_parameters(request.sampling) for request in requests]
        try:
            outputs = self.model.generate(prompts, parameters, use_tqdm=False)
        except Exception as error:
            raise InfrastructureError(f"The engine failed on {len(requests)} requests: {error}") from error
        answers = []
        for output in outputs:
            said = output.outputs[0]
            answers.append(
                Answer(
                    text=said.text,
                    prompt_tokens=len(output.prompt_token_ids or ()),
                    cached_tokens=output.num_cached_tokens or 0,
                    output_tokens=len(said.token_ids),
                    finished=said.finish_reason == "stop",
                )
            )
        return answers

    def reset_prefix_cache(self) -> None:
        """Forget all prefixes, so that what follows does not depend on what came before."""
        if not self.model.reset_prefix_cache():
            raise InfrastructureError("The engine's prefix cache could not be reset.")


def _start(settings: EngineSettings) -> Any:
    from vllm import LLM

    options: dict[str, Any] = {"quantization": settings.quantization}
    if not settings.chunked_prefill:
        # A prompt is never cut, so a step must have room for the longest.
        options["max_num_batched_tokens"] = settings.maximum_tokens
    return LLM(
        str(settings.model),
        dtype=settings.dtype,
        seed=settings.seed,
        trust_remote_code=False,
        enforce_eager=settings.eager,
        enable_prefix_caching=True,
        enable_chunked_prefill=settings.chunked_prefill,
        max_model_len=settings.maximum_tokens,
        max_num_seqs=settings.maximum_sequences,
        block_size=settings.block_tokens,
        tensor_parallel_size=settings.tensor_parallel,
        distributed_executor_backend="uni" if settings.tensor_parallel == 1 else None,
        disable_log_stats=True,
        load_format="safetensors",
        **options,
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
