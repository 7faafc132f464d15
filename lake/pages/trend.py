"""How the main metrics went from decision to decision: numbers for a plot without a script. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, EDGE = 640, 140, 14
# A plot's range is at least this wide, or equal figures would have none.
NARROWEST = 1e-6


@dataclass(frozen=True)
class Point:
    """A metric as one gate found it.

    Args:
        label: of which decision. verdict: GO, NO-GO or INCONCLUSIVE.
        candidate: its figure. champion: the champion's; none where nobody was champion.
        low, high: bounds of the candidate's figure, where a floor was checked.
    """

    label: str
    verdict: str
    candidate: float
    champion: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Mark:
    """A point's place on the plot, in pixels; y grows downwards."""

    point: Point
    x: float
    y: float
    champion_y: float | None
    low_y: float | None
    high_y: float | None


@dataclass(frozen=True)
class Trend:
    """One metric over decisions, oldest first. bottom and top: figures at the plot's ends."""

    metric: str
    bottom: float
    top: float
    marks: tuple[Mark, ...]


def trends(decided: Sequence[tuple[str, str, Sequence[Mapping[str, Any]]]]) -> list[Trend]:
    """The metrics of critical tier, as whole, in the order in which policies name them.

    Args:
        decided: label, verdict and checks of each decision, oldest first.
    """
    points: dict[str, dict[int, Point]] = {}
    for number, (label, verdict, checks) in enumerate(decided):
        for check in checks:
            metric = str(check.get("name", "")).rpartition(": ")[0]
            # A slice is named "metric, slice".
            is_main = check.get("tier") == "critical" and check.get("kind") != "condition" and ", " not in metric
            if not metric or not is_main or check.get("candidate") is None:
                continue
            floor = check if check.get("kind") == "floor" else {}
            known = points.setdefault(metric, {})
            if number not in known or floor:
                known[number] = Point(
                    label, verdict, check["candidate"], _champion(check, known.get(number)), floor.get("low"),
                    floor.get("high"),
                )  # fmt: skip
            elif known[number].champion is None and check.get("champion") is not None:
                known[number] = Point(**{**vars(known[number]), "champion": check["champion"]})
    return [_placed(metric, of, len(decided)) for metric, of in points.items()]


def _champion(check: Mapping[str, Any], known: Point | None) -> float | None:
    found: float | None = check.get("champion")
    return known.champion if found is None and known else found


def _placed(metric: str, points: Mapping[int, Point], decisions: int) -> Trend:
    shown = [
        number
        for point in points.values()
        for number in (point.candidate, point.champion, point.low, point.high)
        if number is not None
    ]
    bottom, top = min(shown), max(shown)
    span = max(top - bottom, NARROWEST)
    step = (WIDTH - 2 * EDGE) / max(decisions - 1, 1)

    def height(figure: float | None) -> float | None:
        return None if figure is None else round(HEIGHT - EDGE - (figure - bottom) / span * (HEIGHT - 2 * EDGE), 1)

    marks = tuple(
        Mark(
            point,
            round(EDGE + number * step, 1),
            height(point.candidate) or 0.0,
            height(point.champion),
            height(point.low),
            height(point.high),
        )
        for number, point in sorted(points.items())
    )
    return Trend(metric, bottom, top, marks)
