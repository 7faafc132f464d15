"""Grammar by closed checks: pairs of words that no English sentence has side by side, and words that are none. Pure.

They see little, and what they see is wrong: a caption that breaks none may still be no sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from evaluation.captions import caption_words

_DETERMINERS = frozenset({"a", "an", "the", "my", "your", "our", "their", "its", "every"})
_PREPOSITIONS = frozenset({"of", "for", "with", "by", "from", "into", "at", "onto", "without", "during"})
_BE = frozenset({"is", "are", "was", "were", "am"})
_JOINERS = frozenset({"and", "or", "but"})
_SINGULAR = frozenset({"he", "she", "it", "this", "that"})
_PLURAL = frozenset({"we", "they", "you", "these", "those"})
_MODALS = frozenset({"can", "will", "would", "should", "must", "could", "may"})
_JOINED = re.compile(r"[a-z][A-Z]")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](\w+)")
_AFTER_APOSTROPHE = frozenset({"s", "t", "re", "ve", "ll", "d", "m"})
_CHAIN = re.compile(r"\w+(?:-\w+){4,}")
_WHOLE_LETTERS = frozenset({"a", "i"})
_VOWELS = frozenset("aeio")
# Words that begin with another sound than their letter's.
_LIKE_CONSONANTS = ("one", "once", "euro", "use", "uni")
_LIKE_VOWELS = ("hour", "honest", "heir", "honor")


def faults(caption: str) -> list[str]:
    """Names of what is wrong between neighbors, one for each place, in order."""
    words = _words_with_breaks(caption)
    found = [name for first, second in pairwise(words) for name in _of_pair(first, second)]
    return found + [name for word in caption.split() for name in _of_word(word)] + _of_end(caption)


def _of_word(word: str) -> list[str]:
    wrong = {
        "joined_words": bool(_JOINED.search(word)),
        "stray_apostrophe": any(end.lower() not in _AFTER_APOSTROPHE for end in _APOSTROPHE.findall(word)),
        "chain": bool(_CHAIN.search(word)),
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def _of_end(caption: str) -> list[str]:
    """A sentence that ends with a letter by itself was cut."""
    last = (caption_words(caption) or [""])[-1]
    return ["cut_word"] if len(last) == 1 and last.isalpha() and last not in _WHOLE_LETTERS else []


def _words_with_breaks(caption: str) -> Sequence[str]:
    """The words, with an empty one where punctuation parts them: what stands apart are no neighbors."""
    for sign in ",;:.!?\u2013":
        caption = caption.replace(sign, f" {sign} ")
    found: list[str] = []
    for part in caption.split():
        found += caption_words(part) or [""]
    return found


def _of_pair(first: str, second: str) -> list[str]:
    wrong = {
        "hanging_determiner": first in _DETERMINERS and (not second or second in _BE | _JOINERS | _PREPOSITIONS),
        "two_determiners": first in _DETERMINERS and second in _DETERMINERS,
        "preposition_then_verb": first in _PREPOSITIONS and second in _BE | _JOINERS,
        "hanging_preposition": first in _PREPOSITIONS and not second,
        "two_joiners": first in _JOINERS and second in _JOINERS,
        "two_forms_of_be": first in _BE and second in _BE,
        "singular_with_plural": first in _SINGULAR and second in {"are", "were", "have", "am"},
        "plural_with_singular": first in _PLURAL and second in {"is", "was", "has", "am"},
        "first_person": first == "i" and second in {"is", "are", "has", "were"},
        "modal": first in _MODALS and (second in _BE or second in {"to", "has"}),
        "to_then_verb": first == "to" and second in _BE | {"has", "had", "does"},
        "article": (first == "a" and _sounds_as_vowel(second)) or (first == "an" and _sounds_as_consonant(second)),
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def _sounds_as_vowel(word: str) -> bool:
    if word.startswith(_LIKE_VOWELS):
        return True
    return word[:1] in _VOWELS and not word.startswith(_LIKE_CONSONANTS)


def _sounds_as_consonant(word: str) -> bool:
    if not word or word[0].isdigit() or word[0] == "u" or word.startswith(_LIKE_VOWELS):
        return False
    return word[0] not in _VOWELS or word.startswith(_LIKE_CONSONANTS)
