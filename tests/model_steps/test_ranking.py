"""The search for the most probable options: equal to enumerating all of them, whatever the trie and the model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_steps.engine.options import Node, Options
from model_steps.engine.ranking import Search, read, renormalized, search_together, write
from runtime.errors import InfrastructureError
from tests.model_steps.test_options import letters

TEXTS = st.sets(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=30)
# Few distinct weights, so that ties are many.
WEIGHTS = st.lists(st.sampled_from([-0.5, -1.0, -1.0, -3.0, -20.0]), min_size=1, max_size=50)


class Weighted:
    """A model whose log-probability of a token follows from the search, the path and the token."""

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = weights
        self.waves: list[int] = []

    def of(self, number: int, node: Node) -> list[float]:
        places = [number + sum(node.path) * 7 + token * 3 for token in node.children]
        return [self._weights[place % len(self._weights)] for place in places]

    def __call__(self, asked: Sequence[tuple[int, Node]]) -> list[list[float]]:
        self.waves.append(len(asked))
        return [self.of(number, node) for number, node in asked]


def enumerated(node: Node, number: int, model: Weighted, worth: float = 0.0) -> list[tuple[str, float]]:
    """Every option with its log-probability, by walking the whole trie."""
    if node.option is not None:
        return [(node.option, worth)]
    shares = renormalized(model.of(number, node))
    return [
        each
        for child, share in zip(node.children.values(), shares, strict=True)
        for each in enumerated(child, number, model, worth + share)
    ]


@given(st.lists(TEXTS, min_size=1, max_size=3), WEIGHTS, st.integers(1, 40), st.integers(1, 6))
def test_a_search_finds_what_enumeration_finds(
    sets: list[set[str]], weights: list[float], most: int, width: int
) -> None:
    model = Weighted(weights)
    options = [Options(tuple(texts), letters) for texts in sets]
    searches = [Search(each, most, width) for each in options]
    search_together(searches, model)
    for number, (search, each) in enumerate(zip(searches, options, strict=True)):
        whole = enumerated(each.root, number, model)
        assert math.isclose(math.fsum(math.exp(worth) for _, worth in whole), 1.0, abs_tol=1e-9)
        assert search.best() == sorted(whole, key=lambda one: (-one[1], one[0]))[:most]
    assert all(asked <= width * len(sets) for asked in model.waves)


def test_what_cannot_be_among_the_best_is_not_computed() -> None:
    options = Options(tuple(f"{first}{second}" for first in "abcdefgh" for second in "xyz"), letters)
    asked: list[Node] = []

    def scores(nodes: Sequence[tuple[int, Node]]) -> list[list[float]]:
        asked.extend(node for _, node in nodes)
        return [[-0.1 if place == 0 else -9.0 for place, _ in enumerate(node.children)] for _, node in nodes]

    search = Search(options, 1, 1)
    search_together([search], scores)
    assert [node.path for node in asked] == [(), (ord("a"),)]
    assert [option for option, _ in search.best()] == ["ax"]


def test_searches_of_all_requests_share_their_waves() -> None:
    model = Weighted([-1.0, -2.0])
    options = Options(("ab", "ac", "b"), letters)
    search_together([Search(options, 3, 4) for _ in range(5)], model)
    assert model.waves == [5, 5]


def test_one_option_is_certain_and_costs_nothing() -> None:
    model = Weighted([-1.0])
    search = Search(Options(("corn",), letters), 3, 4)
    search_together([search], model)
    assert (search.best(), model.waves) == ([("corn", 0.0)], [])


def test_what_is_no_probability_is_the_engines_failure() -> None:
    for broken in ([-math.inf, -math.inf], [math.nan, -1.0], [-1.0, math.nan]):
        with pytest.raises(InfrastructureError, match="no probabilities"):
            renormalized(broken)
    assert renormalized([-1.0, -math.inf]) == [0.0, -math.inf]


def test_a_written_ranking_is_read_as_it_was_and_ties_go_by_text() -> None:
    text = write([("b", -0.000011), ("a", -0.000012), ("c", -1.23456)])
    assert json.loads(text) == [["a", 0.0], ["b", 0.0], ["c", -1.2346]]
    assert read(text) == [("a", 0.0), ("b", 0.0), ("c", -1.2346)]


def test_an_option_behind_a_node_that_is_worth_as_much_as_a_known_one_is_first_by_its_text() -> None:
    def scores(nodes: Sequence[tuple[int, Node]]) -> list[list[float]]:
        return [[-1.0, -1.0] if node.path == () else [-1.0, -math.inf] for _, node in nodes]

    search = Search(Options(("ab", "ac", "z"), letters), 1, 1)
    search_together([search], scores)
    assert [option for option, _ in search.best()] == ["ab"]
