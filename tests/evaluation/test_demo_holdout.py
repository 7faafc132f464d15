"""The holdout of the demo log under the benchmarks' key, day by day, is what it was when it was frozen."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from bench.lakes.landed import DEMO_KEY
from evaluation.actions import categorize
from evaluation.holdout import digest_of
from evaluation.holdout import held_out as rows_of
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import add_days
from settings import SourceSettings
from spark_jobs.landing.catalog import build_items
from spark_jobs.landing.row_validation import Landing, accepted_and_rejected, validate
from spark_jobs.landing.sources.completejourney import CompleteJourney

RULE = read_rule(SourceSettings())
# Users and digest of each day. They change when the log, its landing or the rule does; models that were trained or
# judged before know nothing of that.
FROZEN = {
    "2017-09-06": (537, "f71b23f8225253c3"),
    "2017-10-04": (552, "df9f501c29e2508a"),
    "2017-11-01": (552, "c5b8699fb55bb38a"),
}


@pytest.fixture(scope="module")
def known() -> pl.DataFrame:
    source, settings = CompleteJourney(), SourceSettings()
    first = RULE.history_from(min(RULE.days))
    last = add_days(RULE.outcomes_until(max(RULE.days)), -1)
    catalog = build_items(source.items(), settings.maximum_text)
    entities = dict(zip(catalog["item_id"].to_pylist(), catalog["entity_id"].to_pylist(), strict=True))
    landing = Landing(entities, DEMO_KEY, settings.maximum_quantity, settings.maximum_text, 2, settings.late_days, last)
    good: pa.Table = accepted_and_rejected(validate(source.read((first, last)), landing))[0]
    return categorize(good, catalog, RULE.leave_out)


@pytest.mark.parametrize("day", RULE.days)
def test_it_is_frozen(known: pl.DataFrame, day: str) -> None:
    rows = rows_of(known, day, RULE)
    assert (rows.num_rows, digest_of(rows)) == FROZEN[day]
    assert rows.num_rows >= 500
