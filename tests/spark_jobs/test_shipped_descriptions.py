"""The descriptions that are shipped for logs many shops have, each from its made-up sample's files to contexts."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from lake.delta import tables
from lake.store.location import Lake
from schemas import behaviors, contexts, entities, items, rejected_behaviors, rollups
from settings import ROOT, HistorySettings, SourceSettings
from spark_jobs.compress import compress
from spark_jobs.land import land
from spark_jobs.landing.sources import open_source
from spark_jobs.roll_up import roll_up_until
from tests.s3.refresh import publish_all

EXAMPLES = ROOT / "examples"
DESCRIPTIONS = ("ga4/parquet", "ga4/jsonl", "segment/segment")
FIRST, LAST = date(2024, 3, 11), date(2024, 3, 13)
LARGEST = 300_000


def landed(lake: Lake, description: str, key: Path) -> dict[str, Any]:
    settings = SourceSettings(
        name=str(EXAMPLES / f"{description}.toml"), pseudonym_key=key, first_day=FIRST, last_day=LAST
    )
    manifest = land(lake, open_source(settings), FIRST, LAST, settings, 2)
    publish_all(lake, manifest["batches"])
    return manifest


@cache
def events(shop: str) -> list[dict[str, Any]]:
    """The sample's events, each once, as its JSON Lines have them."""
    lines = (line for file in sorted((EXAMPLES / shop / "jsonl").rglob("*.json*")) for line in file.open())
    whole = [json.loads(line) for line in lines if line.rstrip().endswith("}}") or line.rstrip().endswith("]}")]
    return list({json.dumps(event): event for event in whole}.values())


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_from_files_to_contexts(lake: Lake, tmp_path: Path, description: str) -> None:
    manifest = landed(lake, description, tmp_path / "key")
    beside = sum(manifest[f"rows_{name}"] for name in ("rejected", "anonymous", "ignored", "duplicate"))
    assert manifest["rows_in"] == manifest["rows"] + beside
    assert manifest["new_columns"] == {}
    assert manifest["rows_duplicate"] == 3
    assert min(manifest["rows"], manifest["rows_ignored"]) > 20
    known = {row["entity_id"]: row for row in tables.read(lake, entities.TABLE).to_pylist()}
    rows = tables.read(lake, behaviors.TABLE).to_pylist()
    assert {"view", "click", "cart", "purchase", "search"} <= {row["action"] for row in rows}
    assert {known[row["entity_id"]]["kind"] for row in rows if row["action"] == "search"} == {"query"}
    assert max(row["quantity"] for row in rows if row["action"] == "purchase") == 2
    assert tables.read(lake, items.TABLE).num_rows == 8

    publish_all(lake, roll_up_until(lake, LAST.isoformat())["batches"])
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    publish_all(lake, compress(lake, LAST.isoformat(), HistorySettings(), str(tokenizer.to_str()))["batches"])
    assert tables.read(lake, rollups.TABLE).num_rows > 20
    assert tables.read(lake, contexts.TABLE, LAST.isoformat())["user_id"].to_pylist() == sorted(
        {row["user_id"] for row in rows if row["action"] in behaviors.RELIABLE_ACTIONS}
    )


@pytest.mark.parametrize("description", ["ga4/parquet", "ga4/jsonl"])
def test_ga4_counts_are_those_of_its_events(lake: Lake, tmp_path: Path, description: str) -> None:
    manifest = landed(lake, description, tmp_path / "key")
    known = {
        "view_item": "view",
        "select_item": "click",
        "add_to_cart": "cart",
        "purchase": "purchase",
        "view_search_results": "search",
    }
    expected: Counter[str] = Counter()
    for event in events("ga4"):
        elements = max(len(event["items"]), 1)
        name = known.get(event["event_name"])
        if event["event_name"] == "newsletter_signup":
            expected["unknown_action"] += 1
        elif name is None:
            expected["ignored"] += elements
        elif "user_pseudo_id" not in event:
            expected["anonymous"] += elements
        elif name != "search" and not event["items"]:
            expected["empty"] += 1
        else:
            expected[name] += elements
    rows = tables.read(lake, behaviors.TABLE).to_pylist()
    found = Counter(row["action"] for row in rows) + Counter(manifest["rejected"])
    found.update(ignored=manifest["rows_ignored"], anonymous=manifest["rows_anonymous"])
    assert found == expected
    assert (expected["anonymous"], expected["empty"], expected["unknown_action"]) == (3, 3, 3)
    paid = sum(i["item_revenue"] for e in events("ga4") for i in e["items"] if e["event_name"] == "purchase")
    assert sum(row["amount"] or 0 for row in rows) == pytest.approx(paid)


def test_ga4_is_the_same_as_parquet_and_as_json_lines(tmp_path: Path) -> None:
    found = []
    for form in ("parquet", "jsonl"):
        lake = Lake.open(tmp_path / form)
        landed(lake, f"ga4/{form}", tmp_path / "key")
        found.append([tables.read(lake, table) for table in (behaviors.TABLE, rejected_behaviors.TABLE, items.TABLE)])
    for as_parquet, as_json in zip(*found, strict=True):
        rows = [sorted(table.to_pylist(), key=str) for table in (as_parquet, as_json)]
        # A rejected row tells an amount as the file has it.
        assert rows[0] == rows[1]


def test_segment_takes_one_product_or_several(lake: Lake, tmp_path: Path) -> None:
    manifest = landed(lake, "segment/segment", tmp_path / "key")
    expected: Counter[str] = Counter()
    people = set()
    for event in events("segment"):
        kind, properties = event.get("event", event["type"]), event.get("properties", {})
        if kind == "Order Completed":
            expected["purchase"] += len(properties["products"])
        elif kind == "Products Searched":
            expected["search"] += 1
        elif kind.startswith("Product "):
            expected[{"Viewed": "view", "Clicked": "click", "Added": "cart"}[kind.split()[1]]] += 1
        else:
            continue
        people.add(event["userId"] or event["anonymousId"])
    rows = tables.read(lake, behaviors.TABLE).to_pylist()
    assert Counter(row["action"] for row in rows) == expected
    assert len({row["user_id"] for row in rows}) == len(people)
    assert manifest["rejected"] == {"unreadable": 3, "empty": 3, "unknown_action": 3}
    assert manifest["rows_ignored"] == sum(event["type"] != "track" for event in events("segment"))


@pytest.mark.parametrize("shop", ["ga4", "segment"])
def test_samples_are_made_up_small_and_what_their_generator_writes(shop: str, tmp_path: Path) -> None:
    generator = runpy.run_path(str(EXAMPLES / shop / "generate.py"))
    assert "made-up" in generator["__doc__"]
    generator["main"](tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in (EXAMPLES / shop).rglob("*") if path.is_file()) < LARGEST
    assert len(files) == (6 if shop == "ga4" else 3)
    for path in files:
        kept = EXAMPLES / shop / path.relative_to(tmp_path)
        if path.suffix == ".parquet":
            assert pq.read_table(path) == pq.read_table(kept)
        else:
            assert path.read_bytes() == kept.read_bytes()
