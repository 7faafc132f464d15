"""The forms in which personas and reasons are published, as something that a text can be read against.

They are those of ``agents/ranked_reasons.py`` and ``ranked_planner.py``, and of written agents ``agents/rows.py``,
``planner.py`` and ``evidence.py``; a test builds outputs with these and reads them with what is here. Labels may hold
any word ("because", "on one day"), so a text is read in all ways at once and not by one expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from model_steps.judge.vocabulary import Vocabulary
from representation.evidence import AGES, INTERVALS, LONGER, OLDER

_AGES = frozenset({*(words for _, words in AGES), OLDER})
_INTERVALS = frozenset({*(words for _, words in INTERVALS), LONGER})
# Facts that a written persona's reason lists, at most (settings: inference.evidence).
MOST_FACTS = 6
# Words of a written persona's name, and of a thing that it needs.
MOST_WORDS = 2


class Form(Protocol):
    """A piece of a text."""

    def ends(self, text: str, start: int) -> set[int]:
        """Where the piece can end that begins at ``start``; nothing where it does not begin there."""

    def is_cut(self, text: str, start: int) -> bool:
        """Whether the text from ``start`` on is the beginning of the piece, and ends within it."""


@dataclass(frozen=True)
class OneOf:
    """One of some texts."""

    texts: frozenset[str]

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.texts), default=0)

    def ends(self, text: str, start: int) -> set[int]:
        last = min(len(text), start + self._longest)
        return {end for end in range(start, last + 1) if text[start:end] in self.texts}

    def is_cut(self, text: str, start: int) -> bool:
        rest = text[start:]
        return any(one.startswith(rest) and one != rest for one in self.texts)


@dataclass(frozen=True)
class Digits:
    """A number, or a day or month as YYYY-MM-DD or YYYY-MM."""

    pattern: re.Pattern[str]
    longest: int

    def ends(self, text: str, start: int) -> set[int]:
        found = self.pattern.match(text, start)
        return {found.end()} if found else set()

    def is_cut(self, text: str, start: int) -> bool:
        rest = text[start:]
        return len(rest) < self.longest and all(letter in "0123456789-" for letter in rest)


@dataclass(frozen=True)
class Phrase:
    """At most ``most`` different words, a space between two."""

    words: OneOf
    most: int = MOST_WORDS

    def ends(self, text: str, start: int) -> set[int]:
        found: set[int] = set()
        begun: list[tuple[int, frozenset[str]]] = [(start, frozenset())]
        for _ in range(self.most):
            after = [
                (end, said | {text[at:end]})
                for at, said in begun
                for end in self.words.ends(text, at)
                if end > at and text[at:end] not in said
            ]
            found.update(end for end, _ in after)
            begun = [(end + 1, said) for end, said in after if text[end : end + 1] == " "]
        return found

    def is_cut(self, text: str, start: int) -> bool:
        *whole, last = text[start:].split(" ")
        known = len(whole) < self.most and all(word in self.words.texts for word in whole)
        return known and self.words.is_cut(last, 0)


@dataclass(frozen=True)
class Chain:
    """One form after another."""

    forms: tuple[Form, ...]

    def ends(self, text: str, start: int) -> set[int]:
        ends = {start}
        for form in self.forms:
            ends = {after for end in ends for after in form.ends(text, end)}
        return ends

    def is_cut(self, text: str, start: int) -> bool:
        ends = {start}
        for form in self.forms:
            if any(form.is_cut(text, end) for end in ends):
                return True
            ends = {after for end in ends for after in form.ends(text, end)}
        return False


@dataclass(frozen=True)
class Either:
    """One of several forms."""

    forms: tuple[Form, ...]

    def ends(self, text: str, start: int) -> set[int]:
        return {end for form in self.forms for end in form.ends(text, start)}

    def is_cut(self, text: str, start: int) -> bool:
        return any(form.is_cut(text, start) for form in self.forms)


def reads(form: Form, text: str) -> bool:
    """Whether the whole text has a form."""
    return len(text) in form.ends(text, 0)


def persona_form(vocabulary: Vocabulary) -> Form:
    """``dairy expert``, ``dairy 2 expert``; of written agents ``fresh dairy expert``."""
    field = Either((OneOf(vocabulary.labels), _phrase(vocabulary)))
    return _chain(field, _maybe(_chain(" ", _NUMBER)), " expert")


def reason_form(vocabulary: Vocabulary) -> Form:
    """The reasons that ranked agents give, and written ones whose words are the catalog's."""
    labels = OneOf(vocabulary.labels)
    often = _maybe(_chain(", ", OneOf(_INTERVALS)))
    fact = Either(
        (
            _chain(labels, " on one day, ", OneOf(_AGES)),
            _chain(labels, " on ", _NUMBER, " days", often, ", most recently ", OneOf(_AGES)),
        )
    )
    because = Either(
        (
            _chain(labels, " is bought ", OneOf(_INTERVALS)),
            _chain(labels, " was bought on ", _NUMBER, " days"),
            _chain(labels, " was bought ", OneOf(_AGES)),
        )
    )
    need = _chain("Likely to need ", labels, " because ", because, ".")
    shown = _chain(OneOf(frozenset({"Bought before: ", "Goes with what was bought: "})), fact, ".")
    ranked = _chain(_maybe(_chain(need, " ")), shown)
    # Labels are built with a ranked need before written facts, too, and with a bare one (own_reasons.py).
    written = _chain(Either((need, _written_need(vocabulary, labels))), " ", _written_facts(labels))
    return Either((ranked, written, _chain("Likely to need ", labels, ".")))


def _written_need(vocabulary: Vocabulary, labels: Form) -> Form:
    thing = _phrase(vocabulary)
    # Of "laundry soap and soap dispensers" the word that stands twice is taken out (planner.without_repeats).
    merged = _chain(thing, " ", _phrase(vocabulary, most=1))
    things = Either((_chain(thing, _maybe(_chain(" and ", thing))), merged))
    because = Either((_chain(labels, _AGAIN), _chain("it goes with ", labels)))
    return _chain("Likely to need ", things, " because ", because, ".")


def _written_facts(labels: Form) -> Form:
    fact = _chain(labels, ": ", _NUMBER, OneOf(frozenset({" time", " times"})), ", last ", _PERIOD)
    facts: Form = fact
    for _ in range(MOST_FACTS - 1):
        facts = _chain(fact, _maybe(_chain("; ", facts)))
    return _chain("Bought: ", facts, ".")


def _phrase(vocabulary: Vocabulary, most: int = MOST_WORDS) -> Form:
    # A number alone names nothing.
    return Phrase(OneOf(frozenset(word for word in vocabulary.words if any(map(str.isalpha, word)))), most)


def _chain(*parts: str | Form) -> Form:
    return Chain(tuple(OneOf(frozenset({part})) if isinstance(part, str) else part for part in parts))


def _maybe(form: Form) -> Form:
    return Either((OneOf(frozenset({""})), form))


_NUMBER = Digits(re.compile(r"[1-9][0-9]{0,4}(?![0-9])"), 5)
_PERIOD = Digits(re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?(?![0-9])"), 10)
# Words that stand twice side by side are taken out of a written need, these too (planner.without_repeats).
_AGAIN = OneOf(frozenset({" is bought again and again", " is bought again"}))
