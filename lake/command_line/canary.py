"""A canary: who serves whom, on which days it did, and what came of both sides."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lake.command_line.commands import Commands
from lake.registry import champions
from lake.registry.canary_course import CanaryCourse, Pair, course_of
from lake.store.location import Lake


def add_commands(commands: Commands) -> None:
    commands.add(
        "canary", show_canary, "the canary of the newest promotion: its days, and the figures of both releases"
    )


def show_canary(lake: Lake, _arguments: argparse.Namespace) -> None:
    """The course of the newest promotion's canary."""
    course = course_of(lake, champions.log_of(lake))
    if course is None:
        print("No canary runs: one release serves all users. INTENTFLOW_CANARY__DAYS gives the next promotion one.")
        return
    print(_head(course))
    for day, pairs in course.days:
        print(f"\n{day}  {'':16}  {'canary':>10}  {'beside':>10}")
        print("\n".join(_lines(pairs)))
    if course.days:
        # Outcomes are no business of the lake's: the room above knows how recall is counted.
        print(f"\nWhat came true: python -m evaluation.compare_canary --day {course.days[0][0]}")
    print("Back to the champion before, for all users: python -m lake rollback --reason WHY")


def _head(course: CanaryCourse) -> str:
    who, served = course.who, len(course.days)
    told = (
        f"{who.release} (record {who.record}) serves {who.share:.0%} of the users, {who.beside} the others: "
        f"{served} of {course.wanted} days are published."
    )
    return f"{told} It is over: from the next day on {who.release} serves all." if course.is_over else told


def _lines(pairs: Sequence[Pair]) -> list[str]:
    return [f"            {name:16}  {_figure(own):>10}  {_figure(other):>10}" for name, own, other in pairs]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if value < 1_000 else f"{value:,.0f}"
