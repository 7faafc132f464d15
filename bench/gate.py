"""What the gate's rule is worth: ``python -m bench.gate [--gates 2000] [--users 500] [--policy FILE]``.

Simulated gates with a known true difference, decided by the policy's own code with all its checks and slices. A GO is
false when the candidate is truly worse than allowed somewhere critical (at the margin exactly, or beyond), or better
nowhere. At a margin candidates are better everywhere else, whether or not slices could be so: nothing but the one check
holds them back, which is the worst case.

Users differ in size: who has little to be found is judged by little and scatters more, and brings fewer judged tags.
Spreads are those of the demo log: two releases' difference in recall@30 has a standard deviation over users of about
0.09. Judge, release and holdout are in order: they are no matter of chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.corrected_share import Proportion, wilson
from evaluation.gate.decision import decide
from evaluation.gate.gating import checks_of
from evaluation.gate.judged import PASSING, TIERS
from evaluation.gate.measured import COLUMNS, Cell, Measured, cells_of, has_floor, measure
from evaluation.gate.policy import Policy, Slice, parse_policy, policy_text
from runtime.entry import run_command
from runtime.errors import UsageError
from runtime.progress import Progress
from settings import load_settings

# Gates whose users are drawn anew together; more take more memory and are no faster.
TOGETHER = 20
# Of recall@30, measured between two rungs of the ladder (docs/benchmarks.md: tuned experts in the order of their
# probabilities less the same in an untuned arbiter's order).
STATED_GAIN = 0.04
# What a figure is about, and how far two releases' figures of one user lie apart: (champion's mean, spread of users,
# spread of the difference).
COMMON = (0.31, 0.18, 0.09)
FIGURES: Mapping[str, tuple[float, float, float]] = {
    "hr_at_30": (0.34, 0.27, 0.14),
    "recall_at_10": (0.15, 0.12, 0.08),
    "recall_new_at_30": (0.02, 0.05, 0.04),
    "categories_per_user": (29.0, 1.5, 1.5),
    "share_superior": (0.4, 0.2, 0.15),
    "share_bad": (0.3, 0.2, 0.15),
    PASSING: (0.95, 0.1, 0.15),
}
# Captions of a user, whoever it is.
CAPTIONS = 3
# Of all users, the shares of groups; who is new is rare.
SHARES = {"light": 1 / 3, "medium": 1 / 3, "heavy": 1 / 3, "new": 0.04, "known": 0.96, "head": 1.0, "tail": 1.0}


@dataclass(frozen=True)
class Scenario:
    """What is true of the candidates of some gates.

    Args:
        gain: true difference of all figures, in the direction that is better; in units of the figure.
        at: true differences of single cells instead, by name.
        is_false: whether a GO is false.
    """

    name: str
    is_false: bool
    gain: float = 0.0
    at: Mapping[str, float] = field(default_factory=dict)


def scenarios(policy: Policy, gain: float) -> list[Scenario]:
    """Equally good models, models at the margin of each critical check and beyond, and ones that are better.

    Candidates at a margin are better everywhere else: so nothing but that one check holds them back.
    """
    found = [Scenario("equally good", True), Scenario(f"better by {gain:g}", False, gain)]
    found += [Scenario("better by half of it", False, gain / 2)]
    for cell in cells_of(policy):
        loss = cell.part.allowed_loss
        if cell.part.tier == "critical" and loss is not None:
            found.append(Scenario(f"{cell.name} at the margin", True, gain, {cell.name: -loss}))
            found.append(Scenario(f"{cell.name} beyond it", True, gain, {cell.name: -1.5 * loss}))
    return found


def simulated(
    cells: tuple[Cell, ...], scenario: Scenario, users: int, gates: int, generator: np.random.Generator
) -> np.ndarray[Any, Any]:
    """The sums of gates side by side: users x (gates x cells) x 4, as ``evaluation.gate.measured`` takes them.

    A user's values of one figure are the same in all slices that are of users; those of head and tail are their own.
    """
    # Cell by cell, as they are written; users come first in the end.
    tables = np.zeros((len(cells), COLUMNS, users, gates))
    # Size: how much a user has to be found, log-normal; who has little is judged by few and scatters more.
    size = np.clip(generator.lognormal(0.0, 0.6, (users, gates)), 0.25, 4.0)
    activity = np.array(["light", "medium", "heavy"])[np.argsort(np.argsort(size, axis=0), axis=0) * 3 // users]
    history = np.where(generator.random((users, gates)) < SHARES["new"], "new", "known")
    everybody, tags = np.ones((users, gates)), np.ceil(5 * size)
    root = np.sqrt(size)
    champions: dict[tuple[str, str], Any] = {}
    for number, cell in enumerate(cells):
        part, metric = cell.part, cell.metric
        cut, value = (part.cut, part.value) if isinstance(part, Slice) else ("", "")
        kind = (metric.name, value if cut == "category" else "all")
        mean, spread, apart = FIGURES.get(metric.name, COMMON)
        if kind not in champions:
            skill = generator.normal(mean, spread, (users, gates))
            noise = generator.standard_t(5, (users, gates)) * np.sqrt(3 / 5) * apart / root
            champions[kind] = skill, skill + noise
        champion, candidate = champions[kind]
        # Judged tags: as many as a user has; captions: the same for all; other figures are one a user.
        weight = tags if metric.name in TIERS else everybody * (CAPTIONS if metric.name == PASSING else 1)
        if cut in ("activity", "history"):
            weight = np.where((activity if cut == "activity" else history) == value, weight, 0.0)
        lost = scenario.at.get(cell.name, scenario.gain * (1 if metric.name != "categories_per_user" else 0))
        tables[number, 0] = weight * (candidate + metric.sign * lost)
        tables[number, 1] = tables[number, 3] = weight
        tables[number, 2] = weight * champion
    return tables.transpose(2, 3, 0, 1).reshape(users, gates * len(cells), COLUMNS)


def verdicts(policy: Policy, scenario: Scenario, users: int, gates: int, seed: int) -> Iterator[str]:
    """The verdicts of simulated gates; each gate sees other users, and the policy's own draws of them."""
    cells = cells_of(policy)
    generator = np.random.default_rng(seed)
    for start in range(0, gates, TOGETHER):
        number = min(TOGETHER, gates - start)
        tables = simulated(cells, scenario, users, number, generator)
        found = measure(tables, policy.seed, policy.resamples, [has_floor(cell) for cell in cells] * number)
        for gate in range(number):
            yield _verdict(policy, cells, found[gate * len(cells) : (gate + 1) * len(cells)])


