"""Roles with LoRA adapters by the real engine: equal to peft on plain transformers, beside roles that have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from model_steps.embedding.adaptor import model_width
from model_steps.embedding.slots import EntitySlots
from model_steps.engine.adapters import FORM, WEIGHTS, Adapter, read_adapter
from model_steps.engine.asking import Request, Sampling
from model_steps.engine.chat import Chat
from model_steps.engine.drawing import drawn
from model_steps.engine.options import Options
from model_steps.engine.ranking import read
from model_steps.engine.vllm_engine import Engine
from representation.hybrid import SLOT
from settings import Settings
from tests.model_steps.plain_scores import Reference, agree

KINDS = (
    "corn",
    "corn oil",
    "corn chips",
    "milk",
    "milk chocolate",
    "whole milk",
    "cream",
    "ice cream",
    "bread",
    "soap",
)
SYSTEM = "You name the category that a household buys next."
USER = "Bought lately: corn oil, milk, bread, apples, cheese, eggs, butter, rice, soap, coffee. What comes next?"
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# One for some layers and all their modules, one for all layers and few modules: what both may be tuned as.
FORMS: dict[str, dict[str, Any]] = {
    "expert": {"r": 12, "lora_alpha": 24, "target_modules": ALL, "layers_to_transform": [26, 28, 29]},
    "arbiter": {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]},
}


def plain(settings: Settings) -> Any:
    return AutoModelForCausalLM.from_pretrained(settings.engine.model, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def folders(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Adapters as peft saves them, with random weights that change what the model says."""
    torch.manual_seed(0)
    made = {}
    for role, form in FORMS.items():
        tuned = get_peft_model(plain(settings), LoraConfig(task_type="CAUSAL_LM", **form))
        for name, weights in tuned.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weights, std=0.05)
        made[role] = tmp_path_factory.mktemp(role)
        tuned.save_pretrained(str(made[role]))
    return made


@pytest.fixture(scope="module")
def adapters(settings: Settings, folders: dict[str, Path]) -> dict[str, Adapter]:
    return {
        role: read_adapter(
            role, (folder / WEIGHTS).read_bytes(), (folder / FORM).read_bytes(), settings.engine.model, str(folder)
        )
        for role, folder in folders.items()
    }


@pytest.fixture(scope="module")
def tuned_engine(settings: Settings, adapters: dict[str, Adapter]) -> Iterator[Engine]:
    found = Engine(settings.engine, EntitySlots.empty(model_width(settings.engine.model)), adapters)
    yield found
    # Left to the collector, it would take what engines of one process share with it while the next one answers.
    found.close()


@pytest.fixture(scope="module")
def chat(settings: Settings) -> Chat:
    return Chat(settings.engine.model)


@pytest.fixture(scope="module")
def references(settings: Settings, chat: Chat, folders: dict[str, Path]) -> dict[str, Reference]:
    tuned = {role: PeftModel.from_pretrained(plain(settings), folder).eval() for role, folder in folders.items()}
    return {role: Reference(chat, model) for role, model in {"planner": plain(settings), **tuned}.items()}


@pytest.fixture(scope="module")
def options(chat: Chat) -> Options:
    return Options(KINDS, chat.answer_tokens)


def test_each_role_is_answered_as_peft_would_cold_and_warm_and_in_one_batch(
    tuned_engine: Engine, chat: Chat, references: dict[str, Reference], options: Options
) -> None:
    prompt = chat.render_to_block(SYSTEM, USER, 32)
    asked = [Request.ranked("u", role, prompt, options, len(KINDS)) for role in ("expert", "planner", "arbiter")]
    wanted = [references[request.role].best(request) for request in asked]
    tuned_engine.reset_prefix_cache()
    alone = [answer for request in asked for answer in tuned_engine.generate([request])]
    together = tuned_engine.generate(asked)
    tuned_engine.reset_prefix_cache()
    cold = tuned_engine.generate(asked)
    for answers in (alone, together, cold):
        for answer, expected in zip(answers, wanted, strict=True):
            assert agree(read(answer.text), expected, len(KINDS))
    # They differ by far more than what counts as equal: no role got another's weights, nor another's prefix.
    assert not any(agree(read(alone[0].text), other, len(KINDS)) for other in wanted[1:])
    assert not agree(read(alone[2].text), wanted[1], len(KINDS))
    assert together[0].cached_tokens > 0


def test_an_option_is_drawn_with_the_roles_own_weights(
    tuned_engine: Engine, chat: Chat, references: dict[str, Reference], options: Options
) -> None:
    prompt = chat.render_to_block(SYSTEM, USER, 32)
    first = []
    for role in ("expert", "planner"):
        asked = [drawn("u", role, prompt, options, 1.0, attempt=attempt) for attempt in range(40)]
        answers = tuned_engine.generate(asked)
        known = dict(references[role].best(Request.ranked("u", role, prompt, options, len(KINDS))))
        found = [pair for answer in answers for pair in read(answer.text)]
        assert [worth for _, worth in found] == pytest.approx([known[option] for option, _ in found], abs=2e-2)
        assert len({option for option, _ in found}) > 1
        # Nothing of the trie is asked but what is come to.
        assert all(1 <= answer.steps <= 3 for answer in answers)
        assert [answer.text for answer in tuned_engine.generate(asked)] == [answer.text for answer in answers]
        first.append([option for option, _ in found])
    assert first[0] != first[1]


def test_slots_are_read_with_the_roles_own_weights(
    tuned_engine: Engine,
    chat: Chat,
    references: dict[str, Reference],
    options: Options,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tuned_engine.slots is not None
    vectors = np.random.default_rng(0).normal(0, 0.1, (2, tuned_engine.slots.width)).astype(np.float32)
    monkeypatch.setattr(tuned_engine, "slots", EntitySlots(["a", "b"], vectors))
    prompt = chat.render(SYSTEM, f"Bought lately: {SLOT}, {SLOT}. What comes next?")
    asked = [Request.ranked("u", role, prompt, options, len(KINDS), ("a", "b")) for role in ("planner", "expert")]
    for answer, request in zip(tuned_engine.generate(asked), asked, strict=True):
        assert agree(read(answer.text), references[request.role].best(request, vectors), len(KINDS))


def test_a_role_writes_with_its_adapter(
    settings: Settings, tuned_engine: Engine, chat: Chat, references: dict[str, Reference]
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(settings.engine.model)
    prompt = chat.render(SYSTEM, USER)
    asked = [Request("u", role, prompt, Sampling(maximum_tokens=8)) for role in ("planner", "expert", "arbiter")]
    said = tuned_engine.generate([*asked, replace(asked[0], user_id="v")])
    for answer, request in zip(said[:3], asked, strict=True):
        path: tuple[int, ...] = ()
        for _ in range(8):
            path += (int(references[request.role].logprobs(prompt, path, None).argmax()),)
        assert answer.text == tokenizer.decode(list(path), skip_special_tokens=True)
    assert said[3].text == said[0].text
