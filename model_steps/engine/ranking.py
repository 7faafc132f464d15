"""Which of these options are the most probable: best-first search over their trie, exact for as many as are wanted.

A set's members are distinct by construction, which a list that a model writes is not: a mask that forbids what was
written leaves the share of its prefix in place, so that `corn`, `corn yellow` and `corn oil` follow one another.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from model_steps.engine.options import Node, Options
from runtime.errors import InfrastructureError

# For each (number of the search, node): log-probabilities of the node's children, in their order.
Scores = Callable[[Sequence[tuple[int, Node]]], Sequence[Sequence[float]]]
DIGITS = 4


class Search:
    """One search for the most probable options.

    A node is worth its path's log-probability, which no option behind it exceeds. When the best ``most`` of what is
    known are options and no nodes, nothing unknown can take a place among them.

    Args:
        most: how many options are wanted; of fewer all are given.
        width: most nodes that one wave expands. One is strictly best first; more are expanded before it is certain that
            they must be, which changes how much is computed and never what is found.
    """

    def __init__(self, options: Options, most: int, width: int) -> None:
        self._most, self._width = most, width
        # Both by falling worth: the best options, sorted; and a heap of the nodes, of which no two have one path.
        self._found: list[tuple[float, str]] = []
        self._frontier: list[tuple[float, tuple[int, ...], Node]] = []
        self._waiting: list[tuple[float, Node]] = []
        self._add(0.0, options.root)

    def _add(self, worth: float, node: Node) -> None:
        if node.option is None:
            heappush(self._frontier, (-worth, node.path, node))
        else:
            insort(self._found, (-worth, node.option))
            del self._found[self._most :]

    def due(self) -> list[Node]:
        """The nodes to expand in the next wave, taken from what is left to do; none when the search is over."""
        self._waiting = []
        while self._frontier and len(self._waiting) < self._width:
            negative = self._frontier[0][0]
            # An option of the same worth does not count: one behind the node may be equal, and first by its text.
            if len(self._waiting) + bisect_left(self._found, (negative, "")) >= self._most:
                break
            _, _, node = heappop(self._frontier)
            self._waiting.append((-negative, node))
        return [node for _, node in self._waiting]

    def take(self, scores: Sequence[Sequence[float]]) -> None:
        """Go on from the due nodes' log-probabilities.

        Args:
            scores: of each node's children, in the order of the nodes and of their children.

        Raises:
            InfrastructureError: they are no probabilities.
        """
        for (worth, node), given in zip(self._waiting, scores, strict=True):
            for child, share in zip(node.children.values(), renormalized(given), strict=True):
                self._add(worth + share, child)

    def best(self) -> list[tuple[str, float]]:
        """Options with their log-probabilities, the most probable first, equal ones by text."""
        return [(option, -negative) for negative, option in self._found]


def search_together(searches: Sequence[Search], scores: Scores) -> None:
    """Run searches to their ends, in waves across all of them, so that an engine gets large batches."""
    while True:
        waves = [search.due() for search in searches]
        asked = [(number, node) for number, wave in enumerate(waves) for node in wave]
        if not asked:
            return
        said = iter(scores(asked))
        for search, wave in zip(searches, waves, strict=True):
            search.take([next(said) for _ in wave])


def renormalized(logprobs: Sequence[float]) -> list[float]:
    """Log-probabilities among these alone: their probabilities sum to one.

    Raises:
        InfrastructureError: one is not a number, or all are impossible.
    """
    top = max(logprobs)
    if not math.isfinite(top) or any(math.isnan(each) for each in logprobs):
        raise InfrastructureError("The engine gave no probabilities for the options' next tokens.")
    whole = top + math.log(math.fsum(math.exp(each - top) for each in logprobs))
    # Never above one, not even by rounding: a child that exceeds its parent would break the order of the search.
    return [min(0.0, each - whole) for each in logprobs]


def write(best: Sequence[tuple[str, float]]) -> str:
    """A ranking as an answer's text: JSON of [[option, log-probability], ...].

    Log-probabilities are rounded, and those that become equal are put by text: batches differ by less than that.
    """
    rounded = sorted(((option, round(worth, DIGITS) + 0.0) for option, worth in best), key=lambda r: (-r[1], r[0]))
    return json.dumps(rounded, ensure_ascii=False)


def read(text: str) -> list[tuple[str, float]]:
    """The ranking that an answer's text holds."""
    return [(str(option), float(worth)) for option, worth in json.loads(text)]
