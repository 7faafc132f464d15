"""What follows from the checks: GO, NO-GO or INCONCLUSIVE, and why. What is not certain never gives GO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evaluation.gate.checks import BREACH, ERROR, INSUFFICIENT, MISSING, PASS, Check, State
from evaluation.gate.policy import Policy

Verdict = Literal["GO", "NO-GO", "INCONCLUSIVE"]


@dataclass(frozen=True)
class Decision:
    """A gate's verdict.

    Args:
        why: sentences, the deciding ones first.
        checks: all that it rests on.
        broken: whether the gate itself failed somewhere: then it is NO-GO, and the command has an exit code for it.
        correction: how the number of checks was accounted for.
    """

    verdict: Verdict
    why: tuple[str, ...]
    checks: tuple[Check, ...]
    broken: bool
    correction: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "why": list(self.why),
            "broken": self.broken,
            "correction": self.correction,
            "checks": [check.as_dict() for check in self.checks],
        }


def decide(policy: Policy, checks: Sequence[Check], has_champion: bool) -> Decision:
    """The verdict on a candidate.

    Critical and supporting checks hold back when they are breached, missing or broken; critical ones also when they
    are not certain. Then at least one superiority check must pass, where there is a champion. Advisory checks change
    nothing, and nothing but critical checks that passed lets anybody through.

    Args:
        checks: all of them, conditions too.
        has_champion: whether the lake has one; else floors alone decide.
    """
    verdict, why = _verdict(checks, has_champion)
    broken = any(check.state == ERROR for check in checks)
    return Decision(verdict, tuple(why), tuple(checks), broken, correction(policy, has_champion))


def _verdict(checks: Sequence[Check], has_champion: bool) -> tuple[Verdict, list[str]]:
    weighty = [check for check in checks if check.tier != "advisory"]
    holding = [check for check in weighty if check.kind != "superiority"]
    if errors := _in(checks, ERROR):
        return "NO-GO", ["The gate itself failed, so nobody passes it.", *_said(errors)]
    if stopped := _in(holding, BREACH, MISSING) + _in([c for c in weighty if c.kind == "superiority"], MISSING):
        return "NO-GO", _said(stopped)
    critical = [check for check in holding if check.tier == "critical"]
    if open_ := [check for check in critical if check.state != PASS]:
        return "INCONCLUSIVE", _said(open_)
    figures = [check for check in critical if check.kind != "condition"]
    if not figures:
        return "INCONCLUSIVE", ["No critical check of a figure was made, and others promote nobody."]
    passed = f"All {len(critical)} critical checks passed."
    if not has_champion:
        return "GO", [passed, "Nobody is champion yet, so floors alone decided."]
    better = [check for check in weighty if check.kind == "superiority" and check.state == PASS]
    if not better:
        tried = [check for check in weighty if check.kind == "superiority"]
        return "INCONCLUSIVE", ["As good as the champion, and nowhere shown to be better.", *_said(tried)]
    return "GO", [passed, *_said(better)]


def _in(checks: Sequence[Check], *states: State) -> list[Check]:
    return [check for check in checks if check.state in states]


def _said(checks: Sequence[Check]) -> list[str]:
    return [f"{check.name}: {check.state}. {check.why}" for check in checks]


def correction(policy: Policy, has_champion: bool) -> str:
    """How the number of checks was accounted for, in words."""
    held = (
        f"Floors and non-inferiority checks are each decided at the one-sided level {policy.level:g}, without "
        "correction: all critical ones must pass, so their number only makes it harder (intersection-union test)."
    )
    if not has_champion:
        return held
    return (
        f"{held} Of {len(policy.superiority)} superiority checks one must pass, so each is decided at "
        f"{policy.superiority_level:.4g} (Bonferroni; Holm would decide the same)."
    )


def counts(decision: Decision) -> dict[str, int]:
    """How many checks ended in which state."""
    states: tuple[State, ...] = (PASS, BREACH, INSUFFICIENT, MISSING, ERROR)
    return {state: len(_in(decision.checks, state)) for state in states}
