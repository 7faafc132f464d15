"""Files as shops write them: every line is read as it is meant, or told by its number; none takes others with it."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.registry.evaluation_file import read_rule
from runtime.errors import ConfigurationError, DataError
from settings import SourceSettings
from spark_jobs.landing.pseudonyms import pseudonym
from spark_jobs.landing.rejected_rows import hidden
from spark_jobs.landing.sources import open_source, text_lines
from spark_jobs.landing.sources.places import files_of
from tests.spark_jobs.shop import DAY, FORMATS, GOOD, KEY, NAMES, Shop, text

TEXT_FORMATS = ("csv", "jsonl")


def search(user: str, words: str, **changes: Any) -> dict[str, Any]:
    return {**GOOD, "user": user, "action": "search", "item": None, "query": words, "quantity": None, **changes}


def users(shop: Shop) -> list[str | None]:
    return [row["user"] for row in shop.raw()]


# -- encodings and marks


def written(kind: str, rows: list[dict[str, Any]], encoding: str) -> bytes:
    if kind == "csv":
        return text(kind, rows).decode().encode(encoding)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(encoding)


@pytest.mark.parametrize("kind", TEXT_FORMATS)
@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "jürgen 玉"),
        ("utf-8-sig", "jürgen"),
        ("utf-16", "jürgen 玉"),
        ("utf-16-le", "ołga"),
        ("utf-16-be", "ołga"),
        ("utf-32", "ołga"),
        ("latin-1", "jürgen"),
        ("cp1252", "œuvre"),
        ("cp1250", "ołga"),
        ("koi8-r", "ольга"),
        ("shift-jis", "表玉"),
        ("gb18030", "玉"),
    ],
)
def test_a_declared_encoding_is_read(tmp_path: Path, kind: str, encoding: str, name: str) -> None:
    shop = Shop(tmp_path, kind, {"encoding": encoding})
    shop.write(written(kind, [{**GOOD, "user": name}, {**GOOD, "user": "ann"}], encoding))
    assert users(shop) == [name, "ann"]
    assert shop.land().rules == {}


@pytest.mark.parametrize("kind", TEXT_FORMATS)
@pytest.mark.parametrize(("encoding", "names"), [("latin-1", "jürgen jörgen"), ("cp1250", "ołga oąga")])
def test_bytes_of_another_encoding_make_a_row_unreadable_and_no_two_customers_one(
    tmp_path: Path, kind: str, encoding: str, names: str
) -> None:
    shop = Shop(tmp_path, kind)
    rows = [{**GOOD, "user": name} for name in ("ann", *names.split(), "ben")]
    path = shop.write(written(kind, rows, encoding), f"{DAY}.{kind}")
    landed = shop.land()
    assert sorted(row["user_id"] for row in landed.behaviors) == sorted(pseudonym(KEY, name) for name in ("ann", "ben"))
    assert landed.rules == {"unreadable": 2}
    first = 3 if kind == "csv" else 2
    told = [row["problem"] for row in shop.raw() if row["problem"]]
    assert told == [f"line {number} of {path.name} has a byte that is no utf-8" for number in (first, first + 1)]


def test_a_broken_character_of_two_bytes_takes_its_own_line_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path, fields={"encoding": "utf-16-le"})
    good = text("csv", [{**GOOD, "user": "ann"}, {**GOOD, "user": "X"}, {**GOOD, "user": "ben"}]).decode()
    shop.write(good.encode("utf-16-le").replace("X".encode("utf-16-le"), b"\x00\xd8"))
    assert users(shop) == ["ann", None, "ben"]
    assert shop.land().rules == {"unreadable": 1}


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_a_file_that_begins_as_another_encoding_is_refused_with_what_to_say(tmp_path: Path, kind: str) -> None:
    for encoding, sentence in (("utf-16", 'set encoding = "utf-16"'), ("utf-16-le", "it may be utf-16-le")):
        shop = Shop(tmp_path, kind)
        path = shop.write(written(kind, [GOOD], encoding))
        with pytest.raises(DataError, match=sentence) as caught:
            shop.raw()
        assert str(path) in str(caught.value)


def test_marks_and_blanks_are_no_part_of_a_name(tmp_path: Path) -> None:
    shop = Shop(tmp_path, items=b"\xef\xbb\xbf sku , title,type \n1,gloves,gloves\n")
    header = ",".join(f" {name} " for name in NAMES)
    shop.write(b"\xef\xbb\xbf" + text("csv", [GOOD]).replace(",".join(NAMES).encode(), header.encode()))
    assert shop.land().rules == {}
    description = tmp_path / "source.toml"
    description.write_bytes(b"\xef\xbb\xbf" + description.read_bytes())
    assert open_source(SourceSettings(name=str(description))).name == "shop"
    evaluation = tmp_path / "evaluation.toml"
    evaluation.write_bytes(b"\xef\xbb\xbfdays = [2017-09-06]\n")
    assert read_rule(SourceSettings(name=str(description))).days == ("2017-09-06",)


# -- CSV


def test_an_unclosed_quote_takes_no_other_row_with_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    rows = [search("ann", '"warm boots'), search("ben", '5"'), search("carl", '"a ""b"" c"'), search("dora", "x")]
    shop.write(text("csv", rows), f"{DAY}.csv")
    assert [(row["user"], row["query"], row["problem"]) for row in shop.raw()] == [
        (None, None, f"line 2 of {DAY}.csv begins a quoted field that does not end on it"),
        ("ben", '5"', None),
        ("carl", 'a "b" c', None),
        ("dora", "x", None),
    ]


@pytest.mark.parametrize("words", ['"a"b', '"a" ', '"a"",b'])
def test_what_follows_a_quoted_field_is_told(tmp_path: Path, words: str) -> None:
    shop = Shop(tmp_path)
    shop.write(text("csv", [search("ann", words), search("ben", "x")]))
    assert users(shop) == [None, "ben"]
    assert shop.land().rules == {"unreadable": 1}


def test_a_quoted_field_spans_as_many_lines_as_the_description_says(tmp_path: Path) -> None:
    shop = Shop(tmp_path, fields={"quoted_lines": 3})
    unclosed = '"one\ntwo\nthree\nfour"'
    rows = [search("ann", '"a\nb\nc"'), search("ben", unclosed), search("carl", "x"), search("dora", '"end')]
    shop.write(text("csv", rows))
    raw = shop.raw()
    assert [(row["user"], row["query"]) for row in raw if not row["problem"]] == [("ann", "a\nb\nc"), ("carl", "x")]
    # Ben's four lines, one by one, and Dora's.
    assert sum(row["problem"] is not None for row in raw) == 5
    assert shop.land().rules == {"unreadable": 5}


def test_delimiters_quotes_and_escapes_as_declared(tmp_path: Path) -> None:
    for fields, delimiter, words, read in (
        ({"delimiter": "\t"}, "\t", "a,b", "a,b"),
        ({"delimiter": ";", "quote": "'"}, ";", "'a;b'", "a;b"),
        ({"delimiter": "|", "quote": ""}, "|", '"a', '"a'),
        ({"escape": "\\"}, ",", "a\\, b", "a, b"),
        ({"escape": "\\"}, ",", '"a \\"b\\" c"', 'a "b" c'),
        ({"delimiter": "::", "quote": ""}, "::", "a:b", "a:b"),
        ({"delimiter": "\x01", "quote": ""}, "\x01", "a", "a"),
    ):
        shop = Shop(tmp_path, fields=fields)
        shop.write(text("csv", [search("ann", words)], delimiter=delimiter))
        (row,) = shop.raw()
        assert (row["user"], row["query"], row["problem"]) == ("ann", read, None)


def test_columns_by_position(tmp_path: Path) -> None:
    """As MovieLens has them: user, item, stars, epoch seconds, between tabs."""
    shop = Shop(tmp_path, fields={"delimiter": "\t", "header": ["who", "what", "stars", "when"], "quote": ""})
    shop.fields |= {"fixed_action": "view", "known_columns": ["stars"], "new_columns": "refuse"}
    shop.columns = {"user": "who", "item": "what", "at": "when"}
    shop.write(b"196\t1\t3\t1509526800\n186\t007\t3\t1509526801\n22\t1\t1509526802\n")
    landed = shop.land()
    assert sorted(row["item_id"] for row in landed.behaviors) == ["007", "1"]
    assert landed.rules == {"unreadable": 1}


def test_a_tab_is_a_field_even_where_all_are_empty(tmp_path: Path) -> None:
    shop = Shop(tmp_path, fields={"delimiter": "\t"})
    shop.write(text("csv", [GOOD], delimiter="\t") + b"\t\t\t\t\t\t\t\n\n   \n")
    assert shop.land().rules == {"missing_user": 1, "unreadable": 1}


def test_line_ends_of_every_kind(tmp_path: Path) -> None:
    content = text("csv", [{**GOOD, "user": name} for name in ("ann", "ben")])
    for end in (b"\r\n", b"\r", b"\n"):
        shop = Shop(tmp_path)
        shop.write(content.replace(b"\n", end)[: -len(end)])
        assert users(shop) == ["ann", "ben"]


def test_a_column_that_is_there_twice_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write(text("csv", [GOOD], (*NAMES, "user")))
    with pytest.raises(DataError, match="has the column user of behaviors twice"):
        shop.raw()
    shop.write(b"x,x," + text("csv", [GOOD]).replace(b"\n", b"\n1,2,", 1))
    assert users(shop) == ["ann"]


@pytest.mark.parametrize("kind", FORMATS)
def test_null_spellings_as_declared(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path, kind, {"nulls": ["\\N", "-"]})
    rows = [{**GOOD, "quantity": "\\N", "amount": " - "}, search("ben", "x", quantity="-"), {**GOOD, "user": "-"}]
    shop.write(text(kind, rows))
    landed = shop.land()
    assert {(row["quantity"], row["amount"]) for row in landed.behaviors} == {(1, None), (1, 9.5)}
    assert (landed.rules, landed.anonymous) == ({}, 1)
    shop.fields = {}
    assert shop.land().rules == {"unreadable": 2}


def test_an_escaped_null_is_one(tmp_path: Path) -> None:
    shop = Shop(tmp_path, fields={"escape": "\\", "nulls": ["\\N"]})
    shop.write(text("csv", [search("\\N", "a"), search("ann", "\\N \\Now", quantity="\\N"), {**GOOD, "item": "\\N"}]))
    assert [(row["user"], row["query"], row["item"]) for row in shop.raw()] == [
        (None, "a", None),
        ("ann", "N Now", None),
        ("ann", None, None),
    ]
    assert shop.land().anonymous == 1


# -- long, deep and odd lines


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_a_line_that_is_too_long_is_told_and_read_past(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1_000)
    shop = Shop(tmp_path, kind)
    rows = [search("ann", "x"), search("ben", "y" * 5_000), search("carl", "z")]
    shop.write(text(kind, rows), DAY)
    assert users(shop) == ["ann", None, "carl"]
    number = 3 if kind == "csv" else 2
    assert shop.raw()[1]["problem"] == f"line {number} of {DAY} is longer than 1,000 characters"


def test_every_odd_line_of_json_has_an_outcome(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "jsonl", {"new_columns": "carry"})
    good = json.dumps(GOOD)
    deep = "[" * 100_000 + "]" * 100_000
    lines = [
        good,
        good + good.replace("ann", "ben") + " " + good.replace("ann", "carl"),
        good + "[1]",
        good[:-1] + f', "deep": {deep}}}',
        good[:-1] + ', "number": ' + "9" * 5_000 + "}",
        good.replace('"ann"', '"\\ud83d"'),
        good[:-1] + ', "half": "\\ud83d", "\\ude00": 1}',
        good.replace('"9.5"', "1e999999999999999999999"),
        good.replace("ann", "dora")[:-1] + ', "nested": [1, {"a": 0.5}]}',
        '"ann"',
        "null",
        "   ",
        "{}",
    ]
    shop.write("\n".join(lines).encode())
    landed = shop.land()
    assert landed.rows_in == 14
    assert landed.rules == {"duplicate": 2, "unreadable": 7, "missing_user": 1}
    assert sorted(row["user_id"] for row in landed.behaviors) == sorted(
        pseudonym(KEY, name) for name in ("ann", "ben", "carl", "dora")
    )
    carried = [json.loads(row["extra"] or "{}").get("nested") for row in landed.behaviors]
    assert [each for each in carried if each] == [hidden(KEY, '[1, {"a": 0.5}]')]


def test_a_file_of_nothing_but_broken_lines_is_told_line_by_line(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "jsonl")
    shop.write(b"{broken\n\xff\xfe\xfd\n")
    assert shop.land().rules == {"unreadable": 2}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_quiet_days_file_of_no_bytes_has_no_rows(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path, kind, {"new_columns": "refuse"})
    shop.write(b"")
    assert shop.land().rows_in == 0


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_may_be_optional_and_a_needed_one_still_stops(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path, kind, {"optional_columns": ["quantity", "session"]})
    without = {name: value for name, value in GOOD.items() if name not in ("quantity", "session")}
    shop.write(text(kind, [without], tuple(without)))
    assert [(row["quantity"], row["session_id"]) for row in shop.land().behaviors] == [(1, None)]
    nobody = {name: value for name, value in GOOD.items() if name != "user"}
    shop.write(text(kind, [nobody], tuple(nobody)))
    with pytest.raises(DataError, match="lacks the column user of behaviors"):
        shop.raw()


# -- nested JSON


def event(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    rest = {"device": {"user": {"id": 7}}, "time": 1_509_526_800, "name": "purchase", "ecommerce": {"items": [*items]}}
    return {**rest, **changes}


def nested(folder: Path) -> Shop:
    shop = Shop(folder, "jsonl", {"new_columns": "refuse"})
    shop.columns = {"user": "device.user.id", "at": "time", "action": "name", "query": "params.term"}
    shop.columns |= {"item": "ecommerce.items[].id", "quantity": "ecommerce.items[].count"}
    return shop


def test_every_element_of_a_nested_event_is_a_row(tmp_path: Path) -> None:
    shop = nested(tmp_path)
    events = [
        event({"id": 1, "count": 2}, {"id": "007", "count": 1.5}, {"id": "99"}),
        event(name="search", params={"term": "gloves"}),
        event(),
        event(ecommerce=None, time=1_509_526_801),
        event(ecommerce={"items": {"id": "1"}}, time=1_509_526_802),
        event("1", device="phone"),  # type: ignore[arg-type]
    ]
    shop.write("".join(json.dumps(one) + "\n" for one in events).encode())
    landed = shop.land()
    assert landed.rows_in == 8
    assert landed.rules == {"unknown_item": 1, "empty": 2, "missing_user": 1}
    assert {row["user_id"] for row in landed.behaviors} == {pseudonym(KEY, "7")}
    told = [(row["item_id"] or "", row["quantity"], str(row["measure"] or "")[:3]) for row in landed.behaviors]
    assert sorted(told, key=str) == [
        ("", 1, ""),
        ("007", None, "1.5"),
        ("1", 1, ""),
        ("1", 2, ""),
    ]


def test_a_key_that_is_called_like_a_path_is_meant_as_it_stands(tmp_path: Path) -> None:
    shop = nested(tmp_path)
    shop.columns["user"] = "user.id"
    shop.write(json.dumps({**event({"id": "1"}, device=None), "user.id": "ann"}).encode())
    shop.fields = {"known_columns": ["device"]}
    assert users(shop) == ["ann"]


@pytest.mark.parametrize(
    ("columns", "kind", "sentence"),
    [
        ({"quantity": "other[].count"}, "jsonl", "elements of one list"),
        ({"item": "a[].b[].c", "quantity": "q"}, "jsonl", "elements of one list"),
        ({}, "csv", "of other formats than csv"),
    ],
)
def test_paths_that_make_no_rows_are_refused(tmp_path: Path, columns: dict[str, str], kind: str, sentence: str) -> None:
    shop = nested(tmp_path)
    shop.format, shop.columns = kind, {**shop.columns, **columns}
    with pytest.raises(ConfigurationError, match=sentence):
        shop.source()


# -- places and compression


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_compressed_by_name_or_declared(tmp_path: Path, kind: str) -> None:
    content = text(kind, [{**GOOD, "user": "ann"}, {**GOOD, "user": "ben"}])
    half = content.index(b"\n") + 3
    packed = {
        "gz": gzip.compress(content[:half]) + gzip.compress(content[half:]),
        "zst": pa.compress(content, codec="zstd", asbytes=True),
    }
    for ending, packing in packed.items():
        by_name = Shop(tmp_path / f"{ending} by name", kind)
        by_name.write(packing, f"{DAY}.{kind}.{ending}")
        declared = Shop(tmp_path / f"{ending} declared", kind, {"compression": ending})
        declared.write(packing)
        assert users(by_name) == users(declared) == ["ann", "ben"]
        source, day = by_name.source(), date.fromisoformat(DAY)
        assert source.rows(source.parts(day, day)[0]) >= 2
        cut = Shop(tmp_path / f"{ending} cut", kind)
        path = cut.write(packing[: len(packing) * 2 // 3], f"{DAY}.{ending}")
        with pytest.raises(DataError, match="cannot be decompressed") as caught:
            cut.raw()
        assert str(path) in str(caught.value)


def test_what_lies_beside_deliveries_is_none(tmp_path: Path) -> None:
    content = text("csv", [GOOD])
    for name in ("a.csv", "b.csv.tmp", ".c.csv", "_SUCCESS", ".d.csv.crc", "e.csv~", "_temporary/f.csv", "deep/g.csv"):
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    log = tmp_path / "log"

    def found(pattern: str) -> list[str]:
        return [str(Path(str(path)).relative_to(log)) for path in files_of(tmp_path, pattern)]

    assert found("log/*.csv*") == ["a.csv"]
    assert found("log/**/*.csv") == found("log") == found(str(log / "**" / "*")) == ["a.csv", "deep/g.csv"]
    assert found(str(log / "?.csv")) == ["a.csv"]
    assert found("log/_SUCCESS") == ["_SUCCESS"]
    assert found("log/_temporary/*.csv") == ["_temporary/f.csv"]
    assert found("log/.c*") == [".c.csv"]
    assert found("none/*") == found("log/none.csv") == []


@pytest.mark.parametrize("kind", FORMATS)
def test_a_folder_of_parts_is_a_delivery(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path, kind, files=str(tmp_path / "log" / "{day}.dir"))
    for number, user in enumerate(("ann", "ben")):
        shop.write(text(kind, [{**GOOD, "user": user}]), f"{DAY}.dir/part-{number}")
    shop.write(b"", f"{DAY}.dir/_SUCCESS")
    shop.write(b"\0\0", f"{DAY}.dir/.part-0.crc")
    assert users(shop) == ["ann", "ben"]
    assert shop.source().half(date.fromisoformat(DAY)) is None


@pytest.mark.parametrize("kind", FORMATS)
def test_a_folders_name_gives_a_column(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path, kind, files="log/day={day}/*/*")
    without = {name: value for name, value in GOOD.items() if name != "action"}
    for action in ("purchase", "add%20to%20cart", "__HIVE_DEFAULT_PARTITION__"):
        shop.write(text(kind, [without], tuple(without)), f"day={DAY}/action={action}/part-0")
    actions = [row["action"] for row in shop.raw()]
    assert sorted(actions, key=str) == [None, "add to cart", "purchase"]


# -- descriptions


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"encoding": "klingon"}, "'klingon' is no encoding of text"),
        ({"encoding": "rot13"}, "'rot13' is no encoding of text"),
        ({"encoding": "base64"}, "'base64' is no encoding of text"),
        ({"delimiter": ""}, "behaviors.delimiter"),
        ({"delimiter": '"'}, "must differ"),
        ({"delimiter": "||"}, "a delimiter of several signs"),
        ({"delimiter": "\n"}, "a line end cannot be"),
        ({"quote": "''"}, "behaviors.quote"),
        ({"decimal": ",", "thousands": ","}, "thousands is empty, a space, or one of"),
        ({"thousands": "x"}, "thousands is empty"),
        ({"header": ["a", "a"]}, "names a column twice"),
        ({"quoted_lines": 0}, "behaviors.quoted_lines"),
        ({"compression": "rar"}, "behaviors.compression"),
    ],
)
def test_a_form_that_cannot_be_is_refused(tmp_path: Path, fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        Shop(tmp_path, fields=fields).source()


def test_broken_rows_of_the_catalog_are_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path, items=b"sku,title,type\n1,gloves,gloves\n1.5E+20,boots,boots\n3,b\xfcrste,b\n4\n")
    rows = shop.source().items().to_pylist()
    assert [row["item"] for row in rows if row["problem"] is None] == ["1"]
    problems = [row["problem"] for row in rows if row["problem"] is not None]
    assert len(problems) == 3
    assert all("of items.csv" in problem for problem in problems)


def test_a_carried_value_stands_beside_its_own_row(tmp_path: Path) -> None:
    for kind in FORMATS:
        shop = Shop(tmp_path, kind, {"new_columns": "carry"})
        rows = [{**GOOD, "user": name, "mood": f"of {name}"} for name in ("ann", "ben")]
        shop.write(text(kind, rows, (*NAMES, "mood")))
        assert [json.loads(row["extra"])["mood"] for row in shop.raw()] == ["of ann", "of ben"]


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    content = text("parquet", [GOOD] * 50)
    middle = bytearray(content)
    middle[60:90] = b"\xff" * 30
    for damaged in (content[:-10], b"PAR1", bytes(middle), b"time,user\n"):
        shop = Shop(tmp_path, "parquet")
        path = shop.write(damaged)
        with pytest.raises(DataError, match="cannot be read as parquet") as caught:
            shop.raw()
        assert str(path) in str(caught.value)
