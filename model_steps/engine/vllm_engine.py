"""vLLM in this process: no port, no key. The same code on CPU and GPU; what differs are settings."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from model_steps.embedding.slots import EntitySlots
from model_steps.engine import hybrid_prompt, lora
from model_steps.engine.adapters import Adapter
from model_steps.engine.asking import Answer, Request
from model_steps.engine.bounded_queue import run_bounded
from model_steps.engine.cache_capacity import tokens_that_fit
from model_steps.engine.chat import Chat
from model_steps.engine.drawing import search_of
from model_steps.engine.environment import prepare_environment
from model_steps.engine.options import Node
from model_steps.engine.ranked_steps import Step, answer_of, bounded_steps, children_scores
from model_steps.engine.ranking import search_together
from model_steps.engine.sampling import ranking_parameters, sampling_parameters
from runtime import processor
from runtime.errors import CommandError, ConfigurationError, DataError, InfrastructureError
from settings import EngineSettings

if TYPE_CHECKING:
    import torch
    from vllm import RequestOutput

log = logging.getLogger("intentflow")


def engine_name(settings: EngineSettings) -> str:
    """What of the engine decides about answers, for the key of the answer cache."""
    return f"{processor.resolve(settings.dtype, settings.model)}/{settings.quantization}/{settings.seed}"


class Engine:
    """A started model.

    Args:
        slots: the vectors of the entities that prompts have slots for; none when all prompts are text. An engine that
            was started without any takes none later.
        adapters: what tuned roles are answered with, by role; others are answered by the model as it is.

    Raises:
        ConfigurationError: there is no model folder. InfrastructureError: the engine does not start.
    """

    def __init__(
        self, settings: EngineSettings, slots: EntitySlots | None = None, adapters: Mapping[str, Adapter] | None = None
    ) -> None:
        if not (settings.model / "config.json").is_file():
            raise ConfigurationError(
                f"There is no model in {settings.model}: run `python -m model_steps.weights`, or set "
                "INTENTFLOW_ENGINE__MODEL."
            )
        prepare_environment(settings)
        started = time.monotonic()
        log.info("Starting the engine with %s.", settings.model.name)
        try:
            self.model = _start(settings, hybrid=slots is not None, adapters=adapters or {})
            self._lora = lora.load(self.model, adapters or {})
        except Exception as error:
            raise InfrastructureError(f"The engine did not start: {error}") from error
        self.seconds_to_start = time.monotonic() - started
        log.info("The engine started in %.0f s.", self.seconds_to_start)
        self.slots = slots
        self._settings = settings
        self._chat = Chat(settings.model)
        # A ranking hands the same prompt over at every step.
        self._tokens_of = lru_cache(maxsize=512)(self._chat.tokens)
        self._numbers: dict[str, int] = {}
        self._warn_of_smaller_cache()

    def _warn_of_smaller_cache(self) -> None:
        """Chunks were cut for a cache of a size: with a smaller one users' prefixes would be computed twice."""
        cache = self.model.llm_engine.vllm_config.cache_config
        holds, promised = int(cache.num_gpu_blocks or 0) * int(cache.block_size), tokens_that_fit(self._settings)
        if holds < promised:
            log.warning("The engine's cache holds %d tokens, and the settings promise %d.", holds, promised)

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer requests together; the answers come in the order of the requests.

        Written answers and rankings may stand side by side; the rankings come after the others.

        Raises:
            DataError: a slot's vector cannot be handed to the engine. InfrastructureError: the engine failed.
        """
        written = [request for request in requests if request.options is None]
        ranked = [request for request in requests if request.options is not None]
        try:
            texts = iter([written_answer(output) for output in self._run([Step(request) for request in written])])
            rankings = iter(self._rank(ranked))
            return [next(texts if request.options is None else rankings) for request in requests]
        except CommandError:
            self._abandon()
            raise
        except Exception as error:
            self._abandon()
            raise InfrastructureError(f"The engine failed on {len(requests)} requests: {error}") from error

    def _run(self, steps: Sequence[Step]) -> list[RequestOutput]:
        return run_bounded(steps, self._bytes_of, self._submit, self._step, int(self._settings.queued_mib * 2**20))

    def _rank(self, requests: Sequence[Request]) -> list[Answer]:
        """Rankings and drawn options in the order of the requests, each wave of all of them one batch."""
        outputs: list[list[RequestOutput]] = [[] for _ in requests]
        searches = [search_of(request, self._settings.ranking_width) for request in requests]

        def scores(asked: Sequence[tuple[int, Node]]) -> list[list[float]]:
            steps = [bounded_steps(requests[number], node) for number, node in asked]
            said = iter(self._run([step for parts in steps for step in parts]))
            found = []
            for (number, _), parts in zip(asked, steps, strict=True):
                own = [next(said) for _ in parts]
                outputs[number] += own
                found.append(children_scores(parts, own))
            return found

        search_together(searches, scores)
        return [answer_of(search.best(), said) for search, said in zip(searches, outputs, strict=True)]

    def _bytes_of(self, step: Step) -> int:
        """What a step's prompt holds until it is answered."""
        prompt = step.request.prompt
        if not step.request.entities or self.slots is None:
            return len(prompt)
        return (len(self._tokens_of(prompt)) + len(step.path)) * self.slots.width * self._dtype.itemsize

    def _submit(self, number: int, step: Step) -> None:
        asked = self.prompt_of(step.request, step.path)
        sampling = ranking_parameters(step.tokens) if step.tokens else sampling_parameters(step.request.sampling)
        # An id of the engine's own is the number it counts, and a suffix.
        found = self.model.enqueue(asked, sampling, self._lora.get(step.request.role), use_tqdm=False)
        self._numbers[found[0].split("-")[0]] = number

    def prompt_of(self, request: Request, path: Sequence[int] = ()) -> Any:
        """A request's prompt in vLLM's own form, and the tokens of an answer so far behind it."""
        # As ids, for from a text the engine would make others: it puts a token that begins a sequence before each.
        token_ids = [*self._tokens_of(request.prompt), *path]
        if not request.entities:
            if self._chat.slot in token_ids:
                raise DataError("The engine got a prompt with slots and no entities for them.")
            return {"prompt_token_ids": token_ids}
        if self.slots is None:
            raise ConfigurationError("The engine got a prompt with entities and has no vectors for them.")
        import torch

        vectors = self.slots.of(request.entities)
        built = hybrid_prompt.assemble(token_ids, self._chat.slot, vectors, self.slots.width)
        return {
            "prompt_token_ids": list(built.token_ids),
            "prompt_embeds": torch.from_numpy(built.expanded()).to(self._dtype),
            "prompt_is_token_ids": built.is_token.tolist(),
        }

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.model.llm_engine.model_config.dtype
        return dtype

    def _step(self) -> Iterator[tuple[int, RequestOutput]]:
        for output in self.model.llm_engine.step():
            if output.finished:
                yield self._numbers.pop(output.request_id), output

    def _abandon(self) -> None:
        """What was asked and not answered must not be answered to whoever asks next."""
        with suppress(Exception):  # An engine that died answers nobody.
            self.model.llm_engine.abort_request(list(self._numbers), internal=False)
        self._numbers.clear()

    def close(self) -> None:
        """Give the memory back; the engine cannot be used again."""
        self.model.llm_engine.engine_core.shutdown()
        del self.model

    def reset_prefix_cache(self) -> None:
        """Forget all prefixes, so that what follows does not depend on what came before."""
        if not self.model.reset_prefix_cache():
            raise InfrastructureError("The engine's prefix cache could not be reset.")


def _start(settings: EngineSettings, hybrid: bool, adapters: Mapping[str, Adapter]) -> Any:
    from vllm import LLM

    options: dict[str, Any] = {
        **lora.options(adapters),
        "quantization": settings.quantization,
        "kv_cache_memory_bytes": int(settings.cache_gib * 2**30),
        "enable_prompt_embeds": hybrid,
    }
    if not settings.chunked_prefill:
        # A prompt is never cut, so a step must have room for the longest.
        options["max_num_batched_tokens"] = settings.maximum_tokens
    return LLM(
        str(settings.model),
        dtype=processor.resolve(settings.dtype, settings.model),
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


def written_answer(output: RequestOutput) -> Answer:
    """What the model wrote, from vLLM's own form."""
    said = output.outputs[0]
    return Answer(
        text=said.text,
        prompt_tokens=len(output.prompt_token_ids or ()),
        cached_tokens=output.num_cached_tokens or 0,
        output_tokens=len(said.token_ids),
        finished=said.finish_reason == "stop",
    )
