"""The closed lexicon: words that a caption may say of an item only where the item has them (PAPER 1.5, 2.2).

It is declared beside this file and completed by the lake's own catalog. What it does not know, it cannot see.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evaluation.captions import caption_words

FOLDER = Path(__file__).with_name("lexicon")
SLOT_KINDS = ("material", "color", "flavor")


def singular(word: str) -> str:
    """A word without an English plural's or possessive's ending. It need not be right, only the same everywhere."""
    word = word.removesuffix("'s").removesuffix("'")
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "oes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stems(text: str) -> frozenset[str]:
    """The words of a text in singular; those of compounds that a hyphen joins are words of their own."""
    return frozenset(singular(word) for word in caption_words(text))


@dataclass(frozen=True)
class Declared:
    """The lists of the lexicon's files, as stems; phrases of several words as they are written."""

    attributes: Mapping[str, frozenset[str]]
    claims: frozenset[str]
    plain: frozenset[str]
    units: Mapping[str, str]
    demo: frozenset[str]
    no_brands: frozenset[str]
    unsaid: frozenset[str]
    no_items: frozenset[str]
    capitals: frozenset[str]
    sensitive: frozenset[str]
    seasons: frozenset[str]
    holidays: frozenset[str]
    banned: frozenset[str]
    task: frozenset[str]
    hanging: frozenset[str]
    names: frozenset[str]


@cache
def declared() -> Declared:
    """The lexicon's files."""
    content = tomllib.loads((FOLDER / "words.toml").read_text())
    demo = [line for line in (FOLDER / "demo_catalog.txt").read_text().splitlines() if not line.startswith("#")]
    other: Mapping[str, str] = content["other"]
    plain = stems(content["plain"]["words"])
    return Declared(
        attributes={kind: stems(words) for kind, words in content["attributes"].items()},
        claims=frozenset().union(*map(stems, content["claims"].values())),
        plain=plain,
        units=content["units"],
        demo=stems(" ".join(demo)),
        no_brands=_whole(other["no_brands"]),
        unsaid=_whole(other["unsaid"]),
        no_items=_whole(other["no_items"]),
        capitals=_whole(other["capitals"]),
        sensitive=stems(other["sensitive"]) - plain,
        seasons=_whole(other["seasons"]),
        holidays=_whole(other["holidays"]),
        banned=_whole(other["banned"]),
        task=_whole(other["task"]),
        hanging=_whole(other["hanging"]),
        names=_whole(other["names"]),
    )


def _whole(words: str) -> frozenset[str]:
    """A list's entries as written: words, and phrases in quotation marks."""
    lexer = shlex.shlex(words, posix=False)
    lexer.whitespace_split, lexer.quotes, lexer.commenters = True, '"', ""
    return frozenset(entry.strip('"') for entry in lexer)


@dataclass(frozen=True)
class Lexicon:
    """What is looked up of a shop.

    Args:
        closed: stems that only an item that has them may be said to have. brands: stems of all brands, too.
    """

    closed: frozenset[str]
    brands: frozenset[str]

    @classmethod
    def of(cls, paths: Iterable[str], brands: Iterable[str]) -> Lexicon:
        """Complete the declared lists by a shop's catalog.

        Args:
            paths: of its categories. brands: of its items.
        """
        lists = declared()
        named = stems(" ".join(sorted(set(paths))))
        makers = stems(" ".join(sorted(brand for brand in set(brands) if brand.lower() not in lists.no_brands)))
        general = lists.claims.union(*lists.attributes.values())
        plain = lists.plain - general
        closed = {word for word in (lists.demo | named | makers | general) - plain if len(word) > 1}
        return cls(frozenset(closed), makers - plain)

    def invented(self, caption: str, own: frozenset[str]) -> list[str]:
        """The lexicon's words that a caption says and its item does not have, sorted.

        Args:
            own: stems of all that the item's text, path and brand say.
        """
        return sorted((stems(caption) & self.closed) - own)
