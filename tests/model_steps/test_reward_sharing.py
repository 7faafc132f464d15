"""Candidates behind a beginning that is computed once are worth what each is worth by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from model_steps.engine.chat import Chat
from model_steps.engine.options import Options
from model_steps.judge.reward.groups import encoder, grouped
from model_steps.judge.reward.head import label_tokens
from model_steps.training.lora.token_tree import tree_of
from model_steps.training.reward import stored
from model_steps.training.reward.model import RewardModel
from runtime.errors import DataError
from schemas.judge_labels import FINDINGS
from settings import JudgeSettings, RewardSettings, Settings
from tests.model_steps.judged_shop import SHOP
from tests.model_steps.reward_cases import case_of, customer_of
from tests.model_steps.tiny_reward import SMALL, fresh, write_model

PROMPT = (3, 4, 5, 6, 7, 8)
# Some begin alike, one is another's beginning, one stands twice, and they are of several lengths.
CANDIDATES = ((10, 11, 12), (10, 11, 13, 14), (10, 11), (20,), (20,), (21, 22, 23, 24, 25, 26), (10, 30, 12))
ODDS = (0.5, -2.0, 0.0, 3.0, 1.0, -1.0, 0.25)
ALIKE = 1e-4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def reward(model: Path) -> RewardModel:
    """One whose adapter says something: it begins with none."""
    reward = fresh(model)
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in reward.tuned.master.values():
            each.add_(torch.randn(each.shape, generator=chance) * 0.3)
    reward.take_over()
    return reward


def by_itself(reward: RewardModel, prompt: Any, candidate: Any) -> float:
    """A candidate's score by peft's model itself: no tree, no rows, nothing of ours but the head."""
    with torch.no_grad():
        states = reward.tuned.peft(torch.tensor([[*prompt, *candidate]]), output_hidden_states=True).hidden_states[-1]
        return float(reward.head(states[0, -1]).sigmoid())


def test_a_tree_has_each_token_once_and_each_branch_its_end() -> None:
    tree, ends = tree_of(PROMPT, CANDIDATES)
    assert tree.tokens == (*PROMPT, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 25, 26, 30, 12)
    assert tree.parents == (5, 6, 7, 7, 9, 5, 5, 12, 13, 14, 15, 16, 6, 18)
    assert tree.depths == (1, 2, 3, 3, 4, 1, 1, 2, 3, 4, 5, 6, 2, 3)
    assert ends == (8, 10, 7, 11, 11, 17, 19)
    for bad in ((), CANDIDATES), (PROMPT, ((1,), ())):
        with pytest.raises(ValueError, match="has a trunk"):
            tree_of(*bad)


def test_shared_scores_are_those_of_each_by_itself(reward: RewardModel) -> None:
    alone = [by_itself(reward, PROMPT, candidate) for candidate in CANDIDATES]
    assert max(alone) - min(alone) > 0.1, "the candidates must differ for this to say anything"
    shared = reward.score(PROMPT, CANDIDATES)
    assert shared.scores == pytest.approx(alone, abs=ALIKE)
    assert reward.score(PROMPT, CANDIDATES, shared=False).scores == pytest.approx(alone, abs=ALIKE)
    assert shared.scores[3] == pytest.approx(shared.scores[4])
    # 6 once and 20 behind it; and each with its own 6.
    assert (shared.tokens_shared, shared.tokens_alone) == (6 + 20, 7 * 6 + 20)


def test_a_mask_that_leaks_between_candidates_is_noticed(reward: RewardModel, monkeypatch: Any) -> None:
    """The planted fault: each token sees all that stands before it, as causal attention would have it."""
    alone = [by_itself(reward, PROMPT, candidate) for candidate in CANDIDATES]
    masked = reward.tuned._additive

    def leaking(sees: torch.Tensor) -> torch.Tensor:
        before = sees.shape[-1] - sees.shape[-2]
        return masked(torch.ones_like(sees).tril(before))

    monkeypatch.setattr(reward.tuned, "_additive", leaking)
    leaked = reward.logits(PROMPT, CANDIDATES).sigmoid().tolist()
    # The first candidate stands where it would stand alone; the others see what is none of theirs.
    assert leaked[0] == pytest.approx(alone[0], abs=ALIKE)
    assert all(abs(one - other) > 10 * ALIKE for one, other in zip(leaked[3:], alone[3:], strict=True))


def test_places_that_count_other_candidates_are_noticed(reward: RewardModel, monkeypatch: Any) -> None:
    """The planted fault: a branch's tokens stand where they lie in the row, not behind the prompt's end."""
    alone = [by_itself(reward, PROMPT, candidate) for candidate in CANDIDATES]
    core = reward.tuned._core

    def misplaced(tokens: torch.Tensor, position_ids: torch.Tensor, **others: Any) -> Any:
        return core(tokens, position_ids=torch.arange(tokens.shape[1])[None], **others)

    monkeypatch.setattr(reward.tuned, "_core", misplaced)
    found = reward.logits(PROMPT, CANDIDATES).sigmoid().tolist()
    assert any(abs(one - other) > 10 * ALIKE for one, other in zip(found, alone, strict=True))


def test_candidates_behind_another_beginning_are_noticed(reward: RewardModel, monkeypatch: Any) -> None:
    """The planted fault: what the first candidates added stays in the cache that the next ones stand behind."""
    few = RewardModel(reward.tuned, reward.head, together=1)
    alone = [by_itself(reward, PROMPT, candidate) for candidate in CANDIDATES]
    assert few.score(PROMPT, CANDIDATES).scores == pytest.approx(alone, abs=ALIKE)
    monkeypatch.setattr("model_steps.training.lora.tuned_model.deepcopy", lambda cache: cache)
    found = few.score(PROMPT, CANDIDATES).scores
    assert found[0] == pytest.approx(alone[0], abs=ALIKE)
    assert all(abs(one - other) > 10 * ALIKE for one, other in zip(found[3:], alone[3:], strict=True))


def test_gradients_are_those_of_each_by_itself(reward: RewardModel) -> None:
    found = []
    for logits in (reward.logits, reward.logits_alone):
        reward.head.zero_grad()
        (logits(PROMPT, CANDIDATES, ODDS) * torch.arange(1.0, 8.0)).sum().backward()
        reward.gradients_to_master()
        found.append([each.grad.clone() for each in reward.master.values() if each.grad is not None])
    assert len(found[0]) == len(reward.master)
    for shared, alone in zip(*found, strict=True):
        assert torch.allclose(shared, alone, atol=ALIKE * float(alone.abs().max()), rtol=1e-3)


def test_what_counting_gives_is_added_as_the_head_weighs_it(reward: RewardModel) -> None:
    with torch.no_grad():
        reward.head.odds.fill_(0.25)
    even, told = reward.logits(PROMPT, CANDIDATES), reward.logits(PROMPT, CANDIDATES, ODDS)
    assert (told - even).tolist() == pytest.approx([0.25 * each for each in ODDS], abs=ALIKE)
    assert told.tolist() == pytest.approx(reward.logits_alone(PROMPT, CANDIDATES, ODDS).tolist(), abs=ALIKE)
    # Each keeps its own where they are scored in turns.
    few = RewardModel(reward.tuned, reward.head, together=3)
    assert few.score(PROMPT, CANDIDATES, ODDS).scores == pytest.approx(told.sigmoid().tolist(), abs=ALIKE)


def test_more_than_are_scored_together_are_scored_in_turns(model: Path, reward: RewardModel) -> None:
    few = RewardModel(reward.tuned, reward.head, together=3)
    whole, parts = reward.score(PROMPT, CANDIDATES), few.score(PROMPT, CANDIDATES)
    assert parts.scores == pytest.approx(whole.scores, abs=ALIKE)
    assert (parts.tokens_shared, parts.tokens_alone) == (whole.tokens_shared, whole.tokens_alone)
    assert fresh(model, SMALL.model_copy(update={"together": 2})).together == 2


@pytest.mark.parametrize(
    ("prompt", "candidates", "said"),
    [
        ((), ((1,),), "has a prompt"),
        (PROMPT, ((1,), ()), "a token behind it"),
        (PROMPT, ((2,) * 251,), "has 257 tokens, and the language model's window 256"),
    ],
)
def test_what_cannot_be_scored_is_refused(reward: RewardModel, prompt: Any, candidates: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        reward.score(prompt, candidates)


def test_the_real_model_scores_a_customers_candidates_alike_and_starts_as_the_judge_speaks(settings: Settings) -> None:
    """With the language model that is shipped: the tokens of real prompts, and the head's start."""
    chat = Chat(settings.engine.model)
    labels = label_tokens(Options(FINDINGS, chat.answer_tokens))
    reward = stored.begin(settings.engine.model, "float32", RewardSettings(rank=2, first_layer=28), None, labels)
    customer = customer_of("ann", ["whole milk", "corn chips"])
    cases = [case_of(customer, "whole milk"), case_of(customer, "white bread", persona="bakery")]
    (group,) = grouped(cases, encoder(chat, lambda _day: SHOP, JudgeSettings(evidence_tokens=100)))
    shared = reward.score(group.prompt, group.candidates)
    assert shared.tokens_shared < 0.7 * shared.tokens_alone
    for candidate, score in zip(group.candidates, shared.scores, strict=True):
        with torch.no_grad():
            whole = torch.tensor([[*group.prompt, *candidate]])
            says = reward.tuned.peft(whole, logits_to_keep=1).logits[0, -1, list(labels)].softmax(-1)
        assert score == pytest.approx(float(says[0]), abs=ALIKE)
