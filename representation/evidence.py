"""What an expert sees of a user: the categories, parted into groups of like ones, each with its days (PAPER 1.4).

Pure functions. Everything is anchored at Mondays, so that the lines of a user who did nothing change once a week.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from representation.cleaning import normalize_text

Vectors = npt.NDArray[np.float32]

MAXIMUM_LABEL = 60
PATH_SEPARATOR = " > "
# Days up to which a usual interval is called so; longer ones are all called alike.
INTERVALS = (
    (1, "daily"),
    (2, "every 2 days"),
    (4, "every 3 days"),
    (5, "every 5 days"),
    (8, "weekly"),
    (11, "every 10 days"),
    (17, "every 2 weeks"),
    (24, "every 3 weeks"),
    (35, "monthly"),
    (50, "every 6 weeks"),
)
LONGER = "every 2 months"
# Whole weeks up to which the last time is called so.
AGES = (
    (0, "this week"),
    (1, "last week"),
    (2, "2 weeks ago"),
    (3, "3 weeks ago"),
    (4, "4 weeks ago"),
    (8, "5-8 weeks ago"),
    (13, "9-13 weeks ago"),
)
OLDER = "over 13 weeks ago"
# What a line's fields are, for the line above a persona's evidence. The product comes last: what a causal model reads
# of it then knows its days, so that attention finds the likely products themselves and not the numbers beside them.
FIELDS = "days bought, how often, last: product"
# Single words that say how a thing is and not what it is: the level above is added to these alone.
QUALITIES = frozenset(
    """
    accessories all assorted baking bulk canned carts domestic dried dry fresh frozen gourmet hot imported large loose
    mild misc miscellaneous mixed natural new organic other others packaged premium prepared refrigerated regular
    seasonal small specialty supplies sweet variety white whole
    """.split()  # noqa: SIM905 - a list of words reads better without its quotes
)


@dataclass(frozen=True)
class CategoryEvidence:
    """What a user did in one category.

    Args:
        category: its name in the catalog.
        label: the name as prompts show it.
        days: distinct days on which it was bought.
        last_day: the newest of them, as YYYY-MM-DD.
        usual_interval: median of the days between two of them, None where there are fewer than three.
        rank: among the user's categories, 1 for the most certain.
    """

    category: str
    label: str
    days: int
    last_day: str
    usual_interval: float | None
    rank: int


def category_label(text: str, parent: str | None = None) -> str:
    """A category's name as a prompt shows it: one line of letters, digits and a few signs, at most 60 characters.

    A single word that says how and not what ("fresh", "other") has the category above it added.
    """
    if parent and text.strip().lower() in QUALITIES and parent != text:
        text = f"{text}, {parent}"
    head = text[: MAXIMUM_LABEL * 8]
    kept = "".join(character if character.isalnum() or character in " &-/.,%" else " " for character in head)
    while "---" in kept:
        kept = kept.replace("---", "--")
    return normalize_text(kept, MAXIMUM_LABEL)


def label_in_catalog(text: str, category_path: str | None) -> str:
    """A category's label from its entity's text, which ends with the level above, and its path."""
    parent = parent_of(category_path)
    return category_label(text.removesuffix(f", {parent}"), parent)


def parent_of(category_path: str | None) -> str | None:
    """The last but one level of a category path."""
    levels = (category_path or "").split(PATH_SEPARATOR)
    return levels[-2] if len(levels) > 1 else None


def interval_words(usual_interval: float) -> str:
    """A usual interval, in days, as a small model reads it."""
    return next((words for longest, words in INTERVALS if usual_interval <= longest), LONGER)


def weeks_between(last_day: str, day: str) -> int:
    """Whole weeks from the week of one day to that of another, both counted from their Mondays."""
    last, now = (_monday(date.fromisoformat(text)) for text in (last_day, day))
    return (now - last).days // 7


def age_words(last_day: str, day: str) -> str:
    """When the last time was, seen from a day: the same through the day's week, from Monday on."""
    weeks = weeks_between(last_day, day)
    return next((words for most, words in AGES if weeks <= most), OLDER)


def line(evidence: CategoryEvidence, day: str) -> str:
    """For example ``7, weekly, 2 weeks ago: yogurt``, whose fields are named above all lines (``FIELDS``).

    Args:
        evidence: of one category.
        day: the last day of the history.
    """
    interval = [] if evidence.usual_interval is None else [interval_words(evidence.usual_interval)]
    return f"{', '.join([str(evidence.days), *interval, age_words(evidence.last_day, day)])}: {evidence.label}"


