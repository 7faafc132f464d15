"""A first description from files: what is guessed is right, what is not is asked for, and no id is shown."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runtime.errors import ConfigurationError, DataError
from spark_jobs.describe import describe
from spark_jobs.describing.forms import has_header
from spark_jobs.describing.profiles import Profile
from spark_jobs.landing.sources.description import FILL_IN, Description, lines_to_fill, load_description

BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
# So that whoever looks for one of them in a text finds it.
ROWS = 400


def user_of(n: int) -> str:
    return f"{7_000_000 + n % 61}"


def item_of(n: int) -> str:
    return f"sku-{n * 7 % 43:04}"


def filled(written: str, folder: Path, **values: str) -> Description:
    """The description once a person has filled it in."""
    for key, value in values.items():
        place = rf'^{key} = ("{FILL_IN}"|\["{FILL_IN}"\])'
        written = re.sub(place, f"{key} = {value}", written, flags=re.MULTILINE)
    path = folder / "my.toml"
    path.write_text(written)
    return load_description(path)


def shop_csv(folder: Path, delimiter: str, encoding: str, time: Callable[[datetime], str]) -> list[Path]:
    kinds = ("page_view", "add_to_cart", "Order Completed", "log in")
    head = ["customerId", "event type", "occurred_at", "sku", "qty", "price", "basket_id", "browser"]
    lines = [delimiter.join(head)]
    for n in range(ROWS):
        at = time(BEGIN + timedelta(minutes=37 * n))
        price = f"{n % 90},{n % 10}5"
        lines.append(delimiter.join([user_of(n), kinds[n % 4], at, item_of(n), "1", price, f"b{n // 3}", "Bröwser"]))
    log = folder / "log.csv"
    log.write_bytes("\r\n".join(lines).encode(encoding))
    catalog = folder / "catalog.csv"
    goods = [f"{item_of(n)};Schöner Artikel {n};Haus > Garten{n % 5};Marke" for n in range(43)]
    catalog.write_bytes("\n".join(["sku;name;category;brand", *goods]).encode("utf-8"))
    return [log, catalog]


@pytest.mark.parametrize(
    ("delimiter", "encoding", "time", "said"),
    [
        (";", "utf-8", lambda at: at.strftime("%d.%m.%Y %H:%M:%S"), {"time_format": "%d.%m.%Y %H:%M:%S"}),
        ("\t", "latin-1", lambda at: str(int(at.timestamp() * 1000)), {"time_unit": "milliseconds"}),
        ("|", "utf-16", lambda at: at.isoformat(), {}),
        ("^", "utf-8-sig", lambda at: at.strftime("%Y/%m/%d %H:%M"), {"time_format": "%Y/%m/%d %H:%M"}),
    ],
)
def test_csv_with_a_header(delimiter: str, encoding: str, time: Any, said: dict[str, str], tmp_path: Path) -> None:
    text = describe(shop_csv(tmp_path, delimiter, encoding, time), tmp_path)
    found = filled(text, tmp_path, time_zone='"Europe/Berlin"')
    log, items = found.behaviors, found.items
    assert (log.files, log.format, log.delimiter, log.header) == ("log.csv", "csv", delimiter, ())
    assert log.encoding == {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert log.decimal == ","
    assert {name: getattr(log, name) for name in said} == said
    named = log.columns.named()
    assert {name: named[name] for name in ("user", "at", "item", "action", "quantity", "amount", "session")} == {
        "user": "customerId",
        "at": "occurred_at",
        "item": "sku",
        "action": "event type",
        "quantity": "qty",
        "amount": "price",
        "session": "basket_id",
    }
    assert log.known_columns == ("browser",)
    assert log.actions == {"page_view": "view", "add_to_cart": "cart", "Order Completed": "purchase"}
    assert "log in" in text
    assert (items.columns.item, items.columns.text, items.columns.path, items.columns.brand) == (
        "sku",
        "name",
        ("category",),
        "brand",
    )
    assert items.path_separator == " > "


def test_json_lines_with_nested_events_day_by_day(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for day in range(3):
        at = BEGIN + timedelta(days=day)
        events = [
            {
                "messageId": f"m-{day}-{n}",
                "timestamp": (at + timedelta(minutes=n)).isoformat(),
                "event": ("Product Viewed", "Order Completed")[n % 2],
                "context": {"user": {"id": user_of(n)}},
                "products": [{"product_id": item_of(n), "quantity": 2, "price": 3.5}],
            }
            for n in range(100)
        ]
        path = tmp_path / "log" / f"{at:%Y-%m-%d}.jsonl.gz"
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, events)).encode()))
    pl.DataFrame(
        {"product_id": [item_of(n) for n in range(43)], "title": ["a good thing"] * 43, "type": ["goods"] * 43}
    ).write_parquet(tmp_path / "items.parquet")
    found = filled(describe([*(tmp_path / "log").iterdir(), tmp_path / "items.parquet"], tmp_path), tmp_path)
    assert (found.behaviors.files, found.behaviors.format) == ("log/{day}.jsonl.gz", "jsonl")
    assert found.behaviors.columns.named() == {
        "user": "context.user.id",
        "at": "timestamp",
        "action": "event",
        "item": "products[].product_id",
        "quantity": "products[].quantity",
        "amount": "products[].price",
        "event 0": "messageId",
    }
    assert (found.items.files, found.items.format, found.items.columns.path) == ("items.parquet", "parquet", ("type",))


def test_parquet_and_its_types(tmp_path: Path) -> None:
    count = range(ROWS)
    frame = pl.DataFrame(
        {
            "event_time": [BEGIN.replace(tzinfo=None) + timedelta(minutes=n) for n in count],
            "event_type": [("view", "cart", "purchase")[n % 3] for n in count],
            "product_id": [1_000 + n % 37 for n in count],
            "category_code": [f"house.garden{n % 37 % 5}" for n in count],
            "user_id": [int(user_of(n)) for n in count],
            "nested": [{"a": 1}] * ROWS,
        }
    )
    frame.write_parquet(tmp_path / "all.parquet")
    text = describe([tmp_path / "all.parquet"], tmp_path)
    found = filled(text, tmp_path, text='"category_code"', time_zone='"UTC"')
    assert found.behaviors.columns.named() == {
        "user": "user_id",
        "at": "event_time",
        "action": "event_type",
        "item": "product_id",
    }
    # The log itself says what its items are.
    assert (found.items.files, found.items.columns.item, found.items.columns.path) == (
        "all.parquet",
        "product_id",
        ("category_code",),
    )
    assert found.items.path_separator == "."


def test_what_cannot_be_guessed_is_asked_for_by_its_line(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("".join(f"{user_of(n)},{n % 37 + 100},0{n % 9 + 1}/0{n % 7 + 1}/2024 10:00\n" for n in range(ROWS)))
    text = describe([log], tmp_path)
    asked = dict(told.split(": ", 1) for _, told in lines_to_fill(text))
    assert set(asked) == {"fixed_action", "time_format", "time_zone", "user", "item", "files", "format", "text", "path"}
    assert asked["time_format"].startswith("%d/%m/%Y %H:%M or %m/%d/%Y %H:%M")
    assert asked["user"] == "the column of it: column_1 (61 different) or column_2 (37 different)"
    path = tmp_path / "my.toml"
    path.write_text(text)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith("time_format"))
    with pytest.raises(ConfigurationError, match=rf"is not filled in.*line {line}, time_format: %d/%m") as refused:
        load_description(path)
    assert "my.toml" in str(refused.value)


def raw_ids() -> set[str]:
    return {user_of(n) for n in range(ROWS)} | {item_of(n) for n in range(ROWS)}


def without_header(path: Path) -> Sequence[Path]:
    path.write_text("".join(f"{user_of(n)},{item_of(n)},{1709251200 + n * 60}\n" for n in range(ROWS)))
    return [path]


def names_without_header(path: Path) -> Sequence[Path]:
    names = [f"user{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60)]
    path.write_text("".join(f"{names[n % 60]},item{chr(97 + n % 24)},view\n" for n in range(ROWS)))
    return [path]


def ids_as_keys(path: Path) -> Sequence[Path]:
    events = ({"at": "2024-03-01T00:00:00Z", "seen": {f"u{user_of(n)}": 1}, "user": user_of(n)} for n in range(ROWS))
    path.write_text("\n".join(map(json.dumps, events)))
    return [path]


def words_that_never_recur(path: Path) -> Sequence[Path]:
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}" for n in range(ROWS)]
    path.write_text("".join(f"user{word},item{word},zone{word}\n" for word in words))
    return [path]


def few_ids_as_keys(path: Path) -> Sequence[Path]:
    events = ({"at": "2024-03-01T00:00:00Z", "seen": {f"u{user_of(n % 6)}": 1}, "user": "x"} for n in range(ROWS))
    path.write_text("\n".join(map(json.dumps, events)))
    return [path]


def names_as_keys(path: Path) -> Sequence[Path]:
    names = [f"user{chr(97 + n)}{chr(97 + n)}" for n in range(12)]
    events = ({"at": "2024-03-01T00:00:00Z", names[n % 12]: {"seen": 1}, "user": "x"} for n in range(ROWS))
    path.write_text("\n".join(map(json.dumps, events)))
    return [path]


def an_id_as_a_kind(path: Path) -> Sequence[Path]:
    kinds = ["view", "purchase", user_of(1), "ann.smith@mail", "b 7000009"]
    lines = [
        f"{user_of(n)},{item_of(n)},{kinds[0 if n % 10 else n // 10 % 5]},2024-03-01T00:00:00Z" for n in range(ROWS)
    ]
    path.write_text("\n".join(["user_id,item_id,event_type,time", *lines]))
    return [path]


@pytest.mark.parametrize(
    "of",
    [
        without_header,
        names_without_header,
        words_that_never_recur,
        ids_as_keys,
        few_ids_as_keys,
        names_as_keys,
        an_id_as_a_kind,
    ],
)
def test_no_id_is_shown(of: Callable[[Path], Sequence[Path]], tmp_path: Path) -> None:
    text = describe(of(tmp_path / "log"), tmp_path)
    assert not [one for one in raw_ids() if one in text]
    assert "useraa" not in text
    assert "itema" not in text
    assert "@" not in text


def test_a_large_file_is_not_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.describing.samples.BYTES_AT_A_PLACE", 2_000)
    log = tmp_path / "log.csv"
    rows = [f"{user_of(n)},{item_of(n)},{1709251200 + n * 60},purchase" for n in range(20_000)]
    log.write_text("\n".join(["user,sku,ts,action", *rows]))
    text = describe([log], tmp_path)
    assert "sampled: its beginning, middle and end" in text
    # From the first minute to the last one.
    assert "2024-03-01 to 2024-03-14 in the sample" in text


def test_what_is_no_log_ends_in_a_sentence(tmp_path: Path) -> None:
    for name, content in {
        "empty": b"",
        "prose": b"one line of text\nand another\n",
        "picture": bytes(range(256)) * 9 + b"\0\0\0",
        "torn": b"PAR1" + b"x" * 90,
        "packed": b"\x1f\x8b" + b"x" * 90,
        "header": b"user,item,time\n",
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=name):
            describe([path], tmp_path)


def test_a_header_is_one_only_where_that_is_certain() -> None:
    rows = [["17", "a b", "2024-01-01"]] * 3
    assert has_header([["user", "title", "day"], *rows])
    assert has_header([["Kunden Id", "titel", "zeit"], ["17", "x", "9"], ["18", "y", "10"]])
    assert not has_header(rows)
    assert not has_header([["ann", "gloves", "vienna"], ["ben", "hats", "graz"]])
    assert not has_header([["user", "item", "view"], ["user", "thing", "view"]])


@pytest.mark.parametrize(
    ("values", "unit", "formats"),
    [
        (["1709251200", "1709337600"], "seconds", ()),
        (["1709251200123456"], "microseconds", ()),
        (["2024-03-01 10:00:00+01:00"], None, ()),
        (["25/03/2024 10:00", "01/02/2024 10:00"], None, ("%d/%m/%Y %H:%M",)),
        (["03/25/2024 10:00:01"], None, ("%m/%d/%Y %H:%M:%S",)),
        (["01-Jan-1996", "24-Dec-1997"], None, ("%d-%b-%Y",)),
    ],
)
def test_times_are_recognised(values: list[str], unit: str | None, formats: tuple[str, ...]) -> None:
    found = Profile("x", values).time
    assert found
    assert (found.unit, found.formats, found.share) == (unit, formats, 1.0)


@pytest.mark.parametrize("values", [["20240301", "20240302"], ["4006381333931"], ["12", "7"], ["ann", "ben"]])
def test_ids_are_no_times(values: list[str]) -> None:
    assert Profile("x", values).time is None
