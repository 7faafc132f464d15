"""LoRA adapters in vLLM: what the engine is started with, and which adapter a role's requests carry.

The weights of the language model stay as they are, so one engine answers tuned and untuned roles from one cache. The
prefix cache takes an adapter's name into its keys: prefixes are shared by the roles of one adapter alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from model_steps.engine.adapters import FORM, RANKS, WEIGHTS, Adapter
from runtime.errors import InfrastructureError

if TYPE_CHECKING:
    from vllm.lora.request import LoRARequest


def options(adapters: Mapping[str, Adapter]) -> dict[str, Any]:
    """What vLLM is started with for these adapters, by role; nothing where there are none."""
    if not adapters:
        return {}
    _replace_products()
    return {
        "enable_lora": True,
        "max_loras": len(_distinct(adapters)),
        "max_lora_rank": next(rank for rank in RANKS if rank >= max(each.rank for each in adapters.values())),
        # Other modules stay as they are. The head would cost most: vLLM's CPU build copies its adapter for each row.
        "lora_target_modules": sorted({module for adapter in adapters.values() for module in adapter.modules}),
    }


def load(model: Any, adapters: Mapping[str, Adapter]) -> dict[str, LoRARequest]:
    """Hand adapters to a started engine; returns what the requests of each role carry.

    Raises:
        InfrastructureError: the engine does not take one.
    """
    from vllm.lora.request import LoRARequest

    carried = {}
    # vLLM reads an adapter from a folder, once: there is room for all of them.
    with TemporaryDirectory(prefix="intentflow-") as place:
        for number, adapter in enumerate(_distinct(adapters), start=1):
            folder = Path(place) / adapter.digest
            folder.mkdir()
            (folder / WEIGHTS).write_bytes(adapter.weights)
            (folder / FORM).write_bytes(adapter.form)
            request = LoRARequest(adapter.digest, number, str(folder))
            if not model.llm_engine.add_lora(request):
                raise InfrastructureError(f"The engine did not take the LoRA adapter {adapter.name}.")
            carried[adapter.digest] = request
    return {role: carried[adapter.digest] for role, adapter in adapters.items()}


def _distinct(adapters: Mapping[str, Adapter]) -> list[Adapter]:
    return list({adapter.digest: adapter for adapter in adapters.values()}.values())


def _replace_products() -> None:
    """On a processor, let vLLM multiply by adapters as we do."""
    from vllm.platforms import current_platform

    if current_platform.is_cpu():
        from model_steps.engine.lora_products import RunProducts

        name = f"{RunProducts.__module__}.{RunProducts.__qualname__}"
        platform: Any = type(current_platform)
        platform.get_punica_wrapper = classmethod(lambda _: name)
