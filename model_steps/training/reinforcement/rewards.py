"""The four rewards of a list of tags, named as in the paper (PAPER 1.4). Pure functions.

What cannot be scored is None, and never 0: a reward of 0 says that a list is bad, None says that nobody knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import numpy as np

from representation.evidence import Vectors

# (fewest words, most words, score): the first band that holds a tag's words counts, so an edge that two bands share has
# the full score.
Bands = Sequence[tuple[int, int, float]]
Language = Literal["english", "paper"]

# PAPER 1.4: 6-11 words full, 4-6 and 11-13 half. They are of Chinese tags; an English tag of a modifier and a core word
# would always have 0 there, so for it the bands are ours.
BANDS: Mapping[Language, Bands] = {
    "paper": ((6, 11, 1.0), (4, 6, 0.5), (11, 13, 0.5)),
    "english": ((2, 5, 1.0), (1, 1, 0.5), (6, 7, 0.5)),
}


def accuracy(tags: Collection[str], outcomes: Collection[str], category_of: Mapping[str, str]) -> float | None:
    """R_acc: share of the categories that really came next which the tags name.

    Args:
        outcomes: categories, each once. category_of: the tag-to-category map; a tag that is not in it names none.

    Returns:
        0 to 1; None where nothing came next.
    """
    if not outcomes:
        return None
    named = {category_of[tag] for tag in tags if tag in category_of}
    return len(named & set(outcomes)) / len(set(outcomes))


def alignment(scores: Sequence[float | None]) -> float | None:
    """R_align: mean over the tags of what the judge's reward model says of them, 0 to 1.

    Returns:
        None where a tag has no score, or there is no tag.
    """
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known and len(known) == len(scores) else None


def diversity(vectors: Vectors) -> float | None:
    """R_div: mean over all pairs of tags of the cosine distance of their vectors, 0 to 2.

    Args:
        vectors: tags x dimensions, of unit length.

    Returns:
        None for fewer than two tags, which have no distance.
    """
    number = len(vectors)
    if number < 2:
        return None
    alike = np.asarray(vectors, np.float64) @ np.asarray(vectors, np.float64).T
    return float(1 - (alike.sum() - np.trace(alike)) / (number * (number - 1)))


def length(tags: Sequence[str], bands: Bands) -> float | None:
    """R_len: mean over the tags of the score of the band that their number of words lies in, 0 to 1.

    Returns:
        None where there is no tag.
    """
    return sum(_of_words(len(tag.split()), bands) for tag in tags) / len(tags) if tags else None


def _of_words(words: int, bands: Bands) -> float:
    return next((score for fewest, most, score in bands if fewest <= words <= most), 0.0)
