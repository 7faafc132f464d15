"""Captions as sequences of words, and how much captions of one item differ (PAPER 2.2). Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import combinations

_WORD = re.compile(r"\d+(?:[.,/]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?")


def caption_words(text: str) -> list[str]:
    """The words of a text in order, in lower case: runs of letters, an apostrophe within, and numbers."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    return _WORD.findall(plain.lower())


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Most words that both have in the same order, others between them or not."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0
        for place, other in enumerate(second, start=1):
            above = row[place]
            row[place] = before + 1 if word == other else max(above, row[place - 1])
            before = above
    return row[-1]


def rouge_l(first: str, second: str) -> float:
    """ROUGE-L of two texts, 0 to 1: the harmonic mean of the common subsequence's shares of both, so that neither is
    the reference.

    Source: Lin 2004, with beta 1. Two texts without words are equal.
    """
    one, other = caption_words(first), caption_words(second)
    if not one and not other:
        return 1.0
    return 2 * longest_common_subsequence(one, other) / (len(one) + len(other))


def diversity(captions_by_item: Iterable[Sequence[str]]) -> float | None:
    """1 - mean ROUGE-L between the captions of the same item: the mean over an item's pairs, then over items, 0 to 1.

    Args:
        captions_by_item: of each item its captions; one with fewer than two has no pair and is left out.

    Returns:
        None where no item has two captions.
    """
    alike = []
    for captions in captions_by_item:
        pairs = [rouge_l(first, second) for first, second in combinations(captions, 2)]
        if pairs:
            alike.append(sum(pairs) / len(pairs))
    return 1 - sum(alike) / len(alike) if alike else None
