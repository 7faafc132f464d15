"""Prompts with slots on the real engine: what a slot holds is read as if it were a token's own embedding."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file

from model_steps.embedding.embedder import Vectors
from model_steps.embedding.slots import EntitySlots
from model_steps.engine.asking import Request, Sampling
from model_steps.engine.chat import Chat
from model_steps.engine.vllm_engine import Engine
from representation.hybrid import SLOT
from runtime.errors import ConfigurationError, DataError
from settings import Settings

QUESTION = "Repeat the word {} and then write one sentence about it."
WORD = " milk"


@pytest.fixture(scope="module")
def embeddings(settings: Settings) -> Vectors:
    """The language model's own token embeddings."""
    return np.asarray(load_file(settings.engine.model / "model.safetensors")["model.embed_tokens.weight"], np.float32)


@pytest.fixture
def chat(settings: Settings) -> Chat:
    return Chat(settings.engine.model)


def asked(chat: Chat, word: str, entities: tuple[str, ...] = (), tokens: int = 24) -> Request:
    prompt = chat.render("You are brief.", QUESTION.format(word))
    return Request("u", "test", prompt, Sampling(maximum_tokens=tokens), entities=entities)


def test_a_slot_with_a_tokens_own_embedding_is_that_token(engine: Engine, chat: Chat, embeddings: Vectors) -> None:
    (token,) = chat.tokens(WORD)
    engine.slots = EntitySlots(["e"], embeddings[[token]])
    as_text = asked(chat, f"x{WORD}")
    as_slot = asked(chat, f"x{SLOT}", ("e",))
    assert chat.count(as_slot.prompt) == chat.count(as_text.prompt)
    engine.reset_prefix_cache()
    text, slot = engine.generate([as_text, as_slot])
    assert slot.text == text.text
    assert slot.prompt_tokens == text.prompt_tokens == chat.count(as_text.prompt)


def test_prefixes_with_slots_are_cached_by_what_the_slots_hold(
    engine: Engine, chat: Chat, embeddings: Vectors, settings: Settings
) -> None:
    many = 3 * settings.engine.block_tokens
    engine.slots = EntitySlots(["a", "b"], embeddings[[300, 400]])
    engine.reset_prefix_cache()
    first, again, other = (
        engine.generate([asked(chat, SLOT * many, (entity,) * many, tokens=2)])[0] for entity in ("a", "a", "b")
    )
    assert first.cached_tokens == 0
    assert again.cached_tokens >= many
    # Only what stands before the slots is the same.
    assert other.cached_tokens < settings.engine.block_tokens * 2


def test_what_the_engine_cannot_take_never_reaches_it(engine: Engine, chat: Chat, embeddings: Vectors) -> None:
    engine.slots = EntitySlots(["e"], embeddings[[300]])
    with pytest.raises(DataError, match=r"2 slots of 576 numbers got vectors of the shape \(1, 576\)"):
        engine.generate([asked(chat, SLOT * 2, ("e",))])
    engine.slots = None
    with pytest.raises(ConfigurationError, match="has no vectors for them"):
        engine.generate([asked(chat, SLOT, ("e",))])
    # And it goes on with what it can.
    assert engine.generate([asked(chat, "x")])[0].text


def test_few_bytes_at_a_time_give_the_same_answers(
    engine: Engine, chat: Chat, embeddings: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.slots = EntitySlots(["a", "b"], embeddings[[300, 400]])
    requests = [asked(chat, SLOT * length, ("a",) * length, tokens=4) for length in (1, 2, 3, 4)]
    engine.reset_prefix_cache()
    together = [answer.text for answer in engine.generate(requests)]
    narrow = engine._settings.model_copy(update={"queued_mib": 1e-6})
    monkeypatch.setattr(engine, "_settings", narrow)
    engine.reset_prefix_cache()
    assert [answer.text for answer in engine.generate(requests)] == together
