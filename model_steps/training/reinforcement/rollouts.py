"""What a step learns from: groups of lists drawn from the experts as they are, and their rewards.

Personas whose lists are all worth the same have no advantage, so others are drawn in their place while there are spare
ones; TRL has no such sampling. A step's personas and draws follow from the seed and its number: a killed run makes an
open step's rollouts anew, and equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.lora.walk import Walk
from model_steps.training.reinforcement.completions import Spaces
from model_steps.training.reinforcement.examples import Example, Examples
from model_steps.training.reinforcement.sampling import Sampler
from model_steps.training.reinforcement.shaping import Combine, Parts, Shaped, Thresholds, has_signal, shape
from model_steps.training.reinforcement.thresholds import WarmedUp
from settings import ReinforcementSettings


class Scores(Protocol):
    """Gives the parts of lists' rewards."""

    def parts(self, example: Any, lists: Sequence[Sequence[str]], deciding: Thresholds | None = None) -> list[Parts]:
        """The parts of each list of an example; what is expensive only where ``deciding`` leaves it open."""
        ...


@dataclass(frozen=True)
class Group:
    """The lists behind one prompt.

    Args:
        persona: or whatever else the prompt is of. lists: tags, or options of another kind, of each. shaped: rewards.
    """

    persona: Example
    lists: Sequence[Sequence[str]]
    shaped: Sequence[Shaped]

    @property
    def teaches(self) -> bool:
        """Whether its rewards differ."""
        return has_signal([one.reward for one in self.shaped])


@dataclass(frozen=True)
class Rollout:
    """What a step learns from.

    Args:
        groups: that are learnt, in their order. drawn: all that were drawn, those that teach nothing too.
        tokens: positions that were computed to draw them.
    """

    groups: Sequence[Group]
    drawn: Sequence[Group]
    tokens: int


def draw_lists(
    model: TunedModel,
    spaces: Spaces,
    personas: Sequence[Example],
    number: int,
    seed: str,
    temperature: float = 1.0,
) -> tuple[list[list[list[str]]], int]:
    """Lists of the model as it is, for each persona or other example; and the positions that were computed.

    Args:
        number: of lists a persona. seed: of all draws.
    """
    walk = Walk(model, [one.prompt for one in personas])
    asked = [
        (place, f"{seed}/{'/'.join(map(str, one.key))}/{generation}")
        for place, one in enumerate(personas)
        for generation in range(number)
    ]
    found = Sampler(walk, [spaces.of(one.prompt) for one in personas], temperature).lists(asked)
    return [found[start : start + number] for start in range(0, len(found), number)], walk.tokens


class Rollouts:
    """Makes the rollouts of a step.

    Args:
        model: the experts, whose weights at the time of the step draw.
        thresholds: of each step. combine: gives one reward of a list's parts.
    """

    def __init__(
        self,
        model: TunedModel,
        spaces: Spaces,
        personas: Examples[Any],
        scoring: Scores,
        thresholds: WarmedUp,
        combine: Combine,
        settings: ReinforcementSettings,
    ) -> None:
        self._model, self._spaces, self._personas, self._scoring = model, spaces, personas, scoring
        self._thresholds, self._combine, self._settings = thresholds, combine, settings

    def of(self, step: int) -> Rollout:
        """The groups of a step, from 0: first those that teach something, and where too few do some that do not."""
        wanted = self._settings.personas
        waiting = self._personas.of(step, wanted * (1 + self._settings.spare))
        drawn: list[Group] = []
        tokens = 0
        while (missing := wanted - sum(group.teaches for group in drawn)) > 0:
            groups, computed = self._drawn(list(islice(waiting, missing)), step)
            if not groups:
                break
            drawn, tokens = drawn + groups, tokens + computed
        return Rollout(sorted(drawn, key=lambda group: not group.teaches)[:wanted], drawn, tokens)

    def shaped(self, persona: Example, lists: Sequence[Sequence[str]], step: int) -> list[Shaped]:
        """The rewards of a persona's lists in a step."""
        thresholds = self._thresholds.at(step)
        deciding = thresholds if self._settings.shaping == "crs" and not self._settings.align_all else None
        found = self._scoring.parts(persona, lists, deciding)
        return [shape(parts, thresholds, self._combine) for parts in found]

    def _drawn(self, personas: Sequence[Example], step: int) -> tuple[list[Group], int]:
        if not personas:
            return [], 0
        seed, number = f"{self._settings.seed}/{step}", self._settings.generations
        lists, tokens = draw_lists(self._model, self._spaces, personas, number, seed, self._settings.temperature)
        groups = [Group(one, own, self.shaped(one, own, step)) for one, own in zip(personas, lists, strict=True)]
        return groups, tokens
