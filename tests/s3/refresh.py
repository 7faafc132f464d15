"""Land, roll up and compress two days on real Spark: ``refresh.py FOLDER LAKE``.

An own process, for Spark's workers get the environment, and so the credentials, that its JVM was started with.
Prints what every table holds: rows, and the content digest of the last day (of the whole table).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

from lake.delta import audits, tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from schemas import behaviors, contexts, entities, items, rejected_behaviors, rollups
from settings import HistorySettings, SourceSettings
from spark_jobs.compress import compress
from spark_jobs.land import land
from spark_jobs.landing.sources import open_source
from spark_jobs.roll_up import roll_up_until

FIRST, LAST = date(2017, 10, 31), date(2017, 11, 1)
TABLES = (behaviors.TABLE, rejected_behaviors.TABLE, items.TABLE, entities.TABLE, rollups.TABLE, contexts.TABLE)
SHOP = """
name = "shop"
[behaviors]
files = "log-{day}.csv"
format = "csv"
[behaviors.columns]
at = "at"
user = "user"
action = "action"
item = "item"
query = "query"
[items]
files = "items.csv"
format = "csv"
columns = { item = "item", text = "text", path = ["kind"] }
"""


def write_shop(folder: Path) -> SourceSettings:
    """A shop of thirty users; one row a day names an item that nobody knows."""
    (folder / "shop.toml").write_text(SHOP)
    (folder / "items.csv").write_text("item,text,kind\n" + "".join(f"{n},thing {n},kind {n % 7}\n" for n in range(50)))
    for day in (FIRST, LAST):
        rows = [f"{day} {n // 60:02}:{n % 60:02}:00,user {n % 30},purchase,{n % 50},\n" for n in range(400)]
        rows += [f"{day} 11:00:00,user 1,search,,warm socks\n", f"{day} 12:00:00,user 1,purchase,nothing,\n"]
        (folder / f"log-{day}.csv").write_text("at,user,action,item,query\n" + "".join(rows))
    return SourceSettings(name=str(folder / "shop.toml"), pseudonym_key=folder / "key", first_day=FIRST, last_day=LAST)


def publish_all(lake: Lake, paths: Sequence[str]) -> None:
    """Publish without the audit, which has tests of its own."""
    batches = [Batch.load(lake, path) for path in paths]
    co_audited = audits.co_audited(batches)
    for batch in batches:
        audits.record(lake, batch, {"success": True, "co_audited": co_audited[batch.digest], "failed": []})
    publish(lake, batches)


def refresh(lake: Lake, shop: SourceSettings) -> dict[str, tuple[int, str | None]]:
    """Refresh the two days; returns rows and digest by table."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    publish_all(lake, land(lake, open_source(shop), FIRST, LAST, shop, files_a_day=2)["batches"])
    publish_all(lake, roll_up_until(lake, LAST.isoformat())["batches"])
    publish_all(lake, compress(lake, LAST.isoformat(), HistorySettings(), str(tokenizer.to_str()))["batches"])
    found = {}
    for table in TABLES:
        day = LAST.isoformat() if "day" in table.partition_by else None
        found[table.name] = (tables.read(lake, table, day).num_rows, tables.partition_digest(lake, table, day))
    return found


if __name__ == "__main__":
    print(json.dumps(refresh(Lake.open(sys.argv[2]), write_shop(Path(sys.argv[1])))))
