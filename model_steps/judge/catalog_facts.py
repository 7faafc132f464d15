"""What the catalog says of words and of levels: the look-ups of specificity and validity. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Literal

from model_steps.agents.data_text import delimit
from representation.catalog import CategoryVectors
from representation.evidence import PATH_SEPARATOR

Level = Literal["department", "level", "type"]
Words = frozenset[str]

_WORD = re.compile(r"[^\W_]+")
# Words that hold others together; a possessive's s is a word of its own once its apostrophe is gone.
_BINDING = frozenset({"a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "s", "the", "to", "with"})
# Of more words no part is looked for among the types.
_MOST_WORDS = 8


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order, in lower case and singular; words that only hold others together are left out."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text).lower())
    return tuple(singular(word) for word in found if word not in _BINDING)


@lru_cache(maxsize=100_000)
def singular(word: str) -> str:
    """A word without an English plural's ending. It need not be right, only the same for a tag and the catalog."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "oes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):
        return word[:-1]
    return word


@dataclass(frozen=True)
class CatalogFacts:
    """What is looked up of a catalog.

    Args:
        vectors: its categories with their labels and vectors.
        paths: of the categories, in the same order, from department to type; none where it is not known.
        texts: words of each text of the catalog: an item's with its path, a category's with its path.
    """

    vectors: CategoryVectors
    paths: tuple[str | None, ...]
    texts: tuple[Words, ...]

    @classmethod
    def of(cls, vectors: CategoryVectors, paths: Sequence[str | None], texts: Iterable[str]) -> CatalogFacts:
        """Look at a catalog.

        Args:
            texts: of the items and categories, each with its path.
        """
        named = [*texts, *vectors.labels, *(path or "" for path in paths)]
        distinct = {frozenset(words_of(text)) for text in named} - {frozenset[str]()}
        return cls(vectors, tuple(paths), tuple(sorted(distinct, key=sorted)))

    @cached_property
    def places(self) -> dict[str, set[int]]:
        """The texts that each word stands in."""
        found: dict[str, set[int]] = {}
        for number, words in enumerate(self.texts):
            for word in words:
                found.setdefault(word, set()).add(number)
        return found

    def are_together(self, words: Iterable[str]) -> bool:
        """Whether one text holds all of some words, at least one."""
        places = [self.places.get(word, set()) for word in words]
        return bool(places) and bool(set.intersection(*sorted(places, key=len)))

    @cached_property
    def level_of(self) -> dict[Words, Level]:
        """The level of each name: the lowest one that it is found on."""
        levels = [path.split(PATH_SEPARATOR) for path in self.paths if path]
        found: dict[Words, Level] = {frozenset(words_of(path[0])): "department" for path in levels if len(path) > 1}
        found |= {frozenset(words_of(name)): "level" for path in levels for name in path[1:-1]}
        types = (*self.vectors.names, *self.vectors.labels)
        return found | {frozenset(words_of(name)): "type" for name in types}

    @cached_property
    def naming(self) -> Words:
        """The words that names of types and of levels above them are made of: those that say what a thing is."""
        named = (words for words, level in self.level_of.items() if level != "department")
        return frozenset(word for words in named for word in words)

    @cached_property
    def departments(self) -> frozenset[str]:
        """Names of departments that no lower level has too."""
        return self._names("department", slice(0, 1))

    @cached_property
    def levels(self) -> frozenset[str]:
        """Names of levels between departments and types that no type has too."""
        return self._names("level", slice(1, -1))

    def _names(self, level: Level, place: slice) -> frozenset[str]:
        paths = (path.split(PATH_SEPARATOR) for path in self.paths if path)
        found = {name for path in paths if len(path) > 1 for name in path[place]}
        return frozenset(name for name in found if self.level_of[frozenset(words_of(name))] == level)

    @cached_property
    def uses(self) -> Counter[str]:
        """Of each word, how many types are called by it."""
        return Counter(word for label in self.vectors.labels for word in set(words_of(label)))

    def has_core(self, words: Words) -> bool:
        """Whether some of the words are a type's name, so that the others modify it."""
        if len(words) > _MOST_WORDS:
            return False
        parts = (frozenset(part) for size in range(1, len(words)) for part in combinations(sorted(words), size))
        return any(self.level_of.get(part) == "type" for part in parts)

    @cached_property
    def _fields(self) -> tuple[frozenset[str], ...]:
        """By category, what an expert of it may be called after."""
        pairs = zip(self.vectors.labels, self.vectors.parents, strict=True)
        return tuple(frozenset(delimit(name, 60) for name in pair if name) for pair in pairs)

    def fields_of(self, categories: Iterable[str]) -> frozenset[str]:
        """What experts of some categories may be called after: these, and the levels above them."""
        return frozenset().union(*(self._fields[self.vectors.row_of[category]] for category in categories))

    @cached_property
    def fields(self) -> frozenset[str]:
        """What any expert may be called after."""
        return self.fields_of(self.vectors.names)

    @cached_property
    def _above(self) -> tuple[frozenset[Words], ...]:
        """By category, the names of all levels above it."""
        levels = (path.split(PATH_SEPARATOR)[:-1] if path else () for path in self.paths)
        return tuple(frozenset(frozenset(words_of(name)) for name in names) for names in levels)

    def below(self, text: str) -> frozenset[str]:
        """The categories below a level or department of this name; none where no level is called so."""
        words = frozenset(words_of(text))
        return frozenset(name for name, above in zip(self.vectors.names, self._above, strict=True) if words in above)
