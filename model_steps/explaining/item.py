"""An item as explanations know it: what it is called, and what a caption may speak of. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from string import Template

from evaluation.captions import caption_words
from model_steps.agents.data_text import delimit
from model_steps.explaining.lexicon import SLOT_KINDS, declared, singular, stems
from representation.evidence import PATH_SEPARATOR, QUALITIES
from runtime.fingerprint import digest

MOST_SIZES = 2
MOST_TEXT = 200
# Words of a type's name that a sentence can bear.
MOST_NAME = 7
_SPEAKABLE = re.compile(r"[^\W\d_][^\W\d_' &,-]*(?:[ &,'-]+[^\W\d_' &,-]+)*'?")
_UNITS = "|".join(sorted(map(re.escape, declared().units), key=len, reverse=True))
_SIZE = re.compile(rf"(?<![\d./x-])(\d+(?:\.\d+)?)[ -]?({_UNITS})(?![\w/*-])", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """A row of ``items``."""

    item_id: str
    entity_id: str
    text: str
    category: str
    category_path: str
    brand: str | None = None

    @cached_property
    def what(self) -> str | None:
        """What it is called inside a sentence: its type in lower case, or the level above; None where neither can be
        said."""
        levels = self.category_path.split(PATH_SEPARATOR)
        above = levels[-2] if len(levels) > 1 else ""
        leaf = self.category.strip()
        if leaf.lower() in QUALITIES and above:
            leaf = f"{leaf} {above}"
        return _spoken(leaf) or _spoken(above)

    @cached_property
    def own(self) -> frozenset[str]:
        """Stems of all that its text, path and brand say, and of how its sizes are said."""
        return stems(" ".join([self.text, self.category_path, self.brand or "", *self.sizes]))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers that its text has."""
        found = [word for word in caption_words(f"{self.text} {self.category_path}") if word[0].isdigit()]
        return frozenset([*found, *(part for word in found for part in word.split("/"))])

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """Its sizes as they are said, each once, in the order of its text."""
        units = declared().units
        found = [Template(units[unit.lower()]).substitute(number=number) for number, unit in _SIZE.findall(self.text)]
        return tuple(dict.fromkeys(found))[:MOST_SIZES]

    @cached_property
    def maker(self) -> str | None:
        """Its brand as a sentence says it; None where it has none that names a maker."""
        name = delimit(self.brand or "", 40)
        if not name or name.lower() in declared().no_brands or not any(map(str.isalpha, name)):
            return None
        return name if name != name.lower() else name.title()

    def values(self, kind: str) -> tuple[str, ...]:
        """Its attributes of a kind of the lexicon (``SLOT_KINDS``), sorted: neither what its type's name says already,
        nor words of two kinds, of which code cannot tell whether orange is a color or a taste."""
        said = stems(self.what or "")
        own = {word for word in caption_words(self.text) if singular(word) == word}
        others = [words for name, words in declared().attributes.items() if name != kind]
        return tuple(sorted((own & declared().attributes[kind]).difference(said, *others)))

    @cached_property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What prompts show of it, delimited and capped: pairs of name and value."""
        above = [delimit(level, 60) for level in self.category_path.split(PATH_SEPARATOR)[-2:-1]]
        pairs = [("item", delimit(self.what or self.category, 80)), ("text", delimit(self.text, MOST_TEXT))]
        pairs += [("shelf", level) for level in above]
        pairs += [("brand", self.maker)] if self.maker else []
        pairs += [("size", size) for size in self.sizes]
        pairs += [(kind, ", ".join(self.values(kind))) for kind in SLOT_KINDS if self.values(kind)]
        return tuple(pairs)

    @cached_property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        """Its facts without its text: what styles are reused by, and asked with."""
        return tuple(pair for pair in self.facts if pair[0] != "text")

    @cached_property
    def attributes_digest(self) -> str:
        return digest(self.attributes)

    @cached_property
    def is_explained(self) -> bool:
        """Whether it gets captions: it has a name that can be said, is no coupon, and is not bought in private."""
        begins = any(f"{self.text.lower()} ".startswith(f"{text} ") for text in declared().no_items)
        return self.what is not None and not begins and not self.own & declared().sensitive


def _spoken(name: str) -> str | None:
    """A category's name inside a sentence: lower case, ``and`` for ``&``, capitals where English wants them."""
    unsaid, capitals = declared().unsaid, declared().capitals
    plain = delimit(name, 80).lower()
    if not _SPEAKABLE.fullmatch(plain):
        return None
    words = [word for word in plain.replace("&", " and ").split() if word not in unsaid]
    # What a name begins or ends with cannot join anything.
    while words and words[0] in ("and", "or"):
        words = words[1:]
    while words and words[-1].strip(",-") in ("and", "or", ""):
        words = words[:-1]
    if not words or len(words) > MOST_NAME or {singular(word) for word in words} <= {"item", "good", "and", "product"}:
        return None
    return " ".join(word.capitalize() if singular(word) in capitals or word in capitals else word for word in words)
