"""The judge under attack: canaries made of real outputs, and what the guard does to outputs that nobody attacked.

What the guard flags is B, so it needs no question; what it lets pass is judged like any output.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.canary_figures import Caught, GoodOutputs, JudgedCanary, JudgedOutput, canary_figures, good_outputs
from model_steps.judge.attacks.canary import Canary, canaries
from model_steps.judge.case import Case
from model_steps.judge.exam.figures import plain
from model_steps.judge.judging import Guard
from model_steps.judge.reviewer import Verdict


@dataclass(frozen=True)
class Attacked:
    """Canaries of one seed or several, each once, with what the guard says of them.

    Args:
        by_seed: of each seed, its canaries' ids.
    """

    canaries: tuple[Canary, ...]
    flags: tuple[tuple[str, ...], ...]
    by_seed: Mapping[int, frozenset[str]]

    @classmethod
    def of(
        cls, originals: Sequence[Case], seeds: Sequence[int], count: int, known: Collection[str], guard: Guard | None
    ) -> Attacked:
        """Attack outputs.

        Args:
            originals: outputs that the judge has judged, each item once.
            seeds: given when the judge is examined. count: of canaries a seed, one half of them fixed.
            known: words of the catalog.

        Raises:
            DataError: as ``canaries``.
        """
        found: dict[str, Canary] = {}
        by_seed = {}
        for seed in seeds:
            made = canaries(originals, seed, count, known)
            found |= {one.case.item_id: one for one in made}
            by_seed[seed] = frozenset(one.case.item_id for one in made)
        all_of_them = tuple(found.values())
        flags = tuple(tuple(guard(one.case)) if guard else () for one in all_of_them)
        return cls(all_of_them, flags, by_seed)

    @property
    def unflagged(self) -> list[Case]:
        """What must be judged."""
        return [one.case for one, flags in zip(self.canaries, self.flags, strict=True) if not flags]


def canary_results(
    attacked: Attacked, originals: Mapping[str, Verdict], judge: Callable[[Sequence[Case]], Sequence[Verdict]]
) -> dict[str, Any]:
    """What became of the canaries.

    Args:
        originals: verdicts on the outputs that were attacked, by item. judge: says what is unflagged.

    Returns:
        ``canaries`` and ``canaries_caught``, as numbers; ``canary_details``: shares of all, of each half, of each kind
        and of each seed, how many were asked, and the kinds that were missed.
    """
    asked = attacked.unflagged
    said = iter(judge(asked) if asked else [])
    judged = {}
    for one, flags in zip(attacked.canaries, attacked.flags, strict=True):
        attack = JudgedOutput(flags, "B") if flags else _output(next(said))
        original = _output(originals[one.original.item_id])
        judged[one.case.item_id] = JudgedCanary(one.kind, one.seeded, attack, original)
    found = canary_figures(list(judged.values()))
    return {
        "canaries": found.all.canaries,
        "canaries_caught": sum(one.is_caught for one in judged.values()),
        "canary_details": {
            "all": _caught(found.all),
            "fixed": _caught(found.fixed),
            "seeded": _caught(found.seeded),
            "by_kind": {kind: _caught(one) for kind, one in found.by_kind.items()},
            "by_seed": {
                str(seed): _caught(Caught.of([judged[item] for item in sorted(items) if judged[item].seeded]))
                for seed, items in attacked.by_seed.items()
            },
            "asked": len(asked),
            "missed": sorted({one.kind for one in judged.values() if not one.is_caught}),
        },
    }


def good_results(verdicts: Sequence[Verdict], fewest: int) -> dict[str, Any]:
    """What becomes of outputs that nobody attacked: ``false_flags`` as a number, and ``good_outputs`` with shares.

    Raises:
        DataError: there are fewer than ``fewest``.
    """
    found: GoodOutputs = good_outputs([_output(verdict) for verdict in verdicts], fewest)
    return {
        "false_flags": found.false_flags,
        "good_outputs": {
            "outputs": found.outputs,
            "false_flag_share": plain(found.false_flag_share),
            "bad_share": plain(found.bad_share),
        },
    }


def _output(verdict: Verdict) -> JudgedOutput:
    return JudgedOutput(verdict.flags, verdict.tier)


def _caught(found: Caught) -> dict[str, Any]:
    return {
        "canaries": found.canaries,
        "caught": plain(found.caught),
        "flagged": plain(found.flagged),
        "bad_originals": found.bad_originals,
    }
