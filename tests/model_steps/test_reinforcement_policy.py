"""The policy on a tiny language model: trees are worth what each option is worth alone, and rollouts see the same."""

from __future__ import annotations

import math

import pytest
import torch

from model_steps.agents.ranked_expert import NOTHING
from model_steps.engine.options import nodes
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.lora.walk import Walk
from model_steps.training.reinforcement.completions import Completions
from model_steps.training.reinforcement.policy import ListPolicy
from tests.model_steps.list_world import TAGS, TOKENS, options, probabilities, tiny_model
from tests.model_steps.tiny_reward import write_model

PROMPTS = ((2, 3, 4, 50), (2, 3, 5, 6, 51), (2, 3, 4, 52))
SPACE = options()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TunedModel:
    return tiny_model(write_model(tmp_path_factory.mktemp("tiny") / "model"))


@torch.no_grad()
def alone(model: TunedModel, prompt: tuple[int, ...]) -> dict[str, float]:
    """Probability of each option, every node computed as a sequence of its own."""
    scores = {}
    for node in nodes(SPACE.root):
        if node.option is None:
            logits = model.peft(torch.tensor([[*prompt, *node.path]])).logits[0, -1].float()
            scores[node.path] = logits[list(node.children)].tolist()
    return probabilities(scores)


def test_a_list_is_worth_its_tags_alone(model: TunedModel) -> None:
    lists = [["corn oil", "soap", "corn"], ["white milk", "corn", "soap"], ["soap", "corn oil", "corn oil light"]]
    # Two lists of one prompt, and one of another in between.
    prompts = [PROMPTS[0], PROMPTS[1], PROMPTS[0]]
    with torch.no_grad():
        said = ListPolicy(model, Completions(SPACE, 3)).told(prompts, lists)
    for row, (prompt, tags) in enumerate(zip(prompts, lists, strict=True)):
        worth = alone(model, prompt)
        left = 1 - worth[NOTHING]
        for place, tag in enumerate(tags):
            assert float(said.log_probabilities[row, place]) == pytest.approx(math.log(worth[tag] / left), abs=2e-4)
            left -= worth[tag]
    assert float(said.log_probabilities[0].sum()) != pytest.approx(float(said.log_probabilities[2].sum()), abs=1e-3)


def test_rollouts_see_what_is_trained(model: TunedModel) -> None:
    """A walk behind several prompts, which share a beginning, gives what each gives alone."""
    walk = Walk(model, PROMPTS)
    for number, prompt in enumerate(PROMPTS):
        asked = [(number, node) for node in nodes(SPACE.root) if node.option is None]
        found = probabilities(
            {node.path: logits.tolist() for (_, node), logits in zip(asked, walk.logits(asked), strict=True)}
        )
        assert found == pytest.approx(alone(model, prompt), abs=1e-5)
    # Shared tokens were computed once, and nothing twice.
    computed = walk.tokens
    walk.logits([(0, SPACE.root)])
    assert walk.tokens == computed < sum(map(len, PROMPTS)) + 3 * sum(map(len, TOKENS.values()))


def test_personas_are_ranked_together_as_alone(model: TunedModel) -> None:
    together = model.rank_all(PROMPTS, SPACE, 3)
    assert [[tag for tag, _ in one] for one in together] == [
        [tag for tag, _ in model.rank(prompt, SPACE, 3)] for prompt in PROMPTS
    ]
    worth = alone(model, PROMPTS[1])
    assert [tag for tag, _ in together[1]] == sorted(worth, key=lambda tag: -worth[tag])[:3]


def test_the_entropy_of_draws_is_that_of_the_shares(model: TunedModel) -> None:
    """Summed over the choices on the way and averaged over tags by their probability: the chain rule."""
    worth = alone(model, PROMPTS[0])
    pairs = [[tag, next(other for other in TAGS if other != tag)] for tag in TAGS]
    with torch.no_grad():
        said = ListPolicy(model, Completions(SPACE, 2)).told([PROMPTS[0]] * len(pairs), pairs)
    whole = -sum(share * math.log(share) for share in worth.values())
    # `nothing` is decided at the root alone.
    scores = sum(worth[tag] * float(said.entropies[row, 0]) for row, tag in enumerate(TAGS))
    root: dict[int, float] = {}
    for tag, tokens in TOKENS.items():
        root[tokens[0]] = root.get(tokens[0], 0.0) + worth[tag]
    at_root = -sum(share * math.log(share) for share in root.values())
    assert scores + worth[NOTHING] * at_root == pytest.approx(whole, abs=1e-3)


def test_a_higher_temperature_evens_shares_out(model: TunedModel) -> None:
    lists = [[tag, next(other for other in TAGS if other != tag)] for tag in TAGS]
    with torch.no_grad():
        cold, hot = (
            ListPolicy(model, Completions(SPACE, 2), temperature).told([PROMPTS[0]] * len(lists), lists)
            for temperature in (1.0, 50.0)
        )
    assert hot.log_probabilities[:, 0].std() < cold.log_probabilities[:, 0].std()


def test_the_gradient_reaches_the_adapter_and_nothing_else(model: TunedModel) -> None:
    ListPolicy(model, Completions(SPACE, 2)).told([PROMPTS[0]], [["corn", "soap"]]).log_probabilities.sum().backward()
    with_gradient = {name for name, each in model.peft.named_parameters() if each.grad is not None}
    assert with_gradient == set(model.master)
    model.peft.zero_grad()