def _verdict(policy: Policy, cells: tuple[Cell, ...], measured: list[Measured]) -> str:
    checks = checks_of(policy, True, dict(zip([cell.name for cell in cells], measured, strict=True)))
    return decide(policy, checks, has_champion=True).verdict


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.gates < 1 or arguments.users < 10:
        raise UsageError("--gates is at least 1, and --users at least 10.")
    place = arguments.policy or load_settings().gate.policy
    policy = parse_policy(policy_text(place), str(place))
    chosen = scenarios(policy, arguments.gain)
    progress = Progress(len(chosen) * arguments.gates, "gates")
    figures: dict[str, Any] = {}
    for number, scenario in enumerate(chosen):
        counted = {"GO": 0, "NO-GO": 0, "INCONCLUSIVE": 0}
        for verdict in verdicts(policy, scenario, arguments.users, arguments.gates, arguments.seed + number):
            counted[verdict] += 1
            progress.advance(note=scenario.name)
        share = wilson(Proportion(counted["GO"], arguments.gates)).as_dict()
        figures[scenario.name] = {"is_false": scenario.is_false, "go": share, **counted}
    false = {name: found["go"]["value"] for name, found in figures.items() if found["is_false"]}
    worst = max(false, key=lambda name: false[name])
    return {
        "false_go_rate": false[worst],
        "false_go_worst": worst,
        "stated_level": policy.level,
        "power": figures[f"better by {arguments.gain:g}"]["go"]["value"],
        "stated_gain": arguments.gain,
        "gates": arguments.gates,
        "users": arguments.users,
        "policy": {"name": policy.name, "digest": policy.digest},
        "scenarios": figures,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--gates", type=int, default=2_000, help="simulated gates a scenario (default: 2000)")
    parser.add_argument("--users", type=int, default=500, help="users a gate (default: 500)")
    parser.add_argument("--gain", type=float, default=STATED_GAIN, help="true gain that power is told of (0.04)")
    parser.add_argument("--policy", type=Path, help="the policy's file (default: the setting)")
    parser.add_argument("--seed", type=int, default=0)
    run_command(main, parser)
