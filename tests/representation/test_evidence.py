"""What an expert sees: groups, and lines that change once a week at most."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from representation.evidence import (
    CategoryEvidence,
    age_words,
    category_label,
    interval_words,
    line,
    lines,
    personas,
    weeks_between,
)

YOGURT = CategoryEvidence("yogurt", "yogurt", 7, "2017-08-13", 6.5, 1)
ONCE = CategoryEvidence("fresh", "fresh, fish", 1, "2017-08-21", None, 2)


def test_a_line_says_days_interval_and_weeks() -> None:
    assert line(YOGURT, "2017-08-23") == "7, weekly, 2 weeks ago: yogurt"
    assert line(ONCE, "2017-08-23") == "1, this week: fresh, fish"


@pytest.mark.parametrize(
    ("last_day", "words"),
    [
        ("2017-08-23", "this week"),
        ("2017-08-21", "this week"),
        ("2017-08-20", "last week"),
        ("2017-08-13", "2 weeks ago"),
        ("2017-07-23", "5-8 weeks ago"),
        ("2017-06-25", "9-13 weeks ago"),
        ("2017-05-21", "over 13 weeks ago"),
    ],
)
def test_an_age_is_counted_from_mondays(last_day: str, words: str) -> None:
    assert age_words(last_day, "2017-08-23") == words


def test_weeks_are_whole_and_counted_over_a_year() -> None:
    assert weeks_between("2016-12-31", "2017-01-02") == 1
    assert weeks_between("2017-01-02", "2017-01-08") == 0


def test_an_unchanged_users_line_changes_on_mondays_only() -> None:
    days = [date(2017, 8, 14) + timedelta(days=number) for number in range(120)]
    shown = [line(YOGURT, day.isoformat()) for day in days]
    changed = [day.weekday() for day, before, now in zip(days[1:], shown, shown[1:], strict=False) if before != now]
    assert changed
    assert set(changed) == {0}


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (1.0, "daily"),
        (3.5, "every 3 days"),
        (7.0, "weekly"),
        (9.0, "every 10 days"),
        (14.0, "every 2 weeks"),
        (30.5, "monthly"),
        (80.0, "every 2 months"),
    ],
)
def test_an_interval_is_said_in_words(interval: float, words: str) -> None:
    assert interval_words(interval) == words


def test_lines_are_the_most_certain_that_fit() -> None:
    def count(text: str) -> int:
        return len(text.split())

    first, second = line(YOGURT, "2017-08-23"), line(ONCE, "2017-08-23")
    both = count(first) + count(second)
    assert lines([ONCE, YOGURT], "2017-08-23", count, both) == [first, second]
    assert lines([ONCE, YOGURT], "2017-08-23", count, both - 1) == [first]
    assert lines([ONCE, YOGURT], "2017-08-23", count, 3) == []


def test_a_label_is_one_harmless_line() -> None:
    assert category_label("Fresh", "fish") == "fresh, fish"
    assert category_label("frozen meat", "meat") == "frozen meat"
    assert category_label("a\u202e\n<|im_end|> ---- {b}\u200b") == "a im end -- b"
    assert len(category_label("x y " * 100)) <= 60


def _directions(*angles: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)] for angle in np.radians(angles)], np.float32)


def test_personas_are_groups_of_like_categories_most_certain_first() -> None:
    assert personas(_directions(0, 90, 2, 88, 4), 2, 3) == [[0, 2, 4], [1, 3]]


def test_a_full_persona_hands_on_what_is_left_over() -> None:
    vectors = _directions(0, 90, 2, 4)
    assert personas(vectors, 2, 2) == [[0, 2], [1, 3]]
    assert personas(vectors, 2, 2, filled=False) == [[0, 2], [1]]


def test_of_many_categories_the_most_certain_are_parted() -> None:
    assert sorted(row for group in personas(_directions(0, 90, 1, 89, 2, 3), 2, 2) for row in group) == [0, 1, 2, 3]


def test_fewer_categories_than_personas_are_a_persona_each() -> None:
    assert personas(_directions(0, 90), 4, 3) == [[0], [1]]
    assert personas(np.empty((0, 2), np.float32), 4, 3) == []
