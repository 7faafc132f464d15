"""Nobody's raw id is shown: a canary in the user's column, and in every other one where columns were swapped, is
searched for in all that landing, audit, roll-up and compression wrote, as decoded values."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.audit import audit
from lake.delta import tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import CommandError, ConfigurationError, DataError
from schemas import behaviors, rejected_behaviors
from settings import HistorySettings, SourceSettings
from spark_jobs.compress import compress
from spark_jobs.land import land
from spark_jobs.landing import pseudonyms, rejected_rows
from spark_jobs.landing.sources import open_source
from spark_jobs.roll_up import roll_up_until
from tests.canary import found
from tests.spark_jobs.test_jobs import TOKENIZER

NAMES = ("at", "user", "action", "item", "query", "quantity", "amount", "session", "event", "mood")
SWAPPED = tuple(name for name in NAMES if name != "user")
# One of text, and one that is read as a number: as a count, as money, as a moment.
CANARIES = ("Canary-7f3a9b", "77881234567")
HEADER = "name = 'shop'\n[behaviors]\nfiles = 'log/{day}.jsonl'\nformat = 'jsonl'\nnew_columns = 'carry'\n"
COLUMNS = "[behaviors.columns]\n" + "".join(f"{name} = '{name}'\n" for name in NAMES if name != "mood")
ITEMS = "[items]\nfiles = 'items.csv'\nformat = 'csv'\ncolumns = { item = 'sku', text = 'title', path = ['type'] }\n"
FIRST = date(2017, 10, 1)


def day_of(number: int) -> str:
    return date.fromordinal(FIRST.toordinal() + number).isoformat()


def good(day: str, number: int) -> dict[str, Any]:
    return {
        "at": f"{day}T09:00:{number:02d}Z", "user": f"user {number}", "action": "purchase", "item": "1",
        "query": None, "quantity": 2, "amount": 9.5, "session": f"s{number}", "event": f"e{number}", "mood": "fine",
    }  # fmt: skip


def swapped(day: str, column: str, canary: str, number: int) -> dict[str, Any]:
    row = good(day, number)
    value: Any = int(canary) if canary.isdigit() and column in ("at", "quantity", "amount") else canary
    return {**row, "user": str(row[column] or "boots"), column: value}


class WatchedShop:
    """A shop whose days have swapped columns, and everything that a run over them wrote."""

    def __init__(self, folder: Path) -> None:
        self.written, self.source_folder = folder / "written", folder / "source"
        (self.source_folder / "log").mkdir(parents=True)
        self.written.mkdir()
        self.lake = Lake.open(self.written / "lake")
        self.said = self.written / "log.txt"
        (self.source_folder / "items.csv").write_text("sku,title,type\n1,lined gloves,gloves\n")
        (self.source_folder / "source.toml").write_text(HEADER + COLUMNS + ITEMS)

    def deliver(self, number: int, rows: list[dict[str, Any]]) -> None:
        path = self.source_folder / "log" / f"{day_of(number)}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(self, first: int, last: int) -> None:
        """Land days, audit and publish them, roll up and compress; errors are said as a command says them."""
        name, key = str(self.source_folder / "source.toml"), self.source_folder / "key"
        settings = SourceSettings(name=name, first_day=FIRST, last_day=None, pseudonym_key=key)
        begin, end = date.fromisoformat(day_of(first)), date.fromisoformat(day_of(last))
        self.keep(land(self.lake, open_source(settings), begin, end, settings, 2))
        self.keep(roll_up_until(self.lake, day_of(last)))
        with suppress(DataError):  # So few rows are no shorter as a hybrid.
            self.keep(compress(self.lake, day_of(last), HistorySettings(), TOKENIZER))

    def keep(self, manifest: Mapping[str, Any]) -> None:
        self.say(json.dumps(manifest))
        batches = [Batch.load(self.lake, path) for path in manifest["batches"]]
        self.say(json.dumps(audit(self.lake, batches, self.written / "data_docs")))
        publish(self.lake, batches)

    def say(self, text: str) -> None:
        with self.said.open("a") as file:
            file.write(f"{text}\n")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WatchedShop]:
    made = WatchedShop(tmp_path)
    handler = logging.FileHandler(made.said)
    logger = logging.getLogger()
    logger.addHandler(handler)
    before, logger.level = logger.level, logging.DEBUG
    yield made
    logger.removeHandler(handler)
    logger.level = before


def test_a_canary_is_found_nowhere(shop: WatchedShop) -> None:
    cases = [(column, canary) for column in SWAPPED for canary in CANARIES]
    # Some rows of a day, which is published; and then a day that has nothing else, which the audit stops.
    for number, (column, canary) in enumerate(cases):
        rows = [good(day_of(number), n) for n in range(40)]
        own = [{**good(day_of(number), 40 + n), "user": one} for n, one in enumerate(CANARIES)]
        shop.deliver(number, [*rows, *own, swapped(day_of(number), column, canary, 50)])
        stopped = len(cases) + number
        shop.deliver(stopped, [swapped(day_of(stopped), column, canary, n) for n in range(9)])
    shop.deliver(2 * len(cases), [])
    shop.run(0, len(cases) - 1)
    assert tables.read(shop.lake, behaviors.TABLE).num_rows >= 42 * len(cases)
    assert tables.read(shop.lake, rejected_behaviors.TABLE).num_rows
    with pytest.raises(DataError) as caught:
        shop.run(len(cases), 2 * len(cases) - 1)
    shop.say(str(caught.value))
    assert "rejected_share" in shop.said.read_text()
    assert list((shop.written / "data_docs").rglob("*.html"))

    assert {canary: found(shop.written, canary) for canary in CANARIES} == {canary: [] for canary in CANARIES}
    assert found(shop.source_folder, CANARIES[0])
    # What is kept of a row can be found again by who holds the key and the log.
    key = pseudonyms.load_key(shop.source_folder / "key")
    digest = pseudonyms.pseudonym(key, CANARIES[0])
    assert any(path.endswith(".parquet") for path in found(shop.written, digest))


@pytest.mark.parametrize("column", ["item", "session", "mood"])
def test_a_leak_that_is_planted_is_found(shop: WatchedShop, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_rows, "hidden", lambda _key, value: value)
    if column == "session":
        hide = pseudonyms.pseudonymize

        def show_canaries(key: bytes, ids: pa.ChunkedArray) -> pa.Array:
            return ids.combine_chunks() if CANARIES[0] in ids.to_pylist() else hide(key, ids)

        monkeypatch.setattr(pseudonyms, "pseudonymize", show_canaries)
    shop.deliver(0, [*(good(day_of(0), n) for n in range(40)), swapped(day_of(0), column, CANARIES[0], 50)])
    shop.run(0, 0)
    assert any(name.endswith(".parquet") for name in found(shop.written, CANARIES[0]))


def campaigns_and_behaviors(shop: WatchedShop) -> None:
    open_source(SourceSettings(name=str(shop.source_folder / "source.toml"), last_day=None)).campaigns()
    shop.run(0, 0)


BAD = {
    "no header": ("format = 'jsonl'", "format = 'csv'", f"{CANARIES[0]},2017-10-01,purchase\n"),
    "another encoding": ("format = 'jsonl'", "format = 'jsonl'\nencoding = 'utf-16'", f'{{"user": "{CANARIES[0]}"}}\n'),
    "another format": ("format = 'jsonl'", "format = 'parquet'", f'{{"user": "{CANARIES[0]}"}}\n'),
    "keys by user": ("format = 'jsonl'", "format = 'jsonl'", f'{{"{CANARIES[0]}": {{"action": "view"}}}}\n'),
    "new columns": ("'carry'", "'refuse'", json.dumps({**good(day_of(0), 1), "user": CANARIES[0]}) + "\n"),
    "a campaign of users": (
        "[items]",
        "[campaigns]\nfiles = 'log/*'\nformat = 'csv'\nfirst_day = 'a'\nlast_day = 'a'\ntext = 'b'\n[items]",
        f"a,b\n{CANARIES[0]},x\n",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_no_sentence_on_a_bad_description_shows_an_id(shop: WatchedShop, what: str) -> None:
    before, after, content = BAD[what]
    path = shop.source_folder / "source.toml"
    path.write_text(path.read_text().replace(before, after))
    (shop.source_folder / "log" / f"{day_of(0)}.jsonl").write_text(content)
    with pytest.raises(CommandError) as caught:
        campaigns_and_behaviors(shop)
    shop.say(str(caught.value))
    assert found(shop.written, CANARIES[0]) == []


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("'carry'\n", "'carry'\ncarried = { user = ['x'] }\n", "carried names user, the user's column"),
        ("'carry'\n", "'drop'\ncarried = { mood = ['x'] }\n", "carried says which values are kept"),
        (
            "[items]",
            "[users]\nfiles = 'u'\nformat = 'csv'\nuser = 'c'\nattributes = ['c']\n[items]",
            "attributes names c",
        ),
        (
            "'carry'\n",
            "'carry'\ncarried = { c = ['x'] }\n[users]\nfiles = 'u'\nformat = 'csv'\nuser = 'c'\nattributes = ['d']\n"
            "[behaviors.arrival]\n",
            "carried names c, the user's column",
        ),
    ],
)
def test_the_users_column_is_carried_nowhere(shop: WatchedShop, before: str, after: str, sentence: str) -> None:
    path = shop.source_folder / "source.toml"
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(ConfigurationError, match=sentence):
        open_source(SourceSettings(name=str(path), last_day=None))


def test_what_is_listed_is_carried_as_it_is(shop: WatchedShop) -> None:
    path = shop.source_folder / "source.toml"
    path.write_text(path.read_text().replace("'carry'\n", "'carry'\ncarried = { mood = ['fine'] }\n"))
    shop.deliver(0, [good(day_of(0), 1), {**good(day_of(0), 2), "mood": CANARIES[0]}, {**good(day_of(0), 3), "a": 1}])
    shop.run(0, 0)
    extra = [json.loads(text) for text in tables.read(shop.lake, behaviors.TABLE)["extra"].to_pylist()]
    moods = [one["mood"] for one in extra]
    assert moods.count("fine") == 2
    (other,) = (mood for mood in moods if mood != "fine")
    assert other.startswith("#")
    assert [one["a"] for one in extra if one["a"]] != ["1"]
