"""The ledger of openings only grows, counts a look once, and begins with the looks of before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lake.registry.openings import BESIDE, Look, earlier_openings, open_holdout, openings_of
from lake.store.location import Lake
from runtime.errors import ConfigurationError, DataError
from settings import SourceSettings

DAY = "2017-11-01"


def look(digest: str, day: str = DAY) -> Look:
    return Look(day, digest, f"release-{digest}", ("recall_at_30",), 500, "me", "why")


def source(folder: Path, openings: str) -> SourceSettings:
    file = folder / "evaluation.toml"
    file.write_text(f'days = ["{DAY}"]\n')
    file.with_name(f"evaluation{BESIDE}").write_text(openings)
    return SourceSettings(evaluation=file)


def test_a_look_is_counted_once(lake: Lake) -> None:
    first = open_holdout(lake, look("a"))
    assert (first.number, first.digest, first.release, first.users) == (1, "a", "release-a", 500)
    assert open_holdout(lake, look("b")).number == 2
    assert open_holdout(lake, look("a")) == first
    assert open_holdout(lake, look("a", "2017-10-04")).number == 1
    assert [opening.digest for opening in openings_of(lake, DAY)] == ["a", "b"]


def test_racing_looks_have_a_number_each_and_equal_ones_one(lake: Lake) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: open_holdout(lake, look(f"{n % 4}")).number, range(8)))
    assert sorted(set(numbers)) == [1, 2, 3, 4]
    assert numbers[:4] == numbers[4:]


def test_a_new_lake_begins_with_the_looks_of_before(lake: Lake, tmp_path: Path) -> None:
    said = f"""
        [[openings]]
        day = "{DAY}"
        what = "baselines"
        metrics = ["recall_at_30"]
        users = 500
        at = "2017-12-01"
        [[openings]]
        day = "2017-10-04"
        what = "baselines"
        metrics = ["recall_at_30"]
        [[openings]]
        day = "{DAY}"
        what = "a release"
        release = "old"
        metrics = ["recall_at_30", "hr_at_30"]
    """
    earlier = earlier_openings(source(tmp_path, said))
    assert open_holdout(lake, look("a"), earlier).number == 3
    assert open_holdout(lake, look("b"), earlier).number == 4
    ledger = openings_of(lake, DAY)
    assert [(one.number, one.why, one.release) for one in ledger[:2]] == [(1, "baselines", ""), (2, "a release", "old")]
    assert openings_of(lake, "2017-10-04") == []


def test_the_demo_logs_looks_are_listed() -> None:
    shipped = earlier_openings(SourceSettings())
    days = [opening.day for opening in shipped]
    assert {day: days.count(day) for day in sorted(set(days))} == {"2017-09-06": 1, "2017-10-04": 2, DAY: 14}
    assert len({opening.digest for opening in shipped}) == len(shipped)
    assert [opening.number for opening in shipped if opening.day == DAY] == list(range(1, 15))


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"openings.0.metrics: Field required"):
        earlier_openings(source(tmp_path, f'[[openings]]\nday = "{DAY}"\nwhat = "x"\n'))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        earlier_openings(source(tmp_path, "[["))


def test_a_ledger_with_a_hole_is_refused(lake: Lake) -> None:
    for name in "abc":
        open_holdout(lake, look(name))
    second = f"_openings/{DAY}/000002.json"
    content = lake.read(second) or b""
    lake.delete(second)
    with pytest.raises(DataError, match="records are missing"):
        open_holdout(lake, look("d"))
    lake.write(second, content[:-3])
    with pytest.raises(DataError, match="is no record of an opening"):
        openings_of(lake, DAY)
