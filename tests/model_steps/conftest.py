"""One started engine for all tests of the real model: starting it takes half a minute."""

from __future__ import annotations

import pytest

from model_steps import weights
from model_steps.embedding.adaptor import model_width
from model_steps.embedding.slots import EntitySlots
from model_steps.engine.vllm_engine import Engine
from settings import InferenceSettings, Settings, load_settings


@pytest.fixture(scope="session")
def settings() -> Settings:
    base = load_settings()
    inference = InferenceSettings(
        chunk_users=2, personas=2, evidence=1, tags_per_expert=3, tags=2, minimum_events=1, minimum_active_days=1
    )
    engine = base.engine.model_copy(update={"maximum_tokens": 2048, "cache_gib": 1.0})
    if not weights.is_complete(engine.model):
        weights.convert(weights.find_gguf(), engine.model)
    return base.model_copy(update={"inference": inference, "engine": engine})


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Engine:
    return Engine(settings.engine, EntitySlots.empty(model_width(settings.engine.model)))
