"""A day on trial: the numbers are landing's, and nothing is written."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lake.audit import audit
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import CommandError, DataError, Exit
from runtime.imports import ROOT
from spark_jobs.check import Checked, check
from tests.spark_jobs.delivering_shop import CATALOG, DeliveringShop, purchase

DAY = "2017-11-01"
TOLD = ("rows_in", "rows", "rows_anonymous", "rows_duplicate", "rows_rejected", "rejected", "new_columns", "time_units")
RULES = ("rejected_share", "anonymous_excess", "unaccounted_rows", "rows_outside_day", "duplicate_items")
USERS = ("ann", "ben", "carla", "dora")


def on_trial(shop: DeliveringShop, lake: Lake) -> Checked:
    return check(lake, shop.source(), date.fromisoformat(DAY), shop.settings, 2)


def lines(*more: dict[str, Any], rows: int = 120) -> list[dict[str, Any]]:
    good = [purchase(f"{DAY}T{n // 60:02}:{n % 60:02}:00", USERS[n % 4], str(1 + n % 2), f"e{n}") for n in range(rows)]
    return [*good, *more]


def bad_rows() -> list[dict[str, Any]]:
    return [
        purchase(f"{DAY}T10:00:00", user="null"),
        purchase(f"{DAY}T10:00:00", user=""),
        purchase("yesterday"),
        purchase(f"{DAY}T11:00:00", "ben", item="99", quantity="x") | {"event": "e5"},
        purchase(f"{DAY}T12:00:00", item="98"),
        purchase(f"{DAY}T12:30:00", item="97"),
        purchase("2017-11-03T00:00:00"),
        purchase("1509537600"),
        *[purchase(f"{DAY}T13:00:00", user="erik")] * 3,
        purchase(f"{DAY}T14:00:00", "dora", event="e7"),
    ]


def a_clean_day(folder: Path) -> DeliveringShop:
    shop = DeliveringShop(folder)
    shop.deliver(f"{DAY}.csv", lines())
    return shop


def a_dirty_day(folder: Path) -> DeliveringShop:
    shop = DeliveringShop(folder, behaviors={"maximum_user_share": 0.2})
    shop.deliver(f"{DAY}.csv", lines(*bad_rows()))
    return shop


def one_cut_into_spans(folder: Path) -> DeliveringShop:
    shop = a_dirty_day(folder)
    shop.piece_bytes = 700
    return shop


def one_with_events_and_late_rows(folder: Path) -> DeliveringShop:
    shop = DeliveringShop(folder, columns={name: name for name in ("at", "user", "action", "item", "event")})
    shop.deliver(f"{DAY}.csv", lines(*bad_rows()))
    shop.deliver("2017-11-02.csv", [*lines(rows=30), purchase(f"{DAY}T20:00:00", "late", event="new")])
    return shop


def a_pile_of_compressed_json(folder: Path) -> DeliveringShop:
    shop = DeliveringShop(folder, behaviors={"files": "log/*.gz", "format": "jsonl"})
    rows = [json.dumps(row) for row in lines(*bad_rows())]
    path = shop.put("all.jsonl.gz")
    path.write_bytes(gzip.compress("\n".join([*rows[:20], "{broken", rows[20] + rows[21], *rows[22:]]).encode()))
    return shop


def parquet_with_a_catalog_that_lacks_much(folder: Path) -> DeliveringShop:
    catalog = CATALOG + "2,woollen hat,hats\n,nameless,hats\n5,,hats\n"
    shop = DeliveringShop(folder, behaviors={"format": "parquet", "files": "log/{day}"}, catalog=catalog)
    frame = pl.DataFrame([{**row, "quantity": str(row["quantity"])} for row in lines(*bad_rows())])
    frame.write_parquet(shop.put(DAY))
    return shop


def one_whose_unlisted_items_are_carried(folder: Path) -> DeliveringShop:
    shop = DeliveringShop(folder, items={"unlisted_category": "other"})
    shop.deliver(f"{DAY}.csv", lines(*bad_rows()))
    return shop


def most_is_nobodys(folder: Path) -> DeliveringShop:
    shop = DeliveringShop(folder, behaviors={"maximum_anonymous": 0.1})
    shop.deliver(f"{DAY}.csv", lines(*[purchase(f"{DAY}T10:00:00", user="null")] * 30))
    return shop


SHOPS = [
    a_clean_day,
    a_dirty_day,
    one_cut_into_spans,
    one_with_events_and_late_rows,
    a_pile_of_compressed_json,
    parquet_with_a_catalog_that_lacks_much,
    one_whose_unlisted_items_are_carried,
    most_is_nobodys,
]


@pytest.mark.parametrize("of", SHOPS)
def test_the_numbers_are_landings(of: Any, lake: Lake, tmp_path: Path) -> None:
    shop = of(tmp_path / "shop")
    found = on_trial(shop, lake).manifest
    assert not (tmp_path / "lake").exists()
    assert not shop.settings.pseudonym_key.exists()
    manifest = shop.land(lake, DAY)
    assert found["rows_in"] > 100
    assert {name: found[name] for name in TOLD} == {name: manifest[name] for name in TOLD}
    assert len(found["probably_no_persons"]) == len(manifest["probably_no_persons"])
    kept = found["catalog"]
    assert {name: number for name, number in kept.items() if name not in ("items", "categories")} == manifest["catalog"]
    if shop.items:
        assert found["unknown_items"] == manifest["unlisted_items"] == 2
    # With the key that landing made, users are called as in the lake; on the lake as it is now nothing else changes.
    again = on_trial(shop, lake).manifest
    assert again["probably_no_persons"] == manifest["probably_no_persons"]
    assert {name: again[name] for name in TOLD} == {name: found[name] for name in TOLD}


def test_the_verdict_is_the_audits(tmp_path: Path) -> None:
    refused_by = {}
    for of in (a_clean_day, a_dirty_day, parquet_with_a_catalog_that_lacks_much, most_is_nobodys):
        shop, lake = of(tmp_path / of.__name__), Lake.open(tmp_path / of.__name__ / "lake")
        found = on_trial(shop, lake)
        batches = [Batch.load(lake, path) for path in shop.land(lake, DAY)["batches"]]
        try:
            audit(lake, batches, tmp_path / "docs")
            refused = ""
        except DataError as error:
            refused = str(error)
        assert found.manifest["would_land"] == (not refused)
        refused_by[of.__name__] = [rule for rule in RULES if any(rule in why for why in found.held)]
        assert refused_by[of.__name__] == [rule for rule in RULES if rule in refused]
    assert list(refused_by.values()) == [[], [], ["duplicate_items"], ["anonymous_excess"]]


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (a_dirty_day, "line {}"),
        (one_cut_into_spans, "line {}"),
        (a_pile_of_compressed_json, "line {}"),
        (parquet_with_a_catalog_that_lacks_much, "row {}"),
    ],
)
def test_examples_say_where_a_row_stands(of: Any, told: str, lake: Lake, tmp_path: Path) -> None:
    shop = of(tmp_path)
    examples = on_trial(shop, lake).manifest["examples"]
    # 120 good rows; a header in CSV, in JSON Lines a broken line for one that two objects share.
    before = {"csv": 121, "jsonl": 120, "parquet": 120}[shop.behaviors.get("format", "csv")]
    at = {"missing_user": 2, "unreadable": 3, "unknown_item": 5}
    for rule, number in at.items():
        assert any(place.startswith(told.format(before + number)) for place in examples[rule]), rule
    assert len(examples["unknown_item"]) == 2
    if shop.behaviors.get("format") == "jsonl":
        assert examples["unreadable"][0] == "line 21 of all.jsonl.gz"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spark_jobs.check", "--lake", str(folder / "lake"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_tells_by_its_exit_code(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path)
    canary = "u-canary-4711"
    shop.deliver(f"{DAY}.csv", lines(*[purchase(f"{DAY}T10:00:00", item=canary, user=canary)] * 3))
    source = str(shop.description())
    fine = run("--source", source, "--day", DAY, folder=tmp_path)
    assert (fine.returncode, json.loads(fine.stdout.splitlines()[-1])["would_land"]) == (Exit.OK, True)
    assert "3 unknown_item: line 122 of 2017-11-01.csv; line 123" in fine.stdout
    assert canary not in fine.stdout + fine.stderr
    # The shop sells fewer categories than a user gets tags, which inference would refuse.
    assert "the catalog has 2: set INTENTFLOW_INFERENCE__TAGS to 2 or fewer" in fine.stderr
    assert run("--source", source, "--day", "2017-11-05", folder=tmp_path).returncode == Exit.NO_INPUT
    Path(source).write_text("name = ")
    refused = run("--source", source, "--day", DAY, folder=tmp_path)
    assert (refused.returncode, "is no TOML" in refused.stderr) == (Exit.CONFIG, True)


def test_a_day_that_would_be_held_is_told_with_its_numbers(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path)
    shop.deliver(f"{DAY}.csv", lines(*[purchase(f"{DAY}T10:00:00", item=str(n)) for n in range(50, 70)]))
    held = run("--source", str(shop.description()), "--day", DAY, folder=tmp_path)
    assert held.returncode == Exit.DATA
    found = json.loads(held.stdout.splitlines()[-1])
    assert (found["would_land"], found["unknown_items"], found["rejected"]) == (False, 20, {"unknown_item": 20})
    assert "rejected_share" in held.stderr


def test_a_half_delivered_day_is_counted_and_held(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, behaviors={"arrival": {"marker": "log/{day}.done"}})
    shop.deliver(f"{DAY}.csv", lines())
    found = on_trial(shop, lake)
    assert (found.has_arrived, found.manifest["rows"]) == (False, 120)
    assert found.held == ["The marker log/2017-11-01.done is not there."]
    shop.put(f"{DAY}.done")
    assert on_trial(shop, lake).held == []


def test_a_file_that_is_not_as_described_is_one_sentence(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path)
    shop.put(f"{DAY}.csv", "at,customer\n1,2\n")
    with pytest.raises(CommandError, match="lacks the column action, item, quantity, user"):
        on_trial(shop, lake)
