"""A long list, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Paged(Generic[Item]):
    """One page of a list.

    Args:
        items: of this page. number: which page this is, from 1. pages: how many there are, at least 1.
        total: items of all pages. first: number of this page's first item, from 1; 0 where there is none.
    """

    items: Sequence[Item]
    number: int
    pages: int
    total: int
    first: int


def paged(items: Sequence[Item], number: int, size: int) -> Paged[Item]:
    """A page of a list; beyond the ends the nearest page there is."""
    pages = max(1, -(-len(items) // size))
    number = min(max(number, 1), pages)
    begin = (number - 1) * size
    return Paged(items[begin : begin + size], number, pages, len(items), begin + 1 if items else 0)
