"""One customer is one customer, in whichever format a shop writes its ids; and nobody is nobody."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bench.lakes.landed import DEMO_KEY
from runtime.fingerprint import digest
from settings import SourceSettings
from spark_jobs.landing.catalog import build_profiles
from spark_jobs.landing.pseudonyms import pseudonym
from spark_jobs.landing.sources import open_source
from spark_jobs.landing.sources.completejourney import CompleteJourney
from tests.spark_jobs.shop import DAY, FORMATS, GOOD, KEY, Shop, text

ZERO = "00000000-0000-0000-0000-000000000000"


def land_users(folder: Path, kind: str, *users: Any, **fields: Any) -> tuple[list[str], dict[str, int], int]:
    """The user ids that land, in order of their rows, with what was rejected and how many rows were nobody's."""
    shop = Shop(folder, kind, fields)
    rows = [{**GOOD, "user": user, "session": str(number)} for number, user in enumerate(users)]
    shop.write(text(kind, rows))
    landed = shop.land()
    names = [row["user_id"] for row in sorted(landed.behaviors, key=lambda row: int(row["session_id"]))]
    return names, landed.rules, landed.anonymous


def of(*users: str) -> list[str]:
    return [pseudonym(KEY, user) for user in users]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("written", "id_"),
    [
        ("12345.0", "12345"),
        ("880.", "880"),
        ("-3.00", "-3"),
        ("-0.0", "0"),
        ("0042", "0042"),
        ("0042.0", "0042"),
        ("  ann b\u00a0", "ann b"),
        ("Ann", "Ann"),
        ("4.5", "4.5"),
        ("12e4", "12e4"),
        ("9e10f", "9e10f"),
        ("müller", "müller"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("9007199254740991.0", "9007199254740991"),
    ],
)
def test_an_id_of_text_has_one_form(tmp_path: Path, kind: str, written: str, id_: str) -> None:
    assert land_users(tmp_path, kind, written) == (of(id_), {}, 0)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "written",
    [
        "9007199254740992.0",
        "123456789012345678.0",
        "1.23457E+11",
        "1e+16",
        "4.5e7",
        "m\ufffdller",
        "ann\tben",
        "an\0n",
        "x" * 1_001,
    ],
)
def test_what_has_lost_something_is_no_id(tmp_path: Path, kind: str, written: str) -> None:
    assert land_users(tmp_path, kind, "ann", written) == (of("ann"), {"unreadable": 1}, 0)
    (rejected,) = Shop(tmp_path, kind).land().rejected
    assert "the user is no id" in rejected["row"]
    assert written not in rejected["row"]


TYPED: dict[str, tuple[str, Any, list[str], dict[str, int], int]] = {
    "integer": ("jsonl", 77, ["77"], {}, 0),
    "beyond a float": ("jsonl", 2**60 + 1, [str(2**60 + 1)], {}, 0),
    "whole float": ("jsonl", 77.0, ["77"], {}, 0),
    "largest exact float": ("jsonl", float(2**53 - 1), [str(2**53 - 1)], {}, 0),
    "float beyond": ("jsonl", float(2**53), [], {"unreadable": 1}, 0),
    "fraction": ("jsonl", 77.5, [], {"unreadable": 1}, 0),
    "true": ("jsonl", True, [], {"unreadable": 1}, 0),
    "list": ("jsonl", ["ann"], [], {"unreadable": 1}, 0),
    "object": ("jsonl", {"id": "ann"}, [], {"unreadable": 1}, 0),
    "not a number": ("jsonl", float("nan"), [], {}, 1),
    "null": ("jsonl", None, [], {"missing_user": 1}, 0),
}


@pytest.mark.parametrize("case", TYPED)
def test_a_json_value_is_an_id_by_its_type(tmp_path: Path, case: str) -> None:
    kind, value, users, rules, anonymous = TYPED[case]
    assert land_users(tmp_path, kind, value) == (of(*users), rules, anonymous)


