"""Ways to break the grammar of a caption, each one edit. Pure functions; a caption too short for one gives None."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from evaluation.captions import caption_words
from model_steps.explaining.lexicon import declared
from runtime.fingerprint import digest

_GLUE = frozenset({"is", "it", "for", "with", "the", "of", "a", "to", "in", "be", "and", "you", "by", "this"})
_AGREEMENT = {"is": "are", "are": "is", "have": "has", "comes": "come", "you": "she", "would": "would to"}


def _place(key: str, number: int) -> int:
    return int(digest(["grammar", key])[:8], 16) % number


def swapped(words: Sequence[str], key: str) -> list[str] | None:
    """Two distant words change places."""
    if len(words) < 5:
        return None
    first = _place(key, len(words) - 3)
    second = first + 2 + _place(f"{key}2", len(words) - first - 2)
    found = list(words)
    found[first], found[second] = found[second], found[first]
    return found


def without_glue(words: Sequence[str], key: str) -> list[str] | None:
    """Words that hold the sentence together are left out."""
    found = [word for word in words if word.lower().strip(",:?.") not in _GLUE]
    return found if 2 <= len(found) <= len(words) - 2 else None


def disagreeing(words: Sequence[str], key: str) -> list[str] | None:
    """A verb that does not go with its subject."""
    places = [place for place, word in enumerate(words) if word.lower() in _AGREEMENT]
    if not places:
        return None
    found = list(words)
    place = places[_place(key, len(places))]
    found[place] = _AGREEMENT[words[place].lower()]
    return found


def doubled(words: Sequence[str], key: str) -> list[str] | None:
    """A word twice in a row."""
    place = _place(key, len(words))
    return [*words[: place + 1], words[place].strip(",:?."), *words[place + 1 :]]


def cut(words: Sequence[str], key: str) -> list[str] | None:
    """The sentence ends in the middle, without a sign."""
    return list(words[: len(words) // 2 + 1]) if len(words) > 4 else None


def reversed_order(words: Sequence[str], key: str) -> list[str] | None:
    """The words of the sentence the other way round."""
    plain = [re.sub(r"[.,:?!]$", "", word) for word in reversed(words)]
    return [*plain[:-1], f"{plain[-1]}."] if len(plain) > 3 else None


def stray_word(words: Sequence[str], key: str) -> list[str] | None:
    """A word that holds nothing together stands where it does not belong."""
    place = 1 + _place(key, len(words) - 1) if len(words) > 1 else 0
    stray = ("of", "the", "is", "and", "to", "which")[_place(f"{key}s", 6)]
    return [*words[:place], stray, *words[place:]]


WAYS: tuple[Callable[[Sequence[str], str], list[str] | None], ...] = (
    swapped, without_glue, disagreeing, doubled, cut, reversed_order, stray_word,
)  # fmt: skip


def broken(caption: str, key: str) -> str:
    """A caption with its grammar broken, the way and the place following from a key."""
    words = caption.split()
    first = _place(f"{key}way", len(WAYS))
    for way in (*WAYS[first:], *WAYS[:first]):
        found = way(words, key)
        if found is not None and found != words:
            return " ".join(found)
    return f"{caption} {caption}"


def shuffled(caption: str, what: str, key: str) -> str:
    """The words of a caption in no order, what its item is called kept whole."""
    words = caption_words(re.sub(re.escape(what), " ", caption, count=1, flags=re.IGNORECASE))
    return _in_no_order(words, what, key)


def strung(caption: str, what: str, key: str) -> str:
    """As many words that may be said of anything, around what the item is called."""
    plain = sorted(word for word in declared().plain if word.isalpha() and len(word) > 1)
    number = max(3, len(caption_words(caption)) - len(what.split()))
    return _in_no_order(sorted(plain, key=lambda word: digest(["strung", key, word]))[:number], what, key)


def _in_no_order(words: Sequence[str], what: str, key: str) -> str:
    order = sorted([*enumerate(words), (-1, what)], key=lambda one: digest(["order", key, *one]))
    sentence = " ".join(word for _, word in order)
    return f"{sentence[:1].upper()}{sentence[1:]}."
