"""One of these options, drawn as often as it is probable: a walk down their trie, a seeded draw at each parting.

Written under a grammar, a text has as many ways to be cut into tokens as the grammar lets through, most of which the
model was never taught. Here it has one, so what is drawn is what training scores.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from model_steps.engine.asking import Answer, Request, Sampling
from model_steps.engine.options import Node, Options
from model_steps.engine.ranking import Search, read, renormalized

# What a ranking's request never has: so many options wanted are one, drawn.
DRAWN = 0


def drawn(
    user_id: str, role: str, prompt: str, options: Options, temperature: float, seed: int = 0, attempt: int = 0
) -> Request:
    """A request for one option; its answer's text is a ranking of this one alone (``text_of``).

    Args:
        temperature: that log-probabilities are divided by; 0: the most probable at each parting.
    """
    sampling = Sampling(maximum_tokens=1, temperature=temperature)
    seeded = Request.seeded(user_id, role, prompt, sampling, seed, attempt)
    return Request(user_id, role, prompt, seeded.sampling, attempt, (), options, DRAWN)


def text_of(request: Request, answer: Answer) -> str:
    """What was written, or the option that was drawn."""
    if request.options is None:
        return answer.text
    ((option, _),) = read(answer.text)
    return option


class Draw(Search):
    """A search that goes one way, by chance.

    Args:
        temperature, seed: as of the request's sampling.
    """

    def __init__(self, options: Options, temperature: float, seed: int) -> None:
        super().__init__(options, most=1, width=1)
        self._node, self._worth = options.root, 0.0
        self._temperature, self._chance = temperature, random.Random(seed)

    def due(self) -> list[Node]:
        """The node that it has come to; none at an option's end."""
        return [self._node] if self._node.option is None else []

    def take(self, scores: Sequence[Sequence[float]]) -> None:
        """Go on to one of the children.

        Args:
            scores: log-probabilities of the due node's children, in their order; nothing at an option's end.

        Raises:
            InfrastructureError: they are no probabilities.
        """
        for given in scores:
            shares = self._tempered(renormalized(given))
            place = self._chance.choices(range(len(shares)), [math.exp(each) for each in shares])[0]
            self._node, self._worth = list(self._node.children.values())[place], self._worth + shares[place]

    def best(self) -> list[tuple[str, float]]:
        """The option with its log-probability at the temperature; nothing before it is reached."""
        return [] if self._node.option is None else [(self._node.option, self._worth)]

    def _tempered(self, shares: Sequence[float]) -> list[float]:
        if self._temperature:
            return renormalized([each / self._temperature for each in shares])
        best = max(range(len(shares)), key=shares.__getitem__)
        return [0.0 if place == best else -math.inf for place in range(len(shares))]


def search_of(request: Request, width: int) -> Search:
    """What finds the answer of a request with options.

    Args:
        width: most nodes that one wave of a ranking expands.
    """
    assert request.options is not None
    if request.most == DRAWN:
        return Draw(request.options, request.sampling.temperature, request.sampling.seed)
    return Search(request.options, request.most, width)
