"""What a shop's own catalog says: its labels, its words and its scripts. What is foreign is told by these alone."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from representation.cleaning import normalize_text
from representation.evidence import category_label
from schemas.judge_labels import FINDINGS, TIERS

_WORD = re.compile(r"[^\W_]+")
_JOINT = re.compile(r"(?<=[^\W_])(?:[\W_]+)(?=[^\W_])")
# What a judge answers: names no product by itself.
VERDICTS = frozenset({*FINDINGS, *(tier.lower() for tier in TIERS), "superior", "average", "bad"})
MAXIMUM_TEXT = 10_000
# So many words that no other label uses make a label a sentence that somebody put into the catalog, where at most this
# share of all labels has as many. Real ones of the demo (2,383 categories) have three at most.
OWN_WORDS = 4
RARE = 0.001


@dataclass(frozen=True)
class Vocabulary:
    """The words and forms that an output of this shop can have.

    Args:
        labels: of categories and of the levels above them, as prompts show them.
        words: of labels and further texts, lower case, without the words of verdicts: those count only as part of a
            label.
        joints: what stands between two words of a label: a space, a hyphen, and whatever else this catalog writes.
        scripts: of the letters of all words.
    """

    labels: frozenset[str]
    words: frozenset[str]
    joints: frozenset[str]
    scripts: frozenset[str]

    @classmethod
    def of(cls, labels: Iterable[str], texts: Iterable[str] = ()) -> Vocabulary:
        """Read a catalog.

        Args:
            labels: of categories and levels, in each form in which reasons and personas show them. What is not in a
                label's form, or is a sentence that the catalog speaks nowhere else, is no label.
            texts: further ones whose words tags may be made of (items, paths).
        """
        formed = {label for label in labels if label and category_label(label) == label}
        kept = formed - outlying(formed)
        words = {word for label in kept for word in words_of(label)}
        words.update(word for text in texts for word in words_of(normalize_text(text, MAXIMUM_TEXT)))
        return cls(
            labels=frozenset(kept),
            words=frozenset(words - VERDICTS),
            joints=frozenset({" ", *(joint for label in kept for joint in joints_of(label))}),
            scripts=frozenset(script for word in words for script in scripts_of(word)),
        )


def words_of(text: str) -> list[str]:
    """Runs of letters and digits."""
    return _WORD.findall(text)


def joints_of(text: str) -> list[str]:
    """What stands between the words."""
    return _JOINT.findall(text)


def scripts_of(word: str) -> set[str]:
    """Scripts of a word's letters, by the first word of their Unicode names: LATIN, CYRILLIC, CJK."""
    return {unicodedata.name(letter, "UNNAMED").split()[0] for letter in word if letter.isalpha()}


def outlying(labels: Iterable[str]) -> frozenset[str]:
    """Labels that speak another language than their catalog: an order among categories, for example.

    They have four words, or a word of a script, that no other label has. A small catalog, in which nearly every label
    has words of its own, has none. So has one where an order stands in several labels: its words are then no longer
    its own.
    """
    words = {label: set(words_of(label)) for label in labels}
    users = Counter(word for own in words.values() for word in own)
    readers = Counter(
        script for own in words.values() for script in {each for word in own for each in scripts_of(word)}
    )
    found = {
        label
        for label, own in words.items()
        if sum(users[word] == 1 for word in own) >= OWN_WORDS
        # A letter alone may be a sign: alpha, micro.
        or any(len(word) > 1 and {readers[script] for script in scripts_of(word)} == {1} for word in own)
    }
    return frozenset(found if len(found) <= RARE * len(words) else ())
