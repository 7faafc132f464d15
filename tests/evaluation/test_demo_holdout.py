"""The holdout of the demo log under the benchmarks' key, day by day, is what it was when it was frozen.

It was frozen with the catalog's abbreviated names. With the readable ones, the default, it is the same users and
outcomes under the map from each category of the one form to its own of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from bench.lakes.landed import DEMO_KEY
from evaluation.actions import categorize
from evaluation.holdout import digest_of
from evaluation.holdout import held_out as rows_of
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import add_days
from schemas import holdout
from settings import SourceSettings
from spark_jobs.landing.catalog import build_items
from spark_jobs.landing.row_validation import Landing, accepted_and_rejected, validate, with_outcomes
from spark_jobs.landing.sources.completejourney import CompleteJourney

RULE = read_rule(SourceSettings())
NAMED = ("categories", "new_categories", "next_categories")
# Users, and digests with abbreviated and with readable names, of each day. They change when the log, its landing, the
# rule or (the readable ones) the list does; models that were trained or judged before know nothing of that.
FROZEN = {
    "2017-09-06": (537, "f71b23f8225253c3", "adf8380e70512590"),
    "2017-10-04": (552, "df9f501c29e2508a", "b98d7087f736c55c"),
    "2017-11-01": (552, "c5b8699fb55bb38a", "52cb0c2277e77562"),
}


@dataclass(frozen=True)
class Form:
    """The log with one form of the names: the catalog, and what users did by category."""

    catalog: pa.Table
    known: pl.DataFrame


def form(readable: bool) -> Form:
    source, settings = CompleteJourney(readable), SourceSettings()
    first = RULE.history_from(min(RULE.days))
    last = add_days(RULE.outcomes_until(max(RULE.days)), -1)
    catalog = build_items(source.items(), settings.maximum_text)
    entities = dict(zip(catalog["item_id"].to_pylist(), catalog["entity_id"].to_pylist(), strict=True))
    landing = Landing(entities, DEMO_KEY, settings.maximum_quantity, settings.maximum_text, 2, settings.late_days, last)
    good: pa.Table = accepted_and_rejected(with_outcomes(validate(source.read((first, last)), landing)))[0]
    return Form(catalog, categorize(good, catalog, RULE.leave_out))


@pytest.fixture(scope="module")
def abbreviated() -> Form:
    return form(False)


@pytest.fixture(scope="module")
def readable() -> Form:
    return form(True)


def names_of(one: Form, other: Form) -> Mapping[str, str]:
    """From each category of a form to the other's, by the items that have it."""
    pairs = pl.DataFrame(pl.from_arrow(one.catalog.select(["item_id", "category"]))).join(
        pl.DataFrame(pl.from_arrow(other.catalog.select(["item_id", "category"]))), on="item_id", suffix="_other"
    )
    found = dict(pairs.select("category", "category_other").unique().iter_rows())
    assert len(found) == len(set(found.values())) == pairs.select("category", "category_other").unique().height
    return found


def mapped(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A held-out row with its categories under other names, in their order."""
    return {
        **row,
        **{column: sorted(names[name] for name in row[column]) for column in NAMED},
    }


@pytest.mark.parametrize("day", RULE.days)
def test_it_is_frozen(abbreviated: Form, readable: Form, day: str) -> None:
    before, now = (rows_of(one.known, day, RULE) for one in (abbreviated, readable))
    assert (before.num_rows, digest_of(before), digest_of(now)) == FROZEN[day]
    assert before.num_rows >= 500


@pytest.mark.parametrize("day", RULE.days)
def test_readable_names_change_no_user_and_no_outcome(abbreviated: Form, readable: Form, day: str) -> None:
    before, now = (rows_of(one.known, day, RULE) for one in (abbreviated, readable))
    names = names_of(abbreviated, readable)
    carried = pa.Table.from_pylist([mapped(row, names) for row in before.to_pylist()], holdout.TABLE.schema)
    assert digest_of(carried) == digest_of(now) != digest_of(before)
