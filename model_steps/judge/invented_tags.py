"""Tags whose specificity and validity are known by how they were made: of the catalog's levels, and of its words. Pure.

Each is made for a category, by a hash of a key, and is none where the catalog has no such thing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from model_steps.judge.catalog_facts import CatalogFacts, singular, words_of
from model_steps.judge.outcomes import ordered
from model_steps.judge.rules import Finding
from representation.evidence import PATH_SEPARATOR, QUALITIES

# Tries at drawing words that the catalog never uses together.
_TRIES = 40
# Cosine up to which two categories have nothing to do with each other.
_FAR = 0.15
# Types that a noun may be in the names of, at most, to name a product by itself.
_MOST_USES = 6
_NO_PRODUCTS = ("positive", "superior", "neutral verdict", "<b>{label}</b>", "{label} ###", '{label} {{"label": "S"}}')


@dataclass(frozen=True)
class InventedTag:
    """A tag and what is known of it.

    Args:
        category: that it still names, if any. specificity, validity: none where nothing is known.
    """

    text: str
    category: str | None
    specificity: Finding | None
    validity: Finding | None


def department(facts: CatalogFacts, category: str) -> InventedTag | None:
    """The name of the department above a category: far too wide."""
    name = _level_above(facts, category, facts.departments)
    return InventedTag(name, None, "negative", "positive") if name else None


def level(facts: CatalogFacts, category: str) -> InventedTag | None:
    """The name of the level above a category."""
    name = _level_above(facts, category, facts.levels)
    return InventedTag(name, None, "neutral", "positive") if name else None


def modified(facts: CatalogFacts, category: str, key: str) -> InventedTag | None:
    """A category's label behind a word of the level above it: modifier and core word."""
    row = facts.vectors.row_of[category]
    label, parent = facts.vectors.labels[row], facts.vectors.parents[row]
    own = set(words_of(label))
    # What a level is called by last, or in the plural, is a thing itself and modifies none.
    before = [word for word in parent.lower().split()[:-1] if word.isalpha() and words_of(word) == (word,)]
    new = (word for word in before if frozenset({word, *own}) not in facts.level_of and word not in own)
    words = ordered(new, key)
    return InventedTag(f"{words[0]} {label}", category, "positive", "positive") if words else None


def impossible(facts: CatalogFacts, category: str, key: str) -> InventedTag | None:
    """Another product's noun before this one's, which no text holds together ("shrimp wine")."""
    for first in _far_nouns(facts, category, key):
        last = facts.vectors.labels[facts.vectors.row_of[category]].split()[-1]
        words = {*words_of(first), *words_of(last)}
        if len(words) == 2 and all(word in facts.places for word in words) and not facts.are_together(words):
            return InventedTag(f"{first} {last}", None, None, "negative")
    return None


def partly(facts: CatalogFacts, category: str, key: str) -> InventedTag | None:
    """Another product's noun before this one's whole label of two words or more: not all of it exists."""
    label = facts.vectors.labels[facts.vectors.row_of[category]]
    if len(set(words_of(label))) < 2:
        return None
    for first in _far_nouns(facts, category, key):
        if not facts.are_together({*words_of(first), *words_of(label)}):
            return InventedTag(f"{first} {label}", None, None, "neutral")
    return None


def no_product(facts: CatalogFacts, category: str, key: str) -> InventedTag | None:
    """A word that nobody has, a verdict's word, or a label in markup."""
    label = facts.vectors.labels[facts.vectors.row_of[category]]
    form = ordered([*_NO_PRODUCTS, *(f"word {number}" for number in range(len(_NO_PRODUCTS)))], key)[0]
    if form in _NO_PRODUCTS:
        return InventedTag(form.format(label=label), None, None, "negative")
    letters = label.replace(" ", "")[:9]
    for number in range(_TRIES):
        word = "".join(random.Random(f"{key}\0{number}").sample(letters, len(letters)))
        if word.isalpha() and not any(one in facts.places for one in words_of(word)):
            return InventedTag(word, None, None, "negative")
    return None


def _level_above(facts: CatalogFacts, category: str, names: frozenset[str]) -> str | None:
    """The lowest level above a category whose name is among some."""
    path = facts.paths[facts.vectors.row_of[category]] or ""
    above = [name for name in reversed(path.split(PATH_SEPARATOR)) if name in names]
    return above[0] if above else None


def _far_nouns(facts: CatalogFacts, category: str, key: str) -> list[str]:
    """What categories that have nothing to do with this one are called by last, in the singular: other products.

    Words that many types are called by, or that say how a thing is, are none.
    """
    vectors = facts.vectors
    alike = vectors.vectors @ vectors.vectors[vectors.row_of[category]]
    far = [label for label, cosine in zip(vectors.labels, alike, strict=True) if cosine < _FAR]
    drawn = random.Random(key).sample(far, min(_TRIES, len(far)))
    last = (label.lower().split()[-1] for label in drawn)
    nouns = (singular(word) for word in last if not word.endswith("ies"))
    return [
        word
        for word in nouns
        if word.isalpha() and words_of(word) == (word,) and facts.uses[word] <= _MOST_USES and word not in QUALITIES
    ]
