"""A caption looked at by code: the rules that it breaks, and words of the closed lists. Pure functions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from evaluation.captions import caption_words
from model_steps.caption_judge.case import CaptionCase
from model_steps.explaining import rules
from model_steps.explaining.lexicon import Lexicon, declared, stems
from model_steps.explaining.rules import Said
from settings import ExplanationsSettings

FILE = Path(__file__).with_name("words.toml")


@cache
def lists() -> Mapping[str, Mapping[str, Any]]:
    """The closed lists of the file: phrases as written, words as a set."""
    content = tomllib.loads(FILE.read_text())
    return {
        section: {
            name: frozenset(value.replace("-", " ").split()) if isinstance(value, str) else tuple(value)
            for name, value in named.items()
        }
        for section, named in content.items()
    }


@cache
def _moments() -> re.Pattern[str]:
    """Any season or holiday, the longest first: black is a color but on Black Friday."""
    names = sorted([*declared().seasons, *declared().holidays], key=lambda name: (-len(name), name))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Looked:
    """A case with what all dimensions' checks share.

    Args:
        lexicon: of the shop. settings: of explanations, by which captions are held.
        is_unlikely: whether the language model finds no English in it (``likelihood.py``).
    """

    case: CaptionCase
    lexicon: Lexicon
    settings: ExplanationsSettings
    is_unlikely: bool

    @cached_property
    def said(self) -> Said:
        reader = self.case.reader
        return Said(
            self.case.caption,
            self.case.item,
            reader.name,
            reader.attributes,
            self.case.surroundings,
            self.lexicon,
            self.settings,
        )

    @cached_property
    def broken(self) -> frozenset[str]:
        """Names of the rules of captions that it breaks."""
        return frozenset(rules.broken(self.said))

    @cached_property
    def words(self) -> list[str]:
        return caption_words(self.case.caption)

    @cached_property
    def stems(self) -> frozenset[str]:
        return stems(self.case.caption)

    @cached_property
    def name(self) -> frozenset[str]:
        """Stems of what the item is called, without words that hold together."""
        found = stems(self.case.item.what or self.case.item.category)
        return (found - declared().plain) or found

    @cached_property
    def told(self) -> frozenset[str]:
        """Telling stems of the caption that are the item's own."""
        return (self.stems & self.case.item.own) - declared().plain

    @cached_property
    def invented(self) -> frozenset[str]:
        """The lexicon's words that the item does not have; seasons and holidays are another dimension's."""
        caption = _moments().sub(" ", self.case.caption)
        return frozenset(self.lexicon.invented(caption, self.case.item.own))

    def broke(self, *names: str) -> float:
        """1 where any of these rules is broken, else 0."""
        return float(bool(self.broken & set(names)))

    def says(self, phrases: Iterable[str]) -> int:
        """How many of these phrases it says."""
        return sum(self.said.says(phrase) for phrase in phrases)

    def count(self, words: frozenset[str]) -> int:
        """How many of its words are of a list."""
        return sum(word in words for word in self.words)
