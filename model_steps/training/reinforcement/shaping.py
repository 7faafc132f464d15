"""From the four rewards to one: constrained reward shaping, and the weighted sum as its rival (PAPER 1.4).

The trainer sums what it is given as several rewards, so the product is one. Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ACCURACY = "accuracy"
# The rewards that CRS makes constraints of.
CONSTRAINTS = ("alignment", "diversity", "length")
PARTS = (ACCURACY, *CONSTRAINTS)

Shaping = Literal["crs", "sum"]
# Rewards of a list by name; None where one cannot be scored. A name that is not there is not scored in this training.
Parts = Mapping[str, float | None]
# What CRS holds a constraint's reward against, by name.
Thresholds = Mapping[str, float]


@dataclass(frozen=True)
class Shaped:
    """One reward of a list, with what it is made of.

    Args:
        reward: None where a part is missing.
        parts: as given.
        gates: of each constraint, whether it holds; None where its part is missing.
    """

    reward: float | None
    parts: Parts
    gates: Mapping[str, bool | None]

    @property
    def gated(self) -> bool | None:
        """Whether a constraint fails, so that CRS gives 0; None where that is not known."""
        held = self.gates.values()
        return True if False in held else None if None in held else False


# Gives a list's reward from its parts and gates.
Combine = Callable[[Parts, Mapping[str, bool | None]], float | None]


def constrained(parts: Parts, gates: Mapping[str, bool | None]) -> float | None:
    """R_acc times the indicators: 0 where one factor is, and else None where a part is missing.

    Args:
        gates: as of ``Shaped``.
    """
    accuracy = parts[ACCURACY]
    if accuracy == 0 or False in gates.values():
        return 0.0
    return None if accuracy is None or None in gates.values() else accuracy


def summed(weights: Mapping[str, float]) -> Combine:
    """The rival: the sum of the parts, each with its weight; None where a part is missing.

    Args:
        weights: of all parts.
    """

    def combine(parts: Parts, gates: Mapping[str, bool | None]) -> float | None:
        known = {name: value for name, value in parts.items() if value is not None}
        return sum(weights[name] * value for name, value in known.items()) if len(known) == len(parts) else None

    return combine


def shape(parts: Parts, thresholds: Thresholds, combine: Combine) -> Shaped:
    """One reward from a list's parts; the ways to combine differ in nothing but ``combine``.

    Args:
        thresholds: of the constraints that are scored.
    """
    gates = {name: None if (value := parts[name]) is None else value >= least for name, least in thresholds.items()}
    return Shaped(combine(parts, gates), parts, gates)


def has_signal(rewards: Sequence[float | None]) -> bool:
    """Whether a group teaches anything: equal rewards have no advantage, and missing ones none either."""
    return len({reward for reward in rewards if reward is not None}) > 1


def told(groups: Sequence[Sequence[Shaped]]) -> dict[str, float]:
    """What a log says of groups of lists.

    Returns:
        Means of the parts (``accuracy`` ...), of each constraint the share of lists that hold it
        (``feasible/alignment`` ...), ``gated``, the share of lists in which one fails, ``unscorable``, the share
        without a reward, and ``dead``, the share of groups without an advantage. What is known of no list is left out.
    """
    every = [one for group in groups for one in group]
    found: dict[str, float] = {}

    def note(name: str, values: Sequence[float | bool | None]) -> None:
        known = [float(value) for value in values if value is not None]
        if known:
            found[name] = sum(known) / len(known)

    for name in every[0].parts if every else ():
        note(name, [one.parts[name] for one in every])
    for name in every[0].gates if every else ():
        note(f"feasible/{name}", [one.gates[name] for one in every])
    note("gated", [one.gated for one in every])
    note("unscorable", [one.reward is None for one in every])
    note("dead", [not has_signal([one.reward for one in group]) for group in groups])
    return found
