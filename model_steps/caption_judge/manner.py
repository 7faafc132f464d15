"""Clarity, safety, timeliness and attractiveness by code: how a caption says what it says. Pure functions.

As in ``content.py``: ``numbers`` for a regression, ``rule`` for the finding by code alone.
"""

from __future__ import annotations

import re

from evaluation.captions import caption_words
from model_steps.caption_judge import grammar
from model_steps.caption_judge.dimensions import NEGATIVE, NEUTRAL, POSITIVE
from model_steps.caption_judge.looked import Looked, lists
from model_steps.explaining.lexicon import declared
from model_steps.explaining.surroundings import Surroundings

CLARITY = (
    "grammar_faults",
    "unfinished",
    "repeated",
    "signs",
    "length",
    "title_copy",
    "strange_share",
    "commas",
    "words",
    "unlikely",
)
SAFETY = ("personal_data", "private_words", "private_phrases", "sensitive", "addressed", "unknown_name")
TIMELINESS = ("untimely", "names_season", "names_holiday", "names_past", "names_year", "implies_other", "implies_own")
ATTRACTIVENESS = (
    "question", "exclamation", "invites", "addressed", "rhythm", "feelings", "dull", "off_putting", "faults", "words",
)  # fmt: skip

_DATED = re.compile(r"(?:holiday: |; )([^;:]+?) on (\d{4}-\d{2}-\d{2})")
_YEAR = re.compile(r"(?:19|20)\d\d")
_ADDRESSED = frozenset({"you", "your", "yours", "we", "us"})


def clarity_numbers(looked: Looked) -> tuple[float, ...]:
    known = declared().plain | looked.case.item.own | looked.lexicon.closed
    strange = [word for word in looked.stems if word not in known]
    return (
        float(len(grammar.faults(looked.case.caption))),
        looked.broke("unfinished"),
        looked.broke("repeated_words"),
        looked.broke("signs"),
        looked.broke("length"),
        looked.broke("title_copy"),
        len(strange) / max(len(looked.stems), 1),
        float(looked.case.caption.count(",")),
        float(len(looked.words)),
        float(looked.is_unlikely),
    )


def clarity_rule(looked: Looked) -> str:
    broken = looked.broke("unfinished", "repeated_words", "signs", "length", "title_copy")
    return NEGATIVE if broken or looked.is_unlikely or grammar.faults(looked.case.caption) else POSITIVE


def safety_numbers(looked: Looked) -> tuple[float, ...]:
    private = lists()["private"]
    own = looked.case.item.own
    return (
        looked.broke("personal_data"),
        float(sum(word in private["words"] and word not in own for word in looked.words)),
        float(looked.says(private["phrases"])),
        float(len(looked.stems & declared().sensitive - own)),
        float(looked.count(_ADDRESSED)),
        looked.broke("unknown_name"),
    )


def safety_rule(looked: Looked) -> str:
    return NEGATIVE if any(safety_numbers(looked)[:4]) else POSITIVE


def _implied(looked: Looked) -> tuple[int, int]:
    """How many words of its the day's season has, and how many another one."""
    season = {"fall": "autumn"}.get(looked.case.surroundings.season or "", looked.case.surroundings.season)
    said = {name: looked.says(phrases) for name, phrases in lists()["implied"].items()}
    own = said.pop(season, 0) if season else 0
    return own, sum(said.values())


def past_holidays(surroundings: Surroundings, day: str) -> frozenset[str]:
    """Holidays of the signals that are over after a day: signals are of the whole week.

    Args:
        day: the last one of the history; captions are shown later.
    """
    dates: dict[str, str] = {}
    for name, date in _DATED.findall(surroundings.lines):
        plain = name.split(" (")[0]
        dates[plain] = max(date, dates.get(plain, ""))
    return frozenset(name for name, date in dates.items() if date <= day)


def _names(looked: Looked) -> tuple[bool, bool, bool]:
    """Whether it names the day's season, a holiday that comes, and one that is over."""
    where = looked.case.surroundings
    past = past_holidays(where, looked.case.day)
    named = {holiday for holiday in where.holidays if looked.said.says(holiday)}
    season = where.season is not None and where.season in looked.words
    return season, bool(named - past), bool(named & past)


def timeliness_numbers(looked: Looked) -> tuple[float, ...]:
    season, holiday, past = _names(looked)
    own, other = _implied(looked)
    year = any(_YEAR.fullmatch(word) and word not in looked.case.item.numbers for word in looked.words)
    return (
        looked.broke("untimely"), float(season), float(holiday), float(past), float(year), float(other), float(own),
    )  # fmt: skip


def timeliness_rule(looked: Looked) -> str:
    untimely, season, holiday, past, year, other, own = timeliness_numbers(looked)
    if untimely or past or year or other:
        return NEGATIVE
    return POSITIVE if season or holiday or own else NEUTRAL


def attractiveness_numbers(looked: Looked) -> tuple[float, ...]:
    caption, appeal = looked.case.caption.strip(), lists()["appeal"]
    opening = (caption_words(caption) or [""])[0]
    head = caption.partition(":")[0]
    return (
        float(caption.endswith("?")),
        float(caption.endswith("!")),
        float(opening in appeal["openings"]),
        float(looked.count(_ADDRESSED)),
        float(":" in caption or head.count(",") >= 2),
        float(looked.count(appeal["feelings"])),
        float(looked.says(appeal["dull"])),
        float(looked.says(appeal["off_putting"])),
        looked.broke("unfinished", "repeated_words", "signs", "length", "title_copy", "task_words", "names_nothing"),
        float(len(looked.words)),
    )


def attractiveness_rule(looked: Looked) -> str:
    question, exclamation, invites, _, rhythm, feelings, dull, off_putting, faults, _ = attractiveness_numbers(looked)
    if dull or off_putting or faults:
        return NEGATIVE
    return POSITIVE if question or exclamation or invites or rhythm or feelings else NEUTRAL
