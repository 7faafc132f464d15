"""What is slow to make, once: an engine (half a minute), and grammars compiled for the model's tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import xgrammar
from transformers import AutoTokenizer

from model_steps import weights
from model_steps.embedding.adaptor import model_width
from model_steps.embedding.slots import EntitySlots
from model_steps.engine.vllm_engine import Engine
from settings import InferenceSettings, Settings, load_settings
from tests.evaluation.conftest import actions, land

__all__ = ["actions", "engine", "land", "settings"]


@pytest.fixture(scope="session")
def settings() -> Settings:
    base = load_settings()
    inference = InferenceSettings(
        asking="written",
        chunk_users=2,
        personas=2,
        evidence=1,
        tags_per_expert=3,
        tags=2,
        minimum_events=1,
        minimum_active_days=1,
    )
    engine = base.engine.model_copy(update={"maximum_tokens": 2048, "cache_gib": 1.0})
    if not weights.is_complete(engine.model):
        weights.convert(weights.find_gguf(), engine.model)
    # Who wants captions asks for them: a shop of these tests has no catalog of items.
    explanations = base.explanations.model_copy(update={"tags": 0})
    return base.model_copy(update={"inference": inference, "engine": engine, "explanations": explanations})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The engine that many tests share comes after those that tests make for themselves: one that ends takes with it
    what all engines of a process share."""
    items.sort(key=lambda item: "engine" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Engine:
    return Engine(settings.engine, EntitySlots.empty(model_width(settings.engine.model)))


class Grammars:
    """Compiles grammars as the engine does and feeds them answers, token by token."""

    def __init__(self, settings: Settings) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(settings.engine.model)
        tokens = xgrammar.TokenizerInfo.from_huggingface(self.tokenizer)
        self.compiler = xgrammar.GrammarCompiler(tokens)
        (self.end,) = tokens.stop_token_ids

    def takes(self, grammar: str, answer: str) -> bool:
        """Whether the model may write exactly this answer: no token of it is masked, and it may stop there."""
        matcher = xgrammar.GrammarMatcher(self.compiler.compile_grammar(grammar))
        tokens = self.tokenizer.encode(answer, add_special_tokens=False)
        if not all(matcher.accept_token(token) for token in tokens):
            return False
        return bool(matcher.accept_token(self.end) and matcher.is_terminated())


@pytest.fixture(scope="session")
def takes(settings: Settings) -> Callable[[str, str], bool]:
    """``takes(grammar, answer)``: whether a grammar takes an answer to its end."""
    return Grammars(settings).takes
