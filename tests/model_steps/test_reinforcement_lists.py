"""Lists drawn without replacement: their probability by enumeration, what is drawn, and how they are written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
import torch

from model_steps.agents.ranked_expert import NOTHING
from model_steps.engine.options import Node, nodes
from model_steps.training.reinforcement.completions import Completions
from model_steps.training.reinforcement.plackett_luce import log_probabilities
from model_steps.training.reinforcement.sampling import Sampler
from runtime.errors import CommandError, ConfigurationError, DataError
from tests.model_steps.list_world import TAGS, TOKENS, options, probabilities

SCORES = {node.path: [0.7 * place - 0.2 * len(node.path) for place in range(len(node.children))]
          for node in nodes(options().root) if node.option is None}  # fmt: skip
WORTH = probabilities(SCORES)


def by_hand(tags: Sequence[str]) -> float:
    """Probability of drawing these tags in this order; `nothing` is put back each time it is drawn."""
    left, found = 1 - WORTH[NOTHING], 1.0
    for tag in tags:
        found *= WORTH[tag] / left
        left -= WORTH[tag]
    return found


class Known:
    """A walk whose logits are known."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, tuple[int, ...]]] = []

    def logits(self, asked: Sequence[tuple[int, Node]]) -> list[torch.Tensor]:
        self.asked += [(number, node.path) for number, node in asked]
        return [torch.tensor(SCORES[node.path]) for _, node in asked]


def test_probabilities_of_all_lists_sum_to_one() -> None:
    assert sum(WORTH.values()) == pytest.approx(1)
    lists = list(permutations(TAGS, 3))
    worths = torch.tensor([[math.log(WORTH[tag]) for tag in one] for one in lists], dtype=torch.float64)
    nothing = torch.full((len(lists),), math.log(WORTH[NOTHING]), dtype=torch.float64)
    found = log_probabilities(worths, nothing).sum(1).exp()
    assert found.tolist() == pytest.approx([by_hand(one) for one in lists])
    assert float(found.sum()) == pytest.approx(1)


def test_a_share_for_nothing_changes_no_list() -> None:
    """Renormalized away: half of it given to nothing leaves each list as probable as it was."""
    worths = torch.tensor([[0.3, 0.2]]).log()
    without = log_probabilities(worths, torch.tensor([-math.inf]))
    halved = log_probabilities(worths + math.log(0.5), torch.tensor([math.log(0.5)]))
    assert halved.tolist()[0] == pytest.approx(without.tolist()[0], abs=1e-6)


def test_lists_are_drawn_as_often_as_they_are_probable() -> None:
    completions = Completions(options(), 2)
    number = 6_000
    walk = Known()
    drawn = Sampler(walk, [completions]).lists([(0, str(place)) for place in range(number)])  # type: ignore[arg-type]
    # Each node once, whatever the number of lists.
    assert len(walk.asked) == len(set(walk.asked))
    counts = Counter(map(tuple, drawn))
    assert NOTHING not in {tag for one in counts for tag in one}
    for one in permutations(TAGS, 2):
        expected = by_hand(one)
        deviation = math.sqrt(expected * (1 - expected) / number)
        assert abs(counts[one] / number - expected) < 4.5 * deviation, one


def test_whole_lists_are_drawn_too_and_have_each_tag_once() -> None:
    completions = Completions(options(), len(TAGS))
    drawn = Sampler(Known(), [completions]).lists([(0, str(place)) for place in range(50)])  # type: ignore[arg-type]
    assert all(sorted(one) == list(TAGS) for one in drawn)


def test_a_lists_draws_hang_on_its_seed_alone() -> None:
    completions = Completions(options(), 3)

    def drawn(seeds: Sequence[str]) -> list[list[str]]:
        return Sampler(Known(), [completions]).lists([(0, seed) for seed in seeds])  # type: ignore[arg-type]

    assert drawn(["a", "b", "c"])[1:] == drawn(["b", "c"])
    assert len({tuple(one) for one in drawn([str(place) for place in range(20)])}) > 5


def test_a_policy_that_has_collapsed_is_said_so() -> None:
    class Collapsed(Known):
        def logits(self, asked: Sequence[tuple[int, Node]]) -> list[torch.Tensor]:
            return [torch.tensor([0.0] + [-1e9] * (len(node.children) - 1)) for _, node in asked]

    with pytest.raises(CommandError, match="nothing left after 1 tags: the policy has collapsed"):
        Sampler(Collapsed(), [Completions(options(), 2)]).lists([(0, "a")])  # type: ignore[arg-type]


def test_a_completion_reads_as_it_was_written() -> None:
    completions = Completions(options(), 3)
    tags = ["corn oil", "corn", "white milk"]
    tokens = completions.tokens(tags)
    assert tokens == [*TOKENS["corn oil"], *TOKENS["corn"], *TOKENS["white milk"]]
    assert completions.ends(tags) == [2, 4, 7]
    assert completions.tags(tokens) == tags
    with pytest.raises(DataError, match="no tag of the catalog"):
        completions.tags(tokens[:-1])


def test_more_tags_than_there_are_cannot_be_listed() -> None:
    with pytest.raises(ConfigurationError, match="A list has 7 tags, and the catalog 6 categories"):
        Completions(options(), 7)


def test_the_steps_of_an_option_are_where_it_parts_from_others() -> None:
    steps: Any = Completions(options(), 2).steps("corn oil")
    assert [node.path for node, _ in steps] == [(), (10,), (10, 11)]
    product = math.prod(
        math.exp(SCORES[node.path][child]) / sum(map(math.exp, SCORES[node.path])) for node, child in steps
    )
    assert product == pytest.approx(WORTH["corn oil"])