def fact(evidence: CategoryEvidence, day: str) -> str:
    """For example ``yogurt on 7 days, weekly, most recently 2 weeks ago``: a line for people.

    Args:
        evidence: of one category.
        day: the last day of the history.
    """
    age = age_words(evidence.last_day, day)
    if evidence.days == 1:
        return f"{evidence.label} on one day, {age}"
    interval = [] if evidence.usual_interval is None else [interval_words(evidence.usual_interval)]
    return f"{evidence.label} {', '.join([f'on {evidence.days} days', *interval, f'most recently {age}'])}"


def reason(evidence: CategoryEvidence, day: str) -> str:
    """For example ``yogurt is bought weekly``, as long as that goes on; else when, or on how many days, it was."""
    interval, weeks = evidence.usual_interval, weeks_between(evidence.last_day, day)
    if interval is not None and weeks * 7 <= max(7.0, 2 * interval):
        return f"{evidence.label} is bought {interval_words(interval)}"
    if evidence.days > 1:
        return f"{evidence.label} was bought on {evidence.days} days"
    return f"{evidence.label} was bought {age_words(evidence.last_day, day)}"


def is_fresh(evidence: CategoryEvidence, day: str) -> bool:
    """Whether a category's usual interval has passed by a day; where nothing is usual, it has."""
    if evidence.usual_interval is None:
        return True
    passed = date.fromisoformat(day) - date.fromisoformat(evidence.last_day)
    return passed.days >= evidence.usual_interval


def lines(group: Sequence[CategoryEvidence], day: str, count: Callable[[str], int], tokens: int) -> list[str]:
    """The lines of a persona, most certain first, as many as fit.

    Args:
        group: the persona's evidence.
        day: the last day of the history.
        count: tokens of a text.
        tokens: that all lines may have together, each with its line break.
    """
    shown: list[str] = []
    left = tokens
    for evidence in sorted(group, key=lambda one: one.rank):
        text = line(evidence, day)
        left -= count(f"{text}\n")
        if left < 0:
            break
        shown.append(text)
    return shown


def groups(vectors: Vectors, number: int) -> list[list[int]]:
    """Part rows into ``number`` groups of like ones, so that personas look in different directions (k-means).

    It starts from the first row (the user's most frequent category) and then from the row farthest from all starts:
    no chance is involved. No group is empty, and rows keep their order within a group.
    """
    starts = [0]
    while len(starts) < number:
        nearest = (vectors @ vectors[starts].T).max(axis=1)
        nearest[starts] = np.inf
        starts.append(int(nearest.argmin()))
    centers = vectors[starts]
    member = np.zeros(len(vectors), np.int64)
    for _round in range(10):
        member = (vectors @ centers.T).argmax(axis=1)
        # A start stays in its group, so that none becomes empty.
        member[starts] = range(number)
        centers = np.stack([vectors[member == group].mean(axis=0) for group in range(number)])
        centers /= np.maximum(np.linalg.norm(centers, axis=1, keepdims=True), 1e-9)
    return [[int(row) for row in np.flatnonzero(member == group)] for group in range(number)]


def personas(vectors: Vectors, number: int, most: int, *, filled: bool = True) -> list[list[int]]:
    """Part a user's evidence into personas: groups of like categories, none larger than the cap.

    Args:
        vectors: rows of unit length, the most certain category first; only the first ``number * most`` are parted.
        number: K; where there are fewer rows, a persona a row.
        most: categories a persona.
        filled: whether a row that finds its group full goes to the nearest one with room, or is left out.

    Returns:
        Rows by persona, each in order; none is empty.
    """
    rows = vectors[: number * most] if filled else vectors
    number = min(number, len(rows))
    if not number:
        return []
    whole = groups(rows, number)
    parted = [group[:most] for group in whole]
    if filled and (over := sorted(row for group in whole for row in group[most:])):
        centers = np.stack([rows[group].mean(axis=0) for group in whole])
        centers /= np.maximum(np.linalg.norm(centers, axis=1, keepdims=True), 1e-9)
        for row in over:
            room = [group for group in range(number) if len(parted[group]) < most]
            parted[max(room, key=lambda group: float(rows[row] @ centers[group]))].append(row)
    return [sorted(group) for group in parted]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
