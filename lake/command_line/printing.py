"""How values are shown on a terminal, and how they are typed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

LONGEST_VALUE = 120


def short(value: object, longest: int = LONGEST_VALUE) -> str:
    """A value on one line. Texts come from strangers: what could steer a terminal is shown as an escape."""
    text = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(value))
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def span(names: Sequence[str]) -> str:
    """First, last and number of partitions."""
    distinct = sorted(set(names))
    return f"{distinct[0]} to {distinct[-1]} ({len(distinct)})" if len(distinct) > 1 else "".join(distinct)


def count_argument(text: str) -> int:
    """An argparse type: a number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return int(text)
