"""Rankings by the real engine: equal to scores that plain transformers compute, whatever the prefix cache holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from model_steps.embedding.slots import EntitySlots
from model_steps.engine.asking import Request, Sampling
from model_steps.engine.chat import Chat
from model_steps.engine.options import Options
from model_steps.engine.ranking import read
from model_steps.engine.vllm_engine import Engine
from representation.hybrid import SLOT
from settings import Settings
from tests.model_steps.plain_scores import Reference, agree

KINDS = ("corn", "corn oil", "corn chips", "cornish hen", "milk", "milk chocolate", "whole milk", "cream", "ice cream")
TEXTS = (*KINDS, *(f"{kind} {form}" for kind in KINDS for form in ("fresh", "frozen", "family size")), "bread", "soap")
SYSTEM = "You name the category that a household buys next."
USER = "Bought lately: corn oil, milk, bread, apples, cheese, eggs, butter, rice, soap, coffee. What comes next?"


@pytest.fixture(scope="module")
def chat(settings: Settings) -> Chat:
    return Chat(settings.engine.model)


@pytest.fixture(scope="module")
def reference(settings: Settings, chat: Chat) -> Reference:
    return Reference(chat, AutoModelForCausalLM.from_pretrained(settings.engine.model, dtype=torch.float32).eval())


@pytest.fixture(scope="module")
def options(chat: Chat) -> Options:
    return Options(TEXTS, chat.answer_tokens)


def test_a_ranking_equals_plain_scores_cold_and_warm_and_beside_a_written_answer(
    engine: Engine, chat: Chat, reference: Reference, options: Options
) -> None:
    prompt = chat.render_to_block(SYSTEM, USER, 32)
    some = Request.ranked("u", "expert", prompt, options, 12)
    every = replace(some, most=len(TEXTS))
    written = Request("u", "planner", prompt, Sampling(maximum_tokens=3))
    wanted = reference.best(some)
    engine.reset_prefix_cache()
    cold, said, whole = engine.generate([some, written, every])
    (warm,) = engine.generate([some])
    assert len(TEXTS) == len(wanted) == 38
    assert agree(read(cold.text), wanted, 12)
    assert agree(read(whole.text), wanted, len(TEXTS))
    assert sum(np.exp(worth) for _, worth in read(whole.text)) == pytest.approx(1.0, abs=1e-2)
    # What is cached changes the last bits, and so now and then the last digit.
    assert [option for option, _ in read(warm.text)] == [option for option, _ in read(cold.text)]
    assert [worth for _, worth in read(warm.text)] == pytest.approx([worth for _, worth in read(cold.text)], abs=5e-4)
    assert (said.steps, said.output_tokens) == (0, 3)
    # All of the prompt's blocks are in the cache: a step computes the prompt's last token and what follows it.
    assert warm.steps == cold.steps <= options.parting_nodes
    assert warm.prompt_tokens - warm.cached_tokens <= 6 * warm.steps


def test_slots_are_part_of_what_a_ranking_reads(
    engine: Engine, chat: Chat, reference: Reference, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).normal(0, 0.1, (2, reference.width)).astype(np.float32)
    monkeypatch.setattr(engine, "slots", EntitySlots(["a", "b"], vectors))
    prompt = chat.render(SYSTEM, f"Bought lately: {SLOT}, {SLOT}. What comes next?")
    one = Request.ranked("u", "expert", prompt, options, 10, ("a", "b"))
    other = replace(one, entities=("b", "a"))
    first, second = engine.generate([one, other])
    assert agree(read(first.text), reference.best(one, vectors), 10)
    assert agree(read(second.text), reference.best(other, vectors[::-1].copy()), 10)
    assert first.text != second.text
