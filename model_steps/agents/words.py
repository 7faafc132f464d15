"""The words that tags are made of: those of the catalog's own category texts, near a persona (PAPER 2.1: validity).

A small model that may use any letters invents words. Every word here is one that the shop's own catalog uses; which
of them a tag combines, and in which order, stays the model's choice. With ``word_categories = 0`` any letters are
allowed, which is right for a model that can spell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from model_steps.embedding.embedder import Vectors

_WORD = re.compile(r"[a-z]{3,14}")
_VOWEL = re.compile(r"[aeiouy]")
_CONSONANTS = re.compile(r"[^aeiouy]{4}")
# Words that hold sentences together name no product; the rest are how catalogs say "and so on".
_EMPTY = frozenset(
    """
    all and any are but etc excl exc except excluding for from has incl including its misc miscellaneous mix not off
    only other others out over per than that the this too under with you non new use made need needs brands
    """.split()  # noqa: SIM905 - a list of words reads better without its quotes
)
_ENDINGS = frozenset({"s", "es"})
# A small catalog has too few words for experts to write many distinct tags with: then any letters are allowed.
FEWEST = 30


def readable_words(texts: Iterable[str], known: frozenset[str]) -> frozenset[str]:
    """Words of texts that a reader would take for words: catalogs abbreviate and cut.

    Args:
        known: words that need no further proof (the embedder's own vocabulary).
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(_WORD.findall(text.lower())))
    candidates = {word for word in counts if word not in _EMPTY}
    stems = {word[:length] for word in counts for length in range(3, len(word)) if word[length:] not in _ENDINGS}
    return frozenset(
        word
        for word in candidates
        if word in known or (counts[word] > 1 and word not in stems and _pronounceable(word))
    )


def _pronounceable(word: str) -> bool:
    return len(word) > 4 and len(_VOWEL.findall(word)) * 4 >= len(word) and not _CONSONANTS.search(word)


@dataclass(frozen=True)
class Categories:
    """The catalog's categories: names, texts, vectors (rows of unit length) and paths in one order."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Vectors
    paths: tuple[str | None, ...] = ()

    def nearest(self, vectors: Vectors) -> list[tuple[str, float]]:
        """The category nearest to each row, with its cosine."""
        if not len(vectors):
            return []
        similarities = vectors @ self.vectors.T
        best = similarities.argmax(axis=1)
        return [(self.names[int(b)], float(similarities[row, b])) for row, b in enumerate(best)]


class WordFinder:
    """Finds the words near some categories."""

    def __init__(self, categories: Categories, known: frozenset[str], most: int) -> None:
        self._categories = categories
        self._most = most
        self._number = {name: number for number, name in enumerate(categories.names)}
        self._readable = readable_words(categories.texts, known)

    def near(self, names: Sequence[str]) -> tuple[str, ...]:
        """Words of the categories nearest to the mean of the named ones, sorted; none when any letters are allowed."""
        numbers = [self._number[name] for name in names if name in self._number]
        if not self._most or not numbers:
            return ()
        middle = self._categories.vectors[numbers].mean(axis=0)
        similarities = self._categories.vectors @ middle
        # A stable order makes equal catalogs give equal grammars.
        order = np.argsort(-similarities, kind="stable")[: self._most]
        found = self.of(self._categories.texts[int(number)] for number in order)
        return found if len(found) >= FEWEST else ()

    def vectors(self, names: Sequence[str]) -> Vectors:
        """The rows of named categories; zeros for one that is not in the catalog."""
        rows = np.zeros((len(names), self._categories.vectors.shape[1]), np.float32)
        for row, name in enumerate(names):
            if name in self._number:
                rows[row] = self._categories.vectors[self._number[name]]
        return rows

    def of(self, texts: Iterable[str]) -> tuple[str, ...]:
        """The readable words of texts, sorted."""
        return tuple(sorted({word for text in texts for word in _WORD.findall(text.lower())} & self._readable))
