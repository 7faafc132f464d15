"""The real language model with an adapter: branches are worth what they are worth alone, and the base stays."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from model_steps.agents.ranked_expert import NOTHING, tag_space
from model_steps.engine.chat import Chat
from model_steps.training.experts.course import ExpertsCourse
from model_steps.training.experts.personas import PersonaExample
from model_steps.training.experts.pools import Customer
from model_steps.training.lora.loop import train
from model_steps.training.lora.taught import packed, teach
from model_steps.training.lora.tuned_model import TunedModel
from representation.evidence import CategoryEvidence
from runtime.errors import ConfigurationError, DataError
from settings import ExpertsSettings, MixSettings, Settings

HALVES = MixSettings(behavior=0.5, general=0.5)
SMALL = ExpertsSettings(
    rank=4, first_layer=28, steps=4, batch=2, validation_steps=2, checkpoint_steps=2, mix=HALVES, reviews=1
)  # fmt: skip

BOUGHT = {"milk": CategoryEvidence("m", "milk", 2, "2017-08-20", None, 1)}
CUSTOMERS = [Customer(name, "2017-08-23", BOUGHT, "", "", frozenset(["corn", "white milk"])) for name in ("ann", "bob")]


@pytest.fixture(scope="module")
def chat(settings: Settings) -> Chat:
    return Chat(settings.engine.model)


def fresh(settings: Settings, chosen: ExpertsSettings = SMALL) -> TunedModel:
    return TunedModel(settings.engine.model, "float32", chosen)


@torch.no_grad()
def alone(model: TunedModel, prompt: list[int], answer: list[int]) -> list[torch.Tensor]:
    """Log-probabilities of whole vocabularies before each token of an answer, without any tree."""
    whole = model.peft(torch.tensor([[*prompt, *answer]])).logits[0].float()
    return [whole[len(prompt) - 1 + place] for place in range(len(answer))]


def worth_alone(model: TunedModel, prompt: list[int], tag: str, options: Any) -> float:
    """Log-probability of a tag among all options, question by question."""
    answer, node, total = options.tokenizes(tag), options.root, 0.0
    logits = alone(model, prompt, answer)
    while node.option is None:
        children = list(node.children)
        found = logits[len(node.path)][children].log_softmax(-1)
        token = answer[len(node.path)]
        total += float(found[children.index(token)])
        node = node.children[token]
    return total


def test_a_branch_is_worth_what_it_is_worth_alone(settings: Settings, chat: Chat) -> None:
    model = fresh(settings)
    options = tag_space(["corn", "corn oil", "white milk", "milk chocolate", "milk"], chat.answer_tokens)
    prompt = chat.tokens(chat.render("You sell food.", "What next?"))
    by_hand = {tag: worth_alone(model, prompt, tag, options) for tag in options.texts}
    assert sum(math.exp(each) for each in by_hand.values()) == pytest.approx(1, abs=1e-4)
    shares = {"corn": 0.2, "corn oil": 0.1, "milk chocolate": 0.3, NOTHING: 0.4}
    with torch.no_grad():
        both = [teach(prompt, shares, options), teach(prompt[:-1], {"milk": 1.0}, options)]
        loss = float(model.loss(both))
        assert model.cross_entropy(both) == pytest.approx(loss, abs=1e-3)
    other = worth_alone(model, prompt[:-1], "milk", options)
    assert loss == pytest.approx((-sum(share * by_hand[tag] for tag, share in shares.items()) - other) / 2, abs=1e-3)
    ranked = model.rank(prompt, options, 3)
    best = sorted(by_hand.items(), key=lambda each: -each[1])[:3]
    assert [tag for tag, _ in ranked] == [tag for tag, _ in best]
    assert [each for _, each in ranked] == pytest.approx([each for _, each in best], abs=1e-3)


def test_personas_together_are_worth_what_each_is_worth(settings: Settings, chat: Chat) -> None:
    model = fresh(settings)
    options = tag_space(["corn", "corn oil", "white milk", "milk chocolate", "milk"], chat.answer_tokens)
    texts = ("What next of the dairy shelf?", "What next of vegetables, then?", "And now?")
    shares = ({"milk": 0.5, "white milk": 0.2, NOTHING: 0.3}, {"corn oil": 1.0}, {"corn": 0.4, NOTHING: 0.6})
    several = [
        teach(chat.tokens(chat.render("You sell food.", text)), share, options)
        for text, share in zip(texts, shares, strict=True)
    ]
    with torch.no_grad():
        alone, together = float(model.loss(several)), float(model.loss([packed(several)]))
        mixed = float(model.loss([packed(several[:2]), several[2]]))
    assert together == pytest.approx(alone, abs=1e-4)
    assert mixed == pytest.approx(alone, abs=1e-4)


def course_of(chat: Chat, settings: Settings) -> ExpertsCourse:
    options = tag_space(["corn", "milk", "white milk"], chat.answer_tokens)
    rows = [
        {"user_id": f"customer {number // 2}", "day": "2017-08-23", "text": f"Customer {number} bought milk."}
        for number in range(5)
    ]

    def encode(row: Any) -> PersonaExample:
        prompt = tuple(chat.tokens(chat.render("You sell food.", row["text"])))
        return PersonaExample("u", "2017-08-23", 0, "train", prompt, ("white milk",))

    general = [(tuple(chat.tokens(chat.render("", "Hello"))), (1, 2))]
    return ExpertsCourse(
        rows, encode, general, options, SMALL, CUSTOMERS, lambda customer, pool: customer.prompt(pool, chat, settings)
    )


def adapter_of(model: TunedModel) -> dict[str, torch.Tensor]:
    return {name: each.detach().clone() for name, each in model.master.items()}


class Killed(Exception):
    """Stands for the end of a process: raised out of a validation, in the middle of a step."""


def test_a_killed_training_ends_as_if_it_had_lived(settings: Settings, chat: Chat, tmp_path: Any) -> None:
    whole, killed, resumed = fresh(settings), fresh(settings), fresh(settings)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    train(whole, course_of(chat, settings), lambda: {"cross_entropy": 2.0}, SMALL, tmp_path / "whole", "work")
    calls: list[int] = []

    def dies() -> dict[str, float]:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return {"cross_entropy": 2.0}

    with pytest.raises(Killed):
        train(killed, course_of(chat, settings), dies, SMALL, tmp_path / "killed", "work")
    history = train(
        resumed, course_of(chat, settings), lambda: {"cross_entropy": 2.0}, SMALL, tmp_path / "killed", "work"
    )
    assert len(history) == SMALL.steps
    for name, each in adapter_of(whole).items():
        assert torch.equal(each, adapter_of(resumed)[name])


def test_an_adapter_that_learns_moves_and_the_best_is_kept(settings: Settings, chat: Chat, tmp_path: Any) -> None:
    model = fresh(settings)
    start = adapter_of(model)
    found = iter([2.1, 2.2])
    history = train(model, course_of(chat, settings), lambda: {"cross_entropy": next(found)}, SMALL, tmp_path, "work")
    assert [row["cross_entropy"] for row in history if "cross_entropy" in row] == [2.1, 2.2]
    assert any(not torch.equal(each, start[name]) for name, each in adapter_of(model).items())
    # The second validation was worse, so the adapter is the one of step 2 and not of step 4.
    again = fresh(settings)
    two = SMALL.model_copy(update={"steps": 4, "patience": 1})
    (tmp_path / "again").mkdir()
    found = iter([2.1, 2.2])
    train(again, course_of(chat, settings), lambda: {"cross_entropy": next(found)}, two, tmp_path / "again", "work")
    for name, each in adapter_of(model).items():
        assert torch.equal(each, adapter_of(again)[name])


def test_another_trainings_state_is_refused(settings: Settings, chat: Chat, tmp_path: Any) -> None:
    train(fresh(settings), course_of(chat, settings), lambda: {"cross_entropy": 2.0}, SMALL, tmp_path, "work")
    with pytest.raises(DataError, match="state of another training"):
        train(fresh(settings), course_of(chat, settings), lambda: {"cross_entropy": 2.0}, SMALL, tmp_path, "other work")


def test_a_training_goes_on_from_a_tuned_adapter(settings: Settings, chat: Chat, tmp_path: Any) -> None:
    tuned, again = fresh(settings), fresh(settings)
    train(tuned, course_of(chat, settings), lambda: {"cross_entropy": 2.0}, SMALL, tmp_path, "work")
    tuned.peft.save_pretrained(tmp_path, safe_serialization=True)
    weights = (tmp_path / "adapter_model.safetensors").read_bytes()
    again.start_from(weights, "here")
    for name, each in adapter_of(tuned).items():
        assert torch.equal(each, adapter_of(again)[name])
    other = fresh(settings, SMALL.model_copy(update={"rank": 8}))
    with pytest.raises(ConfigurationError, match="adapter in here has other layers or another rank"):
        other.start_from(weights, "here")


def test_a_pool_is_learnt_beside_personas_and_general_answers(settings: Settings, chat: Chat, tmp_path: Any) -> None:
    model, (customer, _) = fresh(settings), CUSTOMERS
    pool = ["corn", "milk", "white milk"]
    options = tag_space(pool, chat.answer_tokens).among(pool)
    taught = teach(customer.prompt(pool, chat, settings), dict.fromkeys(sorted(customer.outcomes), 0.5), options)
    before = float(model.loss([taught]).detach())
    better = iter([2.2, 2.1])
    history = train(model, course_of(chat, settings), lambda: {"cross_entropy": next(better)}, SMALL, tmp_path, "work")
    assert sum("pools" in row for row in history) > 1
    assert all(row.keys() >= {"personas", "general"} for row in history)
    assert float(model.loss([taught]).detach()) < before
