"""JSON Lines: objects, one or several a line, and rows of what they hold, by path (``paths``).

Of a list whose elements are rows, the event's other values are in all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from spark_jobs.landing.sources.cells import Kind, text_of
from spark_jobs.landing.sources.file_form import FileForm
from spark_jobs.landing.sources.paths import Place, list_of, walk
from spark_jobs.landing.sources.text_lines import Line

# Numbers keep every digit that they are written with.
_DECODER = json.JSONDecoder(parse_float=Decimal)

# Texts by our names, the object they are of, and why the row cannot be used.
Row = tuple[dict[str, str | None], Mapping[str, Any], str | None]


def rows_in(
    lines: Iterator[Line], name: str, form: FileForm, named: Mapping[str, str], kinds: Mapping[str, Kind]
) -> Iterator[Row]:
    """The rows of a file's lines.

    Args:
        name: of the file.
        named: our name to a path. kinds: by our name, what a value is needed for.
    """
    places = {ours: Place.parse(theirs) for ours, theirs in named.items()}
    elements_at = list_of(named)
    for number, text, problem in lines:
        where = f"line {number} of {name}"
        if problem:
            yield {}, {}, problem
            continue
        if not text.strip():
            continue
        try:
            events = _objects(text)
        except (ValueError, ArithmeticError, RecursionError):
            yield {}, {}, f"{where} is no JSON object"
            continue
        for event in events:
            elements = [None] if elements_at is None else _elements(walk(event, elements_at))
            for element in elements:
                yield _row(event, element, places, kinds, form, where)


def _objects(text: str) -> list[dict[str, Any]]:
    """The objects that a line holds.

    Raises:
        ValueError: it holds anything else.
    """
    found: list[dict[str, Any]] = []
    text, position = text.strip(), 0
    while position < len(text):
        event, position = _DECODER.raw_decode(text, position)
        if not isinstance(event, dict):
            raise ValueError("not an object")
        found.append(event)
        while position < len(text) and text[position].isspace():
            position += 1
    return found


def _elements(value: Any) -> list[Any]:
    """The elements of a list; an event without any is one row all the same, of which nothing is known."""
    if isinstance(value, list):
        return value or [None]
    return [value]


def _row(
    event: Mapping[str, Any],
    element: Any,
    places: Mapping[str, Place],
    kinds: Mapping[str, Kind],
    form: FileForm,
    where: str,
) -> Row:
    texts: dict[str, str | None] = {}
    problem = None
    for ours, place in places.items():
        try:
            text, refused = text_of(place.value(event, element), kinds.get(ours, "text"), form.decimal)
            if text is not None and not text.isascii():
                text.encode()
            texts[ours] = text
            if refused:
                problem = problem or f"{place.name} in {where}: {refused}"
        except UnicodeEncodeError:
            problem = problem or f"{place.name} in {where} has half of a character"
        except (ValueError, RecursionError):
            problem = problem or f"{place.name} in {where} cannot be read"
    return texts, event, problem
