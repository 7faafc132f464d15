"""Checks of a candidate's figures: each decides on a bound of an interval over users, never on the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from evaluation.bootstrap import rounded
from evaluation.gate.measured import Cell, Measured
from evaluation.gate.policy import Policy, Tier

State = Literal["PASS", "BREACH", "INSUFFICIENT EVIDENCE", "MISSING", "ERROR"]
Kind = Literal["floor", "non-inferiority", "superiority", "condition"]
PASS: State = "PASS"
BREACH: State = "BREACH"
INSUFFICIENT: State = "INSUFFICIENT EVIDENCE"
MISSING: State = "MISSING"
ERROR: State = "ERROR"
# Sums of thousands of users are exact to fewer digits than they have.
EXACT = 1e-9
# More users than this are no plan.
MOST_USERS = 100_000


@dataclass(frozen=True)
class Check:
    """What a gate found of one thing.

    Args:
        name: of what, unique in a gate. kind: floor, non-inferiority, superiority, or condition (of release, judge,
            holdout, outputs).
        why: a sentence.
        figure: what is checked: the candidate's figure (floor), or what it is better than the champion by.
        low, high: its one-sided bounds at ``level``. limit: what the bound is held against.
        candidate, champion: both figures as they are.
        users: with a value. users_missing: more users that would suffice if they were like these; None where no
            number of them is likely to.
    """

    name: str
    kind: Kind
    tier: Tier
    state: State
    why: str
    figure: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    level: float | None = None
    candidate: float | None = None
    champion: float | None = None
    users: int | None = None
    users_missing: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_name(cell: Cell, kind: Kind) -> str:
    return f"{cell.name}: {kind}"


def wanted(policy: Policy, cells: Sequence[Cell], has_champion: bool) -> list[tuple[Cell, Kind]]:
    """The checks of figures that a policy asks for; without a champion floors alone."""
    found: list[tuple[Cell, Kind]] = []
    for cell in cells:
        if cell.part.floor is not None:
            found.append((cell, "floor"))
        if cell.part.allowed_loss is not None and has_champion:
            found.append((cell, "non-inferiority"))
        if cell.part is cell.metric and cell.metric.gain is not None and has_champion:
            found.append((cell, "superiority"))
    return found


def missing(cell: Cell, kind: Kind, why: str) -> Check:
    """A check whose figures are not there."""
    return Check(check_name(cell, kind), kind, cell.part.tier, MISSING, why)


def broken(cell: Cell, kind: Kind, error: Exception) -> Check:
    """A check that could not be made because the gate itself failed."""
    why = f"The gate itself failed here: {type(error).__name__}: {error}"
    return Check(check_name(cell, kind), kind, cell.part.tier, ERROR, why)


def check(policy: Policy, cell: Cell, kind: Kind, measured: Measured) -> Check:
    """One check of a cell's figures.

    Args:
        kind: floor, non-inferiority or superiority; the latter two compare with the champion.
    """
    sign = cell.metric.sign
    level = policy.superiority_level if kind == "superiority" else policy.level
    if kind == "floor":
        figure, limit = measured.candidate, sign * (cell.part.floor or 0.0)
        low, high = measured.candidate_bounds(level)
    else:
        figure = measured.difference
        low, high = measured.difference_bounds(level)
        limit = (cell.metric.gain or 0.0) if kind == "superiority" else -(cell.part.allowed_loss or 0.0)
    # From here on more is better.
    if sign < 0:
        figure, low, high = -figure, -high, -low
    state, lacking = _judged(kind, figure, low, high, limit, measured.users, cell.part.least_users)
    shown = (figure, low, high) if kind != "floor" or sign > 0 else (-figure, -high, -low)
    told = [_told(number) for number in shown]
    limit_told = rounded(sign * limit if kind == "floor" else limit)
    return Check(
        name=check_name(cell, kind),
        kind=kind,
        tier=cell.part.tier,
        state=state,
        why=_why(kind, sign, state, told, limit_told, measured.users, lacking),
        figure=told[0],
        low=told[1],
        high=told[2],
        limit=limit_told,
        level=round(level, 6),
        candidate=_told(measured.candidate),
        champion=_told(measured.champion),
        users=measured.users,
        users_missing=lacking,
    )


def _judged(
    kind: Kind, figure: float, low: float, high: float, limit: float, users: int, least: int
) -> tuple[State, int | None]:
    """The state, and how many users are missing; figures are such that more is better."""
    if users < least:
        return INSUFFICIENT, least - users
    # Any gain is wanted to be one: the bound of two equal releases is 0, which is none.
    if low > limit + EXACT or (kind != "superiority" and low >= limit - EXACT):
        return PASS, None
    if high < limit - EXACT and kind != "superiority":
        return BREACH, None
    return INSUFFICIENT, _lacking(figure, low, limit, users)


def _lacking(figure: float, low: float, limit: float, users: int) -> int | None:
    """More users until the bound clears the limit, if the figure stays: an interval narrows by their number's root."""
    if not (math.isfinite(figure) and math.isfinite(low)) or figure - limit <= EXACT:
        return None
    needed = users * ((figure - low) / (figure - limit)) ** 2
    return max(1, math.ceil(needed - users)) if needed < MOST_USERS else None


def _told(number: float) -> float | None:
    """A number as it is stored; none where it is undefined or without bound."""
    return rounded(number) if math.isfinite(number) else None


def _why(
    kind: Kind, sign: int, state: State, told: Sequence[float | None], limit: float, users: int, lacking: int | None
) -> str:
    figure, low, high = ("?" if number is None else f"{number:.4g}" for number in told)
    asked = {
        "floor": f"{'no less' if sign > 0 else 'no more'} than {limit:.4g} is wanted",
        "non-inferiority": f"a loss of {-limit:.4g} is allowed",
        "superiority": f"a gain above {limit:.4g} is wanted",
    }[kind]
    what = "" if kind == "floor" else "better by "
    sentence = f"{what}{figure} ({low} to {high}), {users:,} users; {asked}"
    if kind == "superiority" and told[2] is not None and told[2] < limit:
        return f"{sentence}: beyond doubt there is none."
    if state == INSUFFICIENT:
        more = f"{lacking:,} more users like these would do" if lacking else "more users like these would hardly help"
        return f"{sentence}: not certain either way, {more}."
    return f"{sentence}: {'beyond doubt not so' if state == BREACH else 'so it is'}."
