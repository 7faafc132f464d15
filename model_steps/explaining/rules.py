"""The rules that code checks of every caption, each under a name; a caption that breaks one is never published.

Pure functions. The first rule that is broken is the reason that a caption was dropped for.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from evaluation.captions import caption_words, longest_common_subsequence
from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import Lexicon, declared, singular, stems
from model_steps.explaining.personal_data import has_personal_data
from model_steps.explaining.surroundings import Surroundings
from representation.cleaning import visible
from settings import ExplanationsSettings

# Share of a caption's words that stand in the item's text in the same order from which on it is a copy.
COPIED = 0.8
# How often a word may come, those that hold sentences together aside.
MOST_OF_A_WORD = 2
_ALLOWED = re.compile(r"[A-Za-z\u00c0-\u024f0-9 ,.;:!?&%'\u2019\u2013-]*")
_ENDING = re.compile(r"[.!?]")
_CAPITAL = re.compile(r"(?<![\w'])[A-Z\u00c0-\u00de][\w']*")


@dataclass(frozen=True)
class Said:
    """A caption with all that rules look at.

    Args:
        attributes: of the user's profile, none of which may be told.
    """

    caption: str
    item: Item
    user_id: str
    attributes: Sequence[tuple[str, str]]
    surroundings: Surroundings
    lexicon: Lexicon
    settings: ExplanationsSettings

    @cached_property
    def words(self) -> list[str]:
        return caption_words(self.caption)

    @cached_property
    def line(self) -> str:
        """Its words with one space around each: a phrase stands in it or not."""
        return f" {' '.join(self.words)} "

    def says(self, phrase: str) -> bool:
        return f" {' '.join(caption_words(phrase))} " in self.line


@dataclass(frozen=True)
class Rule:
    """One rule: its name, what a caption that keeps it is like, and whether one breaks it."""

    name: str
    meaning: str
    broken: Callable[[Said], bool]


def _personal(said: Said) -> bool:
    return has_personal_data(said.caption, said.user_id, said.attributes, said.item.own)


def _signs(said: Said) -> bool:
    plain = visible(unicodedata.normalize("NFKC", said.caption))
    return said.caption != plain or not _ALLOWED.fullmatch(said.caption)


def _length(said: Said) -> bool:
    return not said.settings.fewest_words <= len(said.words) <= said.settings.most_words


def _unfinished(said: Said) -> bool:
    text = said.caption
    endings = _ENDING.findall(re.sub(r"(?<=\d)\.(?=\d)", "", text))
    if not said.words or len(endings) != 1 or text[-1] not in ".!?" or text != text.strip():
        return True
    return not (text[0].isupper() or text[0].isdigit()) or said.words[-1] in declared().hanging


def _repeats(said: Said) -> bool:
    plain = declared().plain
    counts = Counter(singular(word) for word in said.words if singular(word) not in plain)
    twice = any(first == second for first, second in zip(said.words, said.words[1:], strict=False))
    named = Counter(singular(word) for word in caption_words(said.item.what or ""))
    return twice or any(count > max(MOST_OF_A_WORD, named[word]) for word, count in counts.items())


def _copied(said: Said) -> bool:
    """Whether it copies the item's text: a long run of its words, all of a longer text, or hardly anything else."""
    title, name = caption_words(said.item.text), caption_words(said.item.what or "")
    words = [word for word in said.words if word != "and"]
    title, name = [word for word in title if word != "and"], [word for word in name if word != "and"]
    if not words or not title:
        return False
    run = _longest_run(words, title)
    common = longest_common_subsequence(words, title)
    if run >= max(said.settings.title_run, len(name) + 2):
        return True
    whole = len(title) > len(name) and len(title) > 2 and common == len(title)
    return whole or common >= COPIED * len(words)


def _longest_run(first: Sequence[str], second: Sequence[str]) -> int:
    longest, row = 0, [0] * (len(second) + 1)
    for word in first:
        row = [0, *(row[place] + 1 if word == other else 0 for place, other in enumerate(second))]
        longest = max(longest, *row)
    return longest


def _invented(said: Said) -> bool:
    allowed = said.item.own | stems(" ".join([said.surroundings.season or "", *said.surroundings.holidays]))
    return bool(said.lexicon.invented(said.caption, allowed))


def _numbers(said: Said) -> bool:
    return any(word[0].isdigit() and word not in said.item.numbers for word in said.words)


def _proper(said: Said) -> bool:
    """Whether a word has a capital letter that neither begins the sentence nor is the item's or the day's own."""
    known = stems(" ".join([said.item.text, said.item.brand or "", *said.surroundings.holidays]))
    own_capitals = {word for word in stems(said.item.category_path) if word in declared().capitals}
    known |= own_capitals
    later = [match for match in _CAPITAL.finditer(said.caption) if match.start() > 0]
    return any(not stems(match.group()) <= known for match in later)


def _untimely(said: Said) -> bool:
    """Whether it names a season or a holiday that is neither the day's nor the item's own."""
    own = {said.surroundings.season, *(["autumn", "fall"] if said.surroundings.season in ("autumn", "fall") else [])}
    seasons = {word for word in declared().seasons if word in said.words and word not in own}
    if any(singular(word) not in said.item.own for word in seasons):
        return True
    near = f" {' '.join(word for name in said.surroundings.holidays for word in [*caption_words(name), '/'])} "
    named = [name for name in declared().holidays if said.says(name)]
    return any(f" {' '.join(caption_words(name))} " not in near and not stems(name) <= said.item.own for name in named)


def _banned(said: Said) -> bool:
    return any(said.says(phrase) for phrase in declared().banned if not stems(phrase) <= said.item.own)


def _of_task(said: Said) -> bool:
    name = caption_words(said.item.what or "")
    return any(singular(word) in declared().task and word not in name for word in said.words)


def _of_another(said: Said) -> bool:
    """Whether it names nothing that is telling of the item: another caption would do as well."""
    return not stems(said.caption) & (said.item.own - declared().plain)


RULES: tuple[Rule, ...] = (
    Rule("personal_data", "It has no address, long number or name of a person, and nothing of this user.", _personal),
    Rule("signs", "It has letters, digits and the usual signs, and nothing that hides.", _signs),
    Rule("length", "Its words are as many as the settings say.", _length),
    Rule(
        "unfinished",
        "It is one whole sentence: a capital first, one stop, question or exclamation mark last.",
        _unfinished,
    ),
    Rule("repeated_words", "No word comes twice in a row, and no telling one three times.", _repeats),
    Rule("title_copy", "It is no copy of the item's text.", _copied),
    Rule("invented_number", "Its numbers stand in the item's text.", _numbers),
    Rule("invented_attribute", "Sizes, brands, materials and types of the lexicon are the item's own.", _invented),
    Rule("unknown_name", "A capital letter within is the item's or a holiday's own.", _proper),
    Rule("untimely", "A season or holiday is the day's or the item's own.", _untimely),
    Rule("task_words", "It speaks of the item, and neither of the task nor of a customer.", _of_task),
    Rule("names_nothing", "It has a telling word of the item's own.", _of_another),
    Rule("banned_words", "It has no slogan, exaggeration or promise of the list.", _banned),
)


def first_broken(said: Said) -> Rule | None:
    """The first rule that a caption breaks; None: it may be published."""
    return next((rule for rule in RULES if rule.broken(said)), None)


def broken(said: Said) -> tuple[str, ...]:
    """Names of all rules that a caption breaks."""
    return tuple(rule.name for rule in RULES if rule.broken(said))
