"""The final N of a pool: the arbiter's choice without near-duplicates, completed by a stated rule. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from model_steps.embedding.embedder import Vectors

ARBITER = "arbiter"
COMPLETION = "completion"
PROBABILITY = "probability"
KINDS = (ARBITER, COMPLETION, PROBABILITY)


@dataclass(frozen=True)
class PoolTag:
    """A tag with the number of the expert that wrote it, from 0."""

    text: str
    expert: int


@dataclass(frozen=True)
class Chosen:
    """A tag that made it.

    Args:
        chosen_by: arbiter, completion or probability. category: the tag's where it is certain; none: the nearest one.
        why: the reason of this very tag; none: the persona's.
    """

    tag: PoolTag
    chosen_by: str
    category: str | None = None
    why: str | None = None


def pool_of(written: Sequence[Sequence[str]], most: int) -> list[PoolTag]:
    """The experts' tags in turn (first of each, second of each, ...), no words twice, at most ``most``."""
    pool: list[PoolTag] = []
    seen: set[frozenset[str]] = set()
    for row in zip_longest(*written):
        for expert, tag in enumerate(row):
            if tag is not None and (words := same_words(tag)) not in seen:
                seen.add(words)
                pool.append(PoolTag(tag, expert))
    return pool[:most]


def same_words(tag: str) -> frozenset[str]:
    """Words without order and plural: tags that share them are the same."""
    return frozenset(
        word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] != "s" else word for word in tag.split()
    )


def select(
    pool: Sequence[PoolTag], choice: Sequence[int], vectors: Vectors, tags: int, similarity: float
) -> list[Chosen]:
    """The final tags, best first.

    The arbiter's choice comes first. Then code completes it with the remaining tags in the pool's order, which takes
    the experts in turn. A tag near one that is already in is left out, both times.

    Args:
        choice: numbers in the pool. vectors: of the pool's tags, unit length. similarity: cosine of near-duplicates.
    """
    kept: list[int] = []
    found: list[Chosen] = []

    def take(numbers: Sequence[int], chosen_by: str) -> None:
        for number in numbers:
            if len(found) == tags:
                return
            if number in kept or any(_alike(pool, vectors, number, other, similarity) for other in kept):
                continue
            kept.append(number)
            found.append(Chosen(pool[number], chosen_by))

    take(choice, ARBITER)
    take(range(len(pool)), COMPLETION)
    return found


def distinct(pool: Sequence[PoolTag], vectors: Vectors, similarity: float) -> int:
    """How many tags of the pool are no near-duplicates of one before."""
    return len(select(pool, range(len(pool)), vectors, len(pool), similarity))


def _alike(pool: Sequence[PoolTag], vectors: Vectors, one: int, other: int, similarity: float) -> bool:
    if same_words(pool[one].text) == same_words(pool[other].text):
        return True
    return float(vectors[one] @ vectors[other]) >= similarity


def shares(chosen_by: Sequence[str]) -> dict[str, float]:
    """How many of the tags were the arbiter's choice, how many a completion, how many the most probable."""
    total = max(len(chosen_by), 1)
    return {kind: round(chosen_by.count(kind) / total, 4) for kind in KINDS}
