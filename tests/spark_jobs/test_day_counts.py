"""What a landed day is judged by: rows of nobody, users who are no persons, times whose unit was recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lake.auditing import expectations
from lake.delta.staging import Batch, StagedPartition
from lake.store.location import Lake
from settings import SourceSettings
from spark_jobs.land import land
from spark_jobs.landing.earlier_days import acceptable
from spark_jobs.landing.pseudonyms import load_key, pseudonym
from tests.spark_jobs.shop import DAY, GOOD, Shop, text


def landed(
    lake: Lake, folder: Path, rows: Sequence[Mapping[str, Any]], **fields: Any
) -> tuple[dict[str, Any], Mapping[str, float | None]]:
    """The manifest of landing rows of a day, and the metrics that its audit judges."""
    shop = Shop(folder, fields=fields)
    shop.write(text("csv", rows))
    settings = SourceSettings(pseudonym_key=folder / "key")
    day = date.fromisoformat(DAY)
    manifest = land(lake, shop.source(), day, day, settings, 2)
    batches = [Batch.load(lake, path) for path in manifest["batches"]]
    (found,) = (one for one in expectations.collect(lake, batches) if one.table.name == "behaviors")
    return manifest, found.partitions[0].metrics


def rows_of(user: str, number: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**GOOD, "user": user, "session": f"{user} {n}", **changes} for n in range(number)]


def persons(number: int) -> list[dict[str, Any]]:
    return [row for n in range(number) for row in rows_of(f"person-{n}", 1)]


def test_a_shop_with_two_fifths_of_nobody_lands(lake: Lake, tmp_path: Path) -> None:
    manifest, metrics = landed(lake, tmp_path, [*persons(60), *rows_of("null", 40)])
    assert (manifest["rows_in"], manifest["rows"], manifest["rows_anonymous"]) == (100, 60, 40)
    assert manifest["rejected"] == {}
    assert metrics == {
        "rejected_share": 0.0,
        "anonymous_excess": -10.0,
        "unaccounted_rows": 0.0,
        "rows_outside_day": 0.0,
        "files": 2.0,
        "files_missing": 0.0,
    }


@pytest.mark.parametrize(("share", "excess"), [(0.4, 0), (0.39, 1), (0.0, 40), (1.0, -60)])
def test_more_of_nobody_than_the_description_allows_stops_the_day(
    lake: Lake, tmp_path: Path, share: float, excess: int
) -> None:
    _, metrics = landed(lake, tmp_path, [*persons(60), *rows_of("undefined", 40)], maximum_anonymous=share)
    assert metrics["anonymous_excess"] == excess


def test_rows_of_nobody_hide_no_broken_feed(lake: Lake, tmp_path: Path) -> None:
    broken = rows_of("ann", 6, item="99")
    _, metrics = landed(lake, tmp_path, [*persons(44), *broken, *rows_of("null", 50)])
    assert metrics["rejected_share"] == pytest.approx(6 / 50)


def test_an_earlier_day_of_nobodys_rows_stays_out(caplog: pytest.LogCaptureFixture) -> None:
    def day(name: str, nobodys: int, rejected: int) -> StagedPartition:
        counts = {"rows_in": 100, "rows_rejected": rejected, "rows_anonymous": nobodys, "rows_anonymous_allowed": 50}
        return StagedPartition({"day": name}, "f", (), counts)

    days = (day("2017-10-28", 51, 0), day("2017-10-29", 50, 6), day("2017-10-30", 50, 5), day("2017-11-01", 99, 0))
    kept = acceptable(Batch("behaviors", "land", days), {"2017-10-28", "2017-10-29", "2017-10-30"})
    assert kept == ["2017-10-30", "2017-11-01"]
    assert "2017-10-28 stays as it was: too many of its rows are nobody's" in caplog.text
    assert "2017-10-29 stays as it was: 12 % of its rows are unusable" in caplog.text


def test_who_does_a_large_share_of_a_day_is_probably_no_person(
    lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*persons(100), *rows_of("crawler", 40), *rows_of("busy", 20), *rows_of("null", 40)]
    manifest, _ = landed(lake, tmp_path, rows, maximum_user_share=0.15)
    crawler = pseudonym(load_key(tmp_path / "key"), "crawler")
    assert manifest["probably_no_persons"] == {crawler: 0.2}
    assert f"20 % of the rows of {DAY} are of the user {crawler}: probably no person." in caplog.text
    assert manifest["rows"] == 160


def test_of_a_day_with_few_rows_nobody_is_suspected(lake: Lake, tmp_path: Path) -> None:
    manifest, _ = landed(lake, tmp_path, rows_of("ann", 99))
    assert manifest["probably_no_persons"] == {}


def test_a_unit_that_was_recognised_is_reported(lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "intentflow")
    seconds, milliseconds = rows_of("ann", 3, at=1_509_526_800), rows_of("ben", 2, at=1_509_526_800_000)
    manifest, _ = landed(lake, tmp_path, [*seconds, *milliseconds, *persons(1)])
    assert manifest["time_units"] == {"seconds": 3, "milliseconds": 2}
    assert manifest["rows"] == 6
    assert "Times of 3 rows were read as seconds since 1970, by their magnitude" in caplog.text
    assert "several units, milliseconds, seconds" in caplog.text


def test_measures_are_in_the_table(lake: Lake, tmp_path: Path) -> None:
    manifest, _ = landed(lake, tmp_path, [*rows_of("ann", 1, quantity="1.5"), *persons(2)])
    assert manifest["rows"] == 3
