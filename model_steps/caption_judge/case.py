"""A caption as its judge sees it: with its item, the customer, the style and the day. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from model_steps.explaining.item import Item
from model_steps.explaining.surroundings import Surroundings
from runtime.fingerprint import digest


@dataclass(frozen=True)
class Reader:
    """The customer that a caption is for.

    Args:
        name: of the customer: the pseudonym, or a number where files must not have it.
        is_regular: whether they bought such things before (``segments.knows``).
        interests: categories that they bought, long-term interests or intents, the most certain first.
        attributes: of the profile, none of which may be told.
    """

    name: str
    is_regular: bool
    interests: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CaptionCase:
    """A caption that is judged.

    Args:
        day: the last one that its signals know, as YYYY-MM-DD.
        style: its parts with their values; none where the way has none.
    """

    day: str
    caption: str
    item: Item
    reader: Reader
    surroundings: Surroundings
    style: Mapping[str, str] | None = field(default=None, hash=False)

    @cached_property
    def case_id(self) -> str:
        """Id of the case: it begins with a word, for a spreadsheet takes bare digits for a number."""
        return f"caption-{digest(document(self))}"


def document(case: CaptionCase) -> dict[str, Any]:
    """A case as JSON-like values; ``read_case`` gives it back."""
    return {
        "day": case.day,
        "caption": case.caption,
        "item": asdict(case.item),
        "reader": asdict(case.reader),
        "surroundings": asdict(case.surroundings),
        "style": None if case.style is None else dict(case.style),
    }


def read_case(row: Mapping[str, Any]) -> CaptionCase:
    """The case of a document.

    Raises:
        KeyError, TypeError: it is none.
    """
    return CaptionCase(
        row["day"],
        row["caption"],
        Item(**row["item"]),
        read_reader(row["reader"]),
        read_surroundings(row["surroundings"]),
        row["style"],
    )


def read_reader(row: Mapping[str, Any]) -> Reader:
    attributes: Sequence[Sequence[str]] = row.get("attributes", ())
    pairs = tuple((name, value) for name, value in attributes)
    return Reader(row["name"], row["is_regular"], tuple(row["interests"]), pairs)


def read_surroundings(row: Mapping[str, Any]) -> Surroundings:
    return Surroundings(row["lines"], row["season"], tuple(row["holidays"]))
