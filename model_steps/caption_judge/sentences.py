"""Sentences that captions of the labelled set are built of, each split with its own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from runtime.fingerprint import bytes_digest, digest

FOLDER = Path(__file__).with_name("labelled")
FILE = FOLDER / "corruptions.toml"


@cache
def declared() -> Mapping[str, Any]:
    """The file's lists."""
    return tomllib.loads(FILE.read_text())


def file_digest() -> str:
    return bytes_digest(FILE.read_bytes())


def of_split(kind: str, split: str) -> Sequence[str]:
    """The sentences of a kind that a split may have."""
    found: Sequence[str] = declared()[kind][split]
    return found


def chosen(options: Sequence[str], *key: Any) -> str:
    """One of them, the same for equal keys."""
    return options[int(digest(list(key))[:8], 16) % len(options)]


def filled(sentence: str, what: str, **others: str) -> str:
    """A sentence with what an item is called in its place."""
    return sentence.format(what=what, What=what[:1].upper() + what[1:], **others)


def profile_of(name: str) -> tuple[tuple[str, str], ...]:
    """An invented profile of a customer, the same for equal names."""
    lists = declared()["profile"]
    return tuple(
        (field, chosen(lists[of], "profile", of, name))
        for field, of in (("name", "names"), ("city", "cities"), ("occupation", "work"), ("age", "ages"))
    )
