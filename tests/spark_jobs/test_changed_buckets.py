"""The number of files a day is the same for all days of a lake: a user's rows lie in the files of one bucket."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lake.audit import audit
from lake.delta import tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import ConfigurationError
from schemas import behaviors, rollups
from settings import HistorySettings, SourceSettings
from spark_jobs.check import check
from spark_jobs.compress import compress
from spark_jobs.distributed.buckets import bucket_of
from spark_jobs.land import land
from spark_jobs.landing.layout import is_spread_over
from spark_jobs.landing.sources import open_source
from spark_jobs.roll_up import roll_up_until
from tests.spark_jobs.test_jobs import TOKENIZER

FIRST = date(2017, 10, 2)
DAYS, USERS = 6, 40
SOURCE = """name = 'shop'
[behaviors]
files = 'log/{day}.jsonl'
format = 'jsonl'
[behaviors.columns]
at = 'at'
user = 'user'
action = 'action'
item = 'item'
[items]
files = 'items.csv'
format = 'csv'
columns = { item = 'sku', text = 'title', path = ['type'] }
"""


class Shop:
    """Everybody buys every day."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lake = folder, Lake.open(folder / "lake")
        (folder / "log").mkdir()
        (folder / "source.toml").write_text(SOURCE)
        (folder / "items.csv").write_text("sku,title,type\n1,lined gloves,gloves\n2,thin gloves,gloves\n")
        for number in range(DAYS):
            rows = [
                {"at": f"{self.day(number)}T09:00:00Z", "user": f"u{n}", "action": "purchase", "item": str(1 + n % 2)}
                for n in range(USERS)
            ]
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / "log" / f"{self.day(number)}.jsonl").write_text(text)

    def day(self, number: int) -> date:
        return FIRST + timedelta(days=number)

    @property
    def settings(self) -> SourceSettings:
        name, key = str(self.folder / "source.toml"), self.folder / "key"
        return SourceSettings(name=name, first_day=FIRST, last_day=None, pseudonym_key=key)

    def land(self, first: int, last: int, buckets: int) -> None:
        source = open_source(self.settings)
        self.publish(land(self.lake, source, self.day(first), self.day(last), self.settings, buckets)["batches"])

    def publish(self, paths: list[str]) -> None:
        batches = [Batch.load(self.lake, path) for path in paths]
        if batches:
            audit(self.lake, batches, self.folder / "data_docs")
            publish(self.lake, batches)

    def users_of_contexts(self, number: int) -> Counter[str]:
        """How many contexts of the day each user has, as they are staged: so few rows are no shorter as a hybrid."""
        day = str(self.day(number))
        self.publish(roll_up_until(self.lake, day)["batches"])
        (path,) = compress(self.lake, day, HistorySettings(), TOKENIZER)["batches"]
        files = Batch.load(self.lake, path).partitions[0].files
        return Counter(
            user
            for f in files
            for user in pq.read_table(Path(self.lake.root, "contexts", f.path))["user_id"].to_pylist()
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_days_of_other_buckets_are_refused_and_all_of_them_landed_anew_are_one_lake(shop: Shop, tmp_path: Path) -> None:
    shop.land(0, 3, buckets=2)
    assert len(shop.users_of_contexts(3)) == USERS
    for number in (3, 4):
        with pytest.raises(ConfigurationError, match=r"2 files.*3.*INTENTFLOW_LAKE__BUCKETS=2.*2017-10-02"):
            shop.land(number, number, buckets=3)
    assert str(shop.day(4)) not in tables.published_days(shop.lake, behaviors.TABLE)
    # What would land is said by the same rule.
    with pytest.raises(ConfigurationError, match="2 files"):
        check(shop.lake, open_source(shop.settings), shop.day(4), shop.settings, 3)

    shop.land(0, 4, buckets=3)
    assert sorted(shop.users_of_contexts(4).values()) == [1] * USERS
    assert all(len(files) == 3 for files in tables.published_days(shop.lake, rollups.TABLE).values())
    shop.land(5, 5, buckets=3)
    assert sorted(shop.users_of_contexts(5).values()) == [1] * USERS


def test_whose_rows_lie_where_tells_the_number() -> None:
    users = pa.array([f"{number:08x}" for number in range(64)])
    spread = [(part, users.filter(pc.equal(bucket_of(users, 6), part))) for part in range(6)]
    assert [number for number in range(1, 13) if is_spread_over(spread, number)] == [6]
    # A user in a file of another number is one too many.
    assert not is_spread_over([(0, pa.array(["00000001"])), *spread[1:]], 6)
    assert is_spread_over([], 6)
