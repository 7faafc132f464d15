"""A catalog that calls most things otherwise is not landed into a lake of before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from lake.delta import audits
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import ConfigurationError
from settings import SourceSettings
from spark_jobs.land import land
from spark_jobs.landing.new_names import refuse_new_names
from spark_jobs.landing.sources import open_source

DAY = date(2017, 10, 30)


def of(names: Mapping[str, str | None]) -> pa.Table:
    """A catalog by item."""
    return pa.table({"item_id": pa.array(names, pa.string()), "category": pa.array(names.values(), pa.string())})


def test_a_shop_may_rename_half_drop_some_and_add_any() -> None:
    refuse_new_names(of({"1": "a", "2": "b", "3": None}), of({"1": "a", "2": "x", "3": "y", "4": "z"}), "shop")
    refuse_new_names(of({}), of({"1": "a"}), "shop")
    # Items that left the catalog keep their names, so nobody has new ones for them.
    refuse_new_names(of({"1": "a", "2": "b", "3": "c"}), of({"1": "a", "4": "d"}), "shop")
    with pytest.raises(ConfigurationError, match="2 of the 3 categories of the lake shop are not in the catalog"):
        refuse_new_names(
            of({"1": "a", "2": "b", "3": "c", "4": "b"}), of({"1": "c", "2": "d", "3": "c", "4": "e"}), "shop"
        )


def test_a_demo_lake_of_before_goes_on_and_is_not_mixed_with_the_other_form(lake: Lake, tmp_path: Path) -> None:
    before, now = (SourceSettings(pseudonym_key=tmp_path / "key", readable_labels=on) for on in (False, True))
    landed = land(lake, open_source(before), DAY, DAY, before, 1)
    batches = [Batch.load(lake, path) for path in landed["batches"]]
    for batch in batches:
        audits.record(lake, batch, {"success": True, "co_audited": [batch.digest]})
    publish(lake, batches)
    with pytest.raises(ConfigurationError, match=r"\('.*' is the first\).*INTENTFLOW_SOURCE__READABLE_LABELS=false"):
        land(lake, open_source(now), DAY, DAY, now, 1)
    assert land(lake, open_source(before), DAY, DAY, before, 1)["reused_days"] == 1
    assert land(lake, open_source(now), DAY, DAY, now, 1, force=True)["days"] == 1
