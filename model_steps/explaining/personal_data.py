"""Personal data in a caption: what code can see of it (PAPER 2.2: safety). Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from evaluation.captions import caption_words
from model_steps.explaining.lexicon import declared, stems
from representation.cleaning import visible

# So many digits, whatever stands between them, are a number of somebody's.
MOST_DIGITS = 4
# A part of an id that is as long as this is the id.
ID_PART = 6
# Words of a profile's values that are shorter than this say little of anybody.
SHORTEST_VALUE = 4
_MAIL = re.compile(r"\S@\S|@\w|\b(?:at|\(at\)|\[at\])\s+\w+\s+(?:dot|\(dot\)|\[dot\])\s+\w+", re.IGNORECASE)
_LINK = re.compile(r"https?:|www\.|\w\.(?:com|net|org|info|io|de|uk|eu|shop)\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d(?:[\s().,/+_-]*\d)+")
_DIGIT_WORDS = re.compile(r"\b(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b[\s,-]*){4,}", re.IGNORECASE)


def plain_of(text: str) -> str:
    """The text without what hides: compatibility forms folded, invisible characters and combining marks gone."""
    folded = unicodedata.normalize("NFKD", visible(unicodedata.normalize("NFKC", text)))
    return "".join(character for character in folded if not unicodedata.combining(character))


def has_personal_data(caption: str, user_id: str, attributes: Iterable[tuple[str, str]], own: frozenset[str]) -> bool:
    """Whether a caption has an address, a long number, a person's name, or something of this very user.

    Args:
        user_id: the pseudonym, of which a part is as bad. attributes: of the user's profile: names and values.
        own: stems of the item's own text, which may be said whatever else they are.
    """
    text = plain_of(caption)
    if _MAIL.search(text) or _LINK.search(text) or _DIGIT_WORDS.search(text):
        return True
    if any(len(re.sub(r"\D", "", found)) > MOST_DIGITS for found in _DIGITS.findall(text)):
        return True
    return names_user(text, user_id) or _names_person(text, own) or _tells_profile(text, attributes, own)


def names_user(text: str, user_id: str) -> bool:
    """Whether a text has a user's pseudonym or a part of it, whatever signs stand between."""
    letters, whole = _letters(text), _letters(user_id)
    parts = {whole, *(whole[start : start + ID_PART] for start in range(len(whole) - ID_PART + 1))}
    # What is all letters may be a word; what has a digit is none.
    return any(part in letters for part in parts if re.search(r"\d", part))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def _names_person(text: str, own: frozenset[str]) -> bool:
    return bool(stems(text) & declared().names - own)


def _tells_profile(text: str, attributes: Iterable[tuple[str, str]], own: frozenset[str]) -> bool:
    """Whether a value of the profile is told, or a longer word of one."""
    said = f" {' '.join(caption_words(text))} "
    plain, seen = declared().plain, stems(text)
    for _, value in attributes:
        words = caption_words(plain_of(value))
        whole = len("".join(words)) >= SHORTEST_VALUE and f" {' '.join(words)} " in said
        if whole and not stems(" ".join(words)) <= own:
            return True
        telling = {stem for word in words if len(word) >= SHORTEST_VALUE and word.isalpha() for stem in stems(word)}
        if (telling - own - plain) & seen:
            return True
    return False
