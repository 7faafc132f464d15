"""What is kept of a row that cannot be used: enough to find it again in the log, and nothing that names a person.

Columns may be swapped for a day, so any value may be somebody's id. Items of the catalog, actions that we know and
plain numbers are shown; of everything else the keyed digest that ``spark_jobs.pseudonymize`` gives of the value, and of
what could not be read also its form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from schemas import behaviors
from spark_jobs.landing.pseudonyms import pseudonym

MAXIMUM_ROW = 1_000
# From here on a number may be an id, and its magnitude is enough.
PLAIN_NUMBERS = 10_000
SHOWN_FORM = 40

# Columns of ``RAW`` that are not kept.
_BESIDE = (
    *("user", "anonymous", "ignored", "day", "delivery_ends", "time_unit", "new_columns", "extra"),
    *("event", "delivery", "sequence"),
)
# Sentences of ``sources.raw_rows`` show what they are about, cut or not.
_SHOWS = re.compile(
    r"the (time|quantity|amount) (.*?)( cannot be read| is of a year .*| is no number| has more than \d+ decimals)?",
    re.S,
)


def told(raw: pa.Table, rejected: pa.Array, items: Mapping[str, str], key: bytes) -> pa.Array:
    """Each rejected row of ``RAW`` as JSON without the user, at most ``MAXIMUM_ROW`` characters; null for the others.

    Args:
        items: those of the catalog. key: of the pseudonyms.
    """
    shown = raw.drop_columns(list(_BESIDE)).filter(rejected).to_pylist()
    texts = iter([json.dumps(_shown(row, items, key))[:MAXIMUM_ROW] for row in shown])
    return pa.array([next(texts) if bad else None for bad in rejected.to_pylist()], pa.string())


def _shown(row: Mapping[str, Any], items: Mapping[str, str], key: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if value is None:
            continue
        if name == "problem":
            found[name] = _without_value(value, key)
        elif isinstance(value, datetime):
            # A number may have been taken for a moment.
            found[name] = f"{value:%Y-%m-%d}"
        elif isinstance(value, str):
            plain = value in (items if name == "item" else behaviors.ACTIONS if name == "action" else ())
            found[name] = value if plain else hidden(key, value)
        else:
            found[name] = _number(value)
    return found


def hidden(key: bytes, value: str) -> str:
    """A value that may be an id: a sign, and its keyed digest."""
    return f"#{pseudonym(key, value)}"


def hidden_values(text: str, plain: Mapping[str, tuple[str, ...]], key: bytes) -> str:
    """A JSON object of what is carried along: values that the description lists stay, the others are hidden.

    Args:
        plain: by column, the values that name nobody.
    """
    values = json.loads(text)
    kept = {
        name: value
        if value is None or str(value) in plain.get(name, ())
        else hidden(key, value if isinstance(value, str) else json.dumps(value, default=str))
        for name, value in values.items()
    }
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def _number(value: Any) -> Any:
    """A number as it is, or about how large it is."""
    if abs(value) >= PLAIN_NUMBERS:
        return f"about {float(value):.0e}"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _without_value(problem: str, key: bytes) -> str:
    found = _SHOWS.fullmatch(problem)
    if not found:
        return problem
    what, value, ending = found.groups()
    return f"the {what} {hidden(key, value)}, of the form {form_of(value)!r},{ending or ''}"


def form_of(text: str) -> str:
    """A text's form: digits as 9, letters as a or A."""
    letters = re.sub(r"[^\W\d_]", lambda found: "A" if found[0].isupper() else "a", text[:SHOWN_FORM])
    return re.sub(r"\d", "9", letters)