@pytest.mark.parametrize(
    ("column", "users", "rules", "anonymous"),
    [
        (pl.Series([5, 6], dtype=pl.UInt64), ["5", "6"], {}, 0),
        (pl.Series([5.0, None]), ["5"], {"missing_user": 1}, 0),
        (pl.Series([5.0, float("nan")]), ["5"], {}, 1),
        (pl.Series([5.5, 6.0]), ["6"], {"unreadable": 1}, 0),
        (pl.Series([1e300, float("inf")]), [], {"unreadable": 2}, 0),
        (pl.Series([2.0**24 - 1, 2.0**24], dtype=pl.Float32), ["16777215"], {"unreadable": 1}, 0),
        (pl.Series([Decimal("7.00"), Decimal("7.25")]), ["7"], {"unreadable": 1}, 0),
        (pl.Series([Decimal("123456789012345678901"), None]), ["123456789012345678901"], {"missing_user": 1}, 0),
        (pl.Series([True, False]), [], {"unreadable": 2}, 0),
        (pl.Series([b"m\xc3\xbcller", b"m\xfcller"]), ["müller"], {"unreadable": 1}, 0),
        (pl.Series(["ann", "ben"], dtype=pl.Categorical), ["ann", "ben"], {}, 0),
        (pl.Series([None, None], dtype=pl.Null), [], {"missing_user": 2}, 0),
        (pl.Series([1, 2]).cast(pl.Date), [], {"unreadable": 2}, 0),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else "",
)
def test_a_parquet_column_is_of_ids_by_its_type(
    tmp_path: Path, column: pl.Series, users: list[str], rules: dict[str, int], anonymous: int
) -> None:
    shop = Shop(tmp_path, "parquet")
    frame = pl.DataFrame([{**GOOD, "session": str(number)} for number in range(len(column))])
    frame.with_columns(column.alias("user")).write_parquet(shop.write(b""))
    landed = shop.land()
    assert sorted(row["user_id"] for row in landed.behaviors) == sorted(of(*users))
    assert (landed.rules, landed.anonymous) == (rules, anonymous)


def test_a_shop_may_change_format_and_keep_its_users_items_and_sessions(tmp_path: Path) -> None:
    written: dict[str, Any] = {"csv": "31.0", "jsonl": 31, "parquet": 31.0}
    found = []
    for kind, value in written.items():
        shop = Shop(tmp_path / kind, kind, items=b"sku,title,type\n31.0,lined gloves,gloves\n")
        shop.write(text(kind, [{**GOOD, "user": value, "item": value, "session": value}]))
        (row,) = shop.land().behaviors
        found.append((row["user_id"], row["item_id"], row["session_id"]))
    assert found == [(*of("31"), "31", "31")] * 3


def test_an_item_keeps_its_leading_zeros_and_its_type_counts(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "jsonl")
    items: list[Any] = ["007", 7, "1.0", 1, True, 1.5]
    shop.write(text("jsonl", [{**GOOD, "item": item, "session": str(n)} for n, item in enumerate(items)]))
    landed = shop.land()
    assert sorted(row["item_id"] for row in landed.behaviors) == ["007", "1", "1"]
    assert landed.rules == {"unknown_item": 1, "unreadable": 2}


def test_a_missing_item_of_a_column_of_floats_is_none(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "parquet")
    search = {**GOOD, "action": "search", "item": float("nan"), "query": "gloves"}
    shop.write(text("parquet", [{**GOOD, "item": 1.0}, search, {**GOOD, "item": float("nan")}]))
    landed = shop.land()
    assert sorted((row["action"], row["item_id"]) for row in landed.behaviors) == [("purchase", "1"), ("search", None)]
    assert landed.rules == {"empty": 1}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "token", ["null", "NULL", "\\N", "NaN", "nan", "undefined", " None ", "<NA>", "(not set)", ZERO, "0" * 32]
)
def test_nobody_is_counted_and_no_user(tmp_path: Path, kind: str, token: str) -> None:
    assert land_users(tmp_path, kind, "ann", token, token) == (of("ann"), {}, 2)


def test_a_description_adds_to_what_means_nobody(tmp_path: Path) -> None:
    users = ("ann", "Guest", "-1", "", None, "guesthouse")
    said = land_users(tmp_path, "csv", *users, anonymous=["guest", "-1"])
    assert said == (of("ann", "guesthouse"), {"missing_user": 2}, 2)
    assert land_users(tmp_path, "csv", *users, anonymous=["guest", "-1", ""]) == (of("ann", "guesthouse"), {}, 4)
    assert land_users(tmp_path, "csv", "ann", "n/a", nulls=["n/a"]) == (of("ann"), {}, 1)


def test_a_row_of_nobody_is_not_held_against_the_source_whatever_else_it_lacks(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    broken = [{"item": "99"}, {"action": "teleport"}, {"quantity": "0"}, {"at": ""}]
    shop.write(text("csv", [{**GOOD, "user": "null", **changes} for changes in broken]))
    landed = shop.land()
    assert (landed.anonymous, landed.rules) == (4, {})


def test_attributes_reach_the_user_that_behaviors_are_of(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write(text("csv", [{**GOOD, "user": "31"}]))
    (tmp_path / "people.csv").write_text("who,city\n31.0,Graz\nnull,Nowhere\n1.5E+10,Linz\n,Wien\n")
    shop.source()
    description = tmp_path / "source.toml"
    lines = ["", "[users]", 'files = "people.csv"', 'format = "csv"', 'user = "who"', 'attributes = ["city"]']
    description.write_text(description.read_text() + "\n".join(lines))
    source = open_source(SourceSettings(name=str(description)))
    profiles = build_profiles(source.attributes(), KEY, 50).to_pylist()
    assert [row["user_id"] for row in profiles] == of("31")


# Of a day's 333 households under the benchmarks' key: a lake that was landed before goes on with these.
FIRST_AND_LAST = ["d869a5bdfeecb564", "9ea804f8a1768e4a"]
OF_ALL = "5990da4b9c356cea"


def test_the_demo_logs_pseudonyms_stay() -> None:
    raw = CompleteJourney(readable_labels=True).read((DAY, DAY))
    users = sorted(set(raw["user"].to_pylist()), key=int)
    found = [pseudonym(DEMO_KEY, user) for user in users]
    assert [found[0], found[-1]] == FIRST_AND_LAST
    assert (len(found), digest(found)) == (333, OF_ALL)
    assert not any(raw["anonymous"].to_pylist())
