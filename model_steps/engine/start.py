"""The engine is started when the first answer is missing: a day for which nothing changed starts none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from model_steps.embedding.slots import EntitySlots
from model_steps.engine.adapters import Adapter
from model_steps.engine.asking import Model
from model_steps.engine.vllm_engine import Engine
from settings import EngineSettings


class StartsModel(Protocol):
    """Gives a model when it is needed, and says how long that took.

    Args of a call:
        slots: the vectors of the entities that prompts have slots for; none when all prompts are text.
    """

    seconds: float

    def __call__(self, slots: EntitySlots | None) -> Model: ...


class LazyEngine:
    """Starts the engine when the first answer is missing, and knows what that cost.

    Args:
        adapters: what tuned roles are answered with, by role.
    """

    def __init__(self, settings: EngineSettings, adapters: Mapping[str, Adapter] | None = None) -> None:
        self._settings, self._adapters = settings, adapters
        self.seconds = 0.0

    def __call__(self, slots: EntitySlots | None) -> Model:
        started = time.monotonic()
        engine = Engine(self._settings, slots, self._adapters)
        self.seconds += time.monotonic() - started
        return engine
