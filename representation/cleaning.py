"""Text from a log is data: normalized, stripped of what is invisible, capped."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_SPACE = re.compile(r"\s+")

# Control, format (zero-width, right-to-left marks), surrogate, private use and unassigned characters.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def normalize_text(text: str, maximum: int) -> str:
    """One canonical line: NFKC, lower case, single spaces, nothing invisible, at most ``maximum`` characters."""
    # Nothing that the cap would keep lies far beyond it: a megabyte is not worth normalizing.
    head = text[: maximum * 8]
    # Most texts of a log are plain, and the characters of these need no looking at.
    seen = head if head.isascii() and head.isprintable() else visible(unicodedata.normalize("NFKC", head))
    return _SPACE.sub(" ", seen).strip().lower()[:maximum].rstrip()


def visible(text: str) -> str:
    """The text with a plain space for each kind of space, without what nobody sees."""
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )


def entity_id(kind: str, text: str) -> str:
    """The id of an entity: digest of its kind and its normalized text."""
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()[:16]
