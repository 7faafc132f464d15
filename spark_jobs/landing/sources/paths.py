"""Paths to values of nested rows, the same for JSON and Parquet.

A path names a key (``user_id``), a key in an object in it (``device.id``), one of each element of a list
(``ecommerce.items[].item_id``: then every element is a row), or one of the first element that has a value
(``event_params[key=search_term].value.string_value``: a list of names and values, or a map).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# In a path: of each element of the list before it.
EACH = "[]"
_CHOICE = re.compile(r"\[([^\[\]=]+)=([^\]]*)\]")


@dataclass(frozen=True)
class Choice:
    """Of a list: its first element whose ``field`` has a value."""

    field: str
    value: str

    def of(self, elements: Any) -> Any:
        if not isinstance(elements, list):
            return None
        return next((one for one in elements if isinstance(one, dict) and self._fits(one.get(self.field))), None)

    def _fits(self, value: Any) -> bool:
        return isinstance(value, str | int) and str(value) == self.value


Step = str | Choice


def steps_of(path: str) -> tuple[Step, ...]:
    """The steps from an object to a value."""
    steps: list[Step] = []
    position = 0
    for found in _CHOICE.finditer(path):
        steps += filter(None, path[position : found.start()].split("."))
        steps.append(Choice(*found.groups()))
        position = found.end()
    return (*steps, *filter(None, path[position:].split(".")))


def list_of(named: Mapping[str, str]) -> tuple[Step, ...] | None:
    """The steps to the list whose elements are rows; None where an object is one row."""
    lists = {name.rpartition(EACH)[0] for name in named.values() if EACH in name}
    return steps_of(lists.pop()) if lists else None


def walk(value: Any, steps: tuple[Step, ...]) -> Any:
    """What the steps lead to in a value of JSON; None where they lead nowhere."""
    for step in steps:
        if isinstance(step, Choice):
            value = step.of(value)
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


@dataclass(frozen=True)
class Place:
    """Where a value stands: steps from the event, or, with ``of_element``, from each element of the list."""

    name: str
    steps: tuple[Step, ...]
    of_element: bool

    @classmethod
    def parse(cls, name: str) -> Place:
        _, each, rest = name.rpartition(EACH)
        return cls(name, steps_of(rest if each else name), bool(each))

    def value(self, event: Mapping[str, Any], element: Any) -> Any:
        # A key that is called like a path is meant as it stands.
        if not self.of_element and self.name in event:
            return event[self.name]
        return walk(element if self.of_element else event, self.steps)
