"""DuckDB and our kernel make the same contexts; the digest that says so sees differences and no order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from bench.compress import Contest, digest
from bench.lakes import scaled
from lake.store.location import Lake
from representation.cleaning import entity_id
from schemas import behaviors, entities, profiles
from settings import HistorySettings

USERS = [f"{number:016x}" for number in range(12)]
ITEMS = ["milk", "rye bread", "oats, rolled", "tea"]


def rows(seed: int = 1, count: int = 3_000) -> pl.DataFrame:
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        at = datetime(2017, 12, 31, 12, tzinfo=UTC) - timedelta(days=chance.choice((0, 1, 20, 45, 80, 200)))
        action = chance.choice(behaviors.ACTIONS)
        found.append(
            {
                "day": at.date().isoformat(),
                "user_id": chance.choice(USERS),
                "at": at,
                "action": action,
                "entity_id": entity_id("item", chance.choice(ITEMS)),
                "quantity": 1,
            }
        )
    table = pa.Table.from_pylist(found, behaviors.TABLE.schema)
    return pl.DataFrame(pl.from_arrow(table))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake.open(tmp_path / "lake")
    catalog = [
        {
            "entity_id": entity_id("item", text),
            "text": text,
            "kind": "item",
            "category": text[:4],
            "category_path": text,
        }
        for text in ITEMS
    ]
    people = [{"user_id": USERS[0], "attributes": [{"name": "age", "value": "35-44"}]}]
    for table, found in ((entities.TABLE, catalog), (profiles.TABLE, people)):
        scaled.publish_whole(made, table, pa.Table.from_pylist(found, table.schema))
    return made


def test_duckdb_and_our_kernel_agree(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaled.stage_days(lake, rows())
    contest = Contest(lake, tmp_path / "others")
    sql = digest(contest.duckdb())
    assert sql.startswith("12-")
    assert digest(contest.polars()) == sql
    # With a cap that bites, too.
    monkeypatch.setattr(contest, "settings", HistorySettings(maximum_entities=3, interests=2))
    capped = digest(contest.duckdb())
    assert capped != sql
    assert digest(contest.polars()) == capped


def test_the_digest_sees_a_changed_count_and_not_the_order(lake: Lake, tmp_path: Path) -> None:
    scaled.stage_days(lake, rows())
    (made,) = Contest(lake, tmp_path / "others").duckdb()
    frame = pl.read_parquet(made)
    shuffled, changed = tmp_path / "shuffled.parquet", tmp_path / "changed.parquet"
    frame.sample(fraction=1, shuffle=True, seed=3).write_parquet(shuffled)
    frame.with_columns(events=pl.col("events") + 1).write_parquet(changed)
    assert digest([str(shuffled)]) == digest([made])
    assert digest([str(changed)]) != digest([made])


def test_copies_are_other_users_with_other_times_in_the_same_year() -> None:
    frame = rows()
    copy = scaled.jittered(scaled.named(frame, 1), 1)
    assert copy["user_id"].n_unique() == frame["user_id"].n_unique()
    assert not set(copy["user_id"]) & set(frame["user_id"])
    assert (copy["at"] != frame["at"]).sum() > 0.9 * len(frame)
    assert copy["at"].dt.year().unique().to_list() == [2017]
    assert (copy["day"] == copy["at"].dt.strftime("%Y-%m-%d")).all()
    assert scaled.jittered(scaled.named(frame, 0), 0).equals(frame)
