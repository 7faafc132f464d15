"""Numbers of a log, exactly: whole ones and fractions, with the signs that the shop writes."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

# As many decimals as a quantity keeps (``schemas.behaviors.MEASURE``).
DECIMALS = 18
# A quantity beyond is as absurd as this one, which a rule of the landing names.
LIMIT = 2**53
# "a space" stands for the spaces that do not break a line, too.
_SPACES = " \u00a0\u202f\u2009"


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    sign = f"[{_SPACES}]" if thousands == " " else re.escape(thousands)
    grouped = rf"[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+|" if thousands else ""
    fraction = re.escape(decimal)
    return re.compile(rf"([+-]?)({grouped}[0-9]+)?(?:{fraction}([0-9]*))?(?:[eE]([+-]?[0-9]{{1,4}}))?")


def number(text: str, decimal: str = ".", thousands: str = "") -> Decimal | None:
    """The number that a text is, or None.

    Args:
        decimal: the sign before a fraction. thousands: the one between groups of three digits, empty for none.
    """
    found = _pattern(decimal, thousands).fullmatch(text.strip())
    if not found:
        return None
    sign, whole, fraction, exponent = found.groups()
    digits = re.sub(r"[^0-9]", "", whole or "") + (fraction or "")
    if not digits:
        return None
    return Decimal(f"{sign}{digits}E{int(exponent or 0) - len(fraction or '')}")


def split_quantity(value: Decimal) -> tuple[int | None, Decimal | None]:
    """A quantity as whole pieces, or else as a measure; neither, where it has more decimals than are kept: nothing is
    rounded."""
    if abs(value) >= LIMIT:
        return (LIMIT if value > 0 else -LIMIT), None
    if value == value.to_integral_value():
        return int(value), None
    # Digits beyond the last that is not zero do not count.
    if -int(value.normalize().as_tuple().exponent) > DECIMALS:
        return None, None
    return None, value
