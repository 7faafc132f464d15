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
    head = unicodedata.normalize("NFKC", text[: maximum * 8])
    visible = "".join(
        " " if character.isspace() else character
        for character in head
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    return _SPACE.sub(" ", visible).strip().lower()[:maximum].rstrip()


def entity_id(kind: str, text: str) -> str:
    """The id of an entity: digest of its kind and its normalized text."""
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()[:16]
