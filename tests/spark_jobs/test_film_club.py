"""A new user's way: from files that say nothing of themselves to a day that is landed, rolled up and compressed."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lake.delta import audits, tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import ConfigurationError
from runtime.imports import ROOT
from schemas import contexts, items, rollups
from settings import HistorySettings, SourceSettings
from spark_jobs.check import check
from spark_jobs.compress import compress
from spark_jobs.describe import describe
from spark_jobs.land import land
from spark_jobs.landing.sources import open_source
from spark_jobs.landing.sources.description import load_description
from spark_jobs.roll_up import roll_up_until
from tests.spark_jobs.test_jobs import TOKENIZER

GENRES = ("unknown", "action", "adventure", "animation", "comedy", "crime", "drama", "horror", "romance", "thriller")
FIRST, DAY = date(1997, 9, 20), date(1997, 10, 20)


def publish_all(lake: Lake, manifest: dict[str, Any]) -> None:
    batches = [Batch.load(lake, path) for path in manifest["batches"]]
    co_audited = audits.co_audited(batches)
    for batch in batches:
        audits.record(lake, batch, {"success": True, "co_audited": co_audited[batch.digest], "failed": []})
    publish(lake, batches)


def fill_in(text: str) -> str:
    """What a person does, who knows the club: every line that asks for something gets it."""
    text = text.replace('fixed_action = "<fill in>"', 'fixed_action = "favorite"')
    for number, genre in enumerate(GENRES, start=6):
        text = text.replace(f'column_{number} = "<fill in>"', f'column_{number} = "{genre}"')
    return text


@pytest.mark.parametrize("genres", ["flags", "text"])
def test_from_describe_to_contexts(genres: str, lake: Lake, tmp_path: Path) -> None:
    club = tmp_path / "club"
    size = ("--ratings", "6000", "--members", "60", "--films", "150", "--genres", genres)
    subprocess.run([sys.executable, "examples/film_club/generate.py", str(club), *size], cwd=ROOT, check=True)
    text = describe([club / "films.txt", club / "ratings.tsv"], club)
    description = club / "my.toml"
    description.write_text(text)
    with pytest.raises(ConfigurationError, match="fixed_action: what every row is"):
        load_description(description)
    description.write_text(fill_in(text))
    log, catalog = load_description(description).behaviors, load_description(description).items
    assert (log.delimiter, log.header, log.time_unit) == ("\t", ("user", "item", "column_3", "at"), "seconds")
    assert log.columns.named() == {"user": "user", "item": "item", "at": "at"}
    assert (catalog.encoding, catalog.columns.item, catalog.columns.text) == ("latin-1", "item", "title")

    settings = SourceSettings(
        name=str(description), first_day=FIRST, last_day=date(1998, 1, 17), pseudonym_key=tmp_path / "key"
    )
    source = open_source(settings)
    found = check(lake, source, DAY, settings, 2).manifest
    landed = land(lake, source, FIRST, DAY, settings, 2)
    publish_all(lake, landed)
    ours = next(iter(landed["deliveries"].values()))[DAY.isoformat()]
    assert found["would_land"]
    assert found["rows"] == ours["rows"] > 20
    assert (landed["rows_rejected"], landed["catalog"]["left"]) == (0, 0)

    titles = {row["text"]: row["category"] for row in tables.read(lake, items.TABLE).to_pylist()}
    assert len(titles) == 150
    assert set(titles.values()) <= set(GENRES)
    assert any("amélie" in title for title in titles)
    publish_all(lake, roll_up_until(lake, DAY.isoformat()))
    publish_all(lake, compress(lake, DAY.isoformat(), HistorySettings(), TOKENIZER))
    histories = tables.read(lake, contexts.TABLE, DAY.isoformat())
    assert histories.num_rows > 40
    assert sum(histories["events"].to_pylist()) == landed["rows"]
    assert set(tables.read(lake, rollups.TABLE)["action"].to_pylist()) == {"favorite"}
