"""Ids in one form, and rows that are nobody's.

An id is a string or an integer. Its form is the same whichever format it came in, so that a shop may change that and
keep its users and items: blanks around it go, ``12345.0`` (what an integer becomes in a column of floats) is
``12345``, everything else stays as it is, leading zeros and case among it.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from spark_jobs.landing.sources.cells import EXACT_FLOATS, KINDS

IDS = tuple(name for name, kind in KINDS.items() if kind in ("user", "id"))
LONGEST = 1_000

# What logs say where nobody was signed in, in lower case. A description may add to these.
ANONYMOUS = frozenset(
    {
        "null",
        "none",
        "\\n",
        "nan",
        "undefined",
        "<na>",
        "(not set)",
        "00000000-0000-0000-0000-000000000000",
        "00000000000000000000000000000000",
    }
)

_FLOAT = r"^-?[0-9]+\.0*$"
# As pandas and spreadsheets write a large number: digits are lost. A hexadecimal id such as 12e4 has no such form.
_SCIENTIFIC = r"^[+-]?[0-9](\.[0-9]*[eE][+-]?|[eE]\+)[0-9]+$"


def canonical(name: str) -> pl.Expr:
    """The column of ids ``name`` in the one form; blank becomes null."""
    trimmed = pl.col(name).str.strip_chars()
    number = trimmed.str.replace(r"\.0*$", "")
    whole = pl.when(number == "-0").then(pl.lit("0")).otherwise(number)
    value = pl.when(trimmed.str.contains(_FLOAT)).then(whole).otherwise(trimmed)
    return pl.when(value != "").then(value)


def problem(name: str) -> pl.Expr:
    """Why a value of the column is no id, as a sentence that does not show it; null where it is one."""
    value = pl.col(name).str.strip_chars()
    number = value.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False).abs()
    lost = value.str.contains(_FLOAT) & ~(number < EXACT_FLOATS).fill_null(False)
    reasons = (
        (lost, "it was a float beyond 2^53"),
        (value.str.contains(_SCIENTIFIC), "in scientific notation digits are lost"),
        (value.str.contains("\ufffd", literal=True), "it has a replacement character, so another program lost bytes"),
        (value.str.contains(r"\p{Cc}"), "it has a control character"),
        (value.str.len_chars() > LONGEST, f"it has more than {LONGEST:,} characters"),
    )
    found = pl.lit(None, pl.String)
    for broken, reason in reversed(reasons):
        found = pl.when(broken.fill_null(False)).then(pl.lit(f"the {name} is no id: {reason}")).otherwise(found)
    return found


def canonical_text(text: str) -> str | None:
    """The one form of an id of text; None where it is none."""
    found = pl.DataFrame({"user": [text]}).select(id=canonical("user"), problem=problem("user")).row(0)
    return None if found[1] else found[0]


def is_anonymous(added: Collection[str]) -> pl.Expr:
    """Whether the column ``user`` names nobody.

    Args:
        added: what the description adds; an empty text makes rows without a user anonymous, too.
    """
    value = pl.col("user").str.strip_chars().str.to_lowercase()
    return value.fill_null("").is_in(tokens(added))


def tokens(added: Collection[str]) -> list[str]:
    """What is nobody's id, in lower case, sorted."""
    return sorted(ANONYMOUS | {token.strip().lower() for token in added})
