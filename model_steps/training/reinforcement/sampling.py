"""Lists drawn from experts as they are: tags without replacement, each behind the prompt alone (Plackett-Luce).

A list draws, from what it does not have yet, as many tags as it lacks, each by itself; of equal ones the later ones are
dropped, and it draws again. The tags that are left are then in the order of draws without replacement, and every round
gives at least one. ``nothing`` is dropped like a tag that is there already.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model_steps.engine.options import Node
from model_steps.training.lora.walk import Walk
from model_steps.training.reinforcement.completions import Completions
from runtime.errors import CommandError

Path = tuple[int, ...]
Shares = npt.NDArray[np.float64]


@dataclass
class _List:
    """A list under way.

    Args:
        number: of its prompt. space: that it is drawn from. seed: of its draws.
        taken: probability that what it has takes away, by the path of each node on the way.
    """

    number: int
    space: Completions
    seed: str
    tags: list[str] = field(default_factory=list)
    taken: dict[Path, float] = field(default_factory=dict)
    rounds: int = 0


@dataclass
class _Draw:
    """A draw under way: at a node that it comes to with a probability."""

    of: _List
    chance: random.Random
    node: Node
    reached: float = 1.0
    way: list[Path] = field(default_factory=list)


class Sampler:
    """Draws lists behind the prompts of a walk; nodes are computed once for all lists.

    Args:
        walk: of the model as it is. spaces: of each of its prompts. temperature: that logits are divided by.
    """

    def __init__(self, walk: Walk, spaces: Sequence[Completions], temperature: float = 1.0) -> None:
        self._walk, self._spaces, self._temperature = walk, spaces, temperature
        self._known: dict[tuple[int, Path], Shares] = {}

    def lists(self, seeds: Sequence[tuple[int, str]]) -> list[list[str]]:
        """One list for each (number of the prompt, seed), the same for equal weights and seeds.

        Raises:
            CommandError: an expert's shares are so narrow that there is nothing left to draw.
        """
        every = [_List(number, self._spaces[number], seed) for number, seed in seeds]
        while short := [one for one in every if len(one.tags) < one.space.size]:
            draws = []
            for one in short:
                for place in range(one.space.size - len(one.tags)):
                    chance = random.Random(f"{one.seed}/{one.rounds}/{place}")
                    draws.append(_Draw(one, chance, one.space.options.root))
                one.rounds += 1
            self._finish(draws)
            for draw in draws:
                self._take(draw)
        return [one.tags for one in every]

    def _finish(self, draws: Sequence[_Draw]) -> None:
        """Let draws go down to their options, in waves across all of them."""
        while going := [draw for draw in draws if draw.node.option is None]:
            asked = {(draw.of.number, draw.node.path): draw.node for draw in going}
            new = [(number, node) for (number, path), node in asked.items() if (number, path) not in self._known]
            for (number, node), logits in zip(new, self._walk.logits(new), strict=True):
                shares = (logits / self._temperature).double().softmax(-1)
                self._known[number, node.path] = shares.numpy()
            for draw in going:
                self._go_on(draw)

    def _go_on(self, draw: _Draw) -> None:
        shares = self._known[draw.of.number, draw.node.path] * draw.reached
        left, children = shares.copy(), list(draw.node.children.values())
        for place, child in enumerate(children) if draw.of.taken else ():
            if taken := draw.of.taken.get(child.path):
                left[place] = max(0.0, left[place] - taken) if child.option is None else 0.0
        whole = left.cumsum()
        if whole[-1] <= 0:
            raise CommandError(
                f"The experts' shares of one persona have nothing left after {len(draw.of.tags)} tags: the policy has "
                "collapsed. Lower INTENTFLOW_REINFORCEMENT__LEARNING_RATE or raise INTENTFLOW_REINFORCEMENT__BETA."
            )
        place = min(int(np.searchsorted(whole, draw.chance.random() * whole[-1], side="right")), len(children) - 1)
        draw.node, draw.reached = children[place], float(shares[place])
        draw.way.append(draw.node.path)

    def _take(self, draw: _Draw) -> None:
        one, option = draw.of, draw.node.option
        if option is None or draw.node.path in one.taken:
            return
        if option != one.space.nothing:
            one.tags.append(option)
        for path in draw.way:
            one.taken[path] = one.taken.get(path, 0.0) + draw.reached
