"""Whatever bytes a file has: no traceback, what comes in comes out somewhere, and good lines beside bad ones land."""

from __future__ import annotations

import tempfile
import tomllib
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import CommandError, ConfigurationError, DataError
from spark_jobs.describe import describe
from spark_jobs.landing.pseudonyms import pseudonym
from spark_jobs.landing.sources.description import load_description
from tests.spark_jobs.shop import FORMATS, GOOD, KEY, Shop, text

FEW = settings(max_examples=20, deadline=None)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "encoding": st.sampled_from(["utf-16", "latin-1", "shift-jis", "utf-32-be"]),
        "quoted_lines": st.integers(2, 5),
        "escape": st.just("\\"),
        "compression": st.sampled_from(["gz", "zst"]),
        "new_columns": st.sampled_from(["carry", "refuse"]),
        "header": st.just(list(GOOD)),
    },
)
BAD_LINE = st.one_of(
    st.binary(max_size=60).filter(lambda line: not {*b"\r\n"} & {*line}),
    st.text(st.sampled_from('",\\{}[]:01aN.- \tu'), max_size=60).map(str.encode),
)


def land(kind: str, content: bytes, **fields: Any) -> list[str]:
    """Users of the behaviors; ``Shop.land`` holds the sum of what becomes of rows against what came in."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), kind, fields)
        shop.write(content)
        return [row["user_id"] for row in shop.land().behaviors]


@pytest.mark.parametrize("kind", FORMATS)
def test_random_bytes_end_in_a_sentence_or_in_rows(kind: str) -> None:
    @FEW
    @given(content=st.binary(max_size=300), fields=SAID)
    def holds(content: bytes, fields: dict[str, Any]) -> None:
        with suppress(CommandError):
            land(kind, content, **fields)

    holds()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_good_file_with_bytes_changed_does_too(kind: str) -> None:
    good = text(kind, [{**GOOD, "user": name} for name in ("ann", "ben", "carl")])

    @FEW
    @given(place=st.integers(0, len(good) - 1), put=st.binary(max_size=8), gone=st.integers(0, 8))
    def holds(place: int, put: bytes, gone: int) -> None:
        with suppress(CommandError):
            land(kind, good[:place] + put + good[place + gone :])

    holds()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_good_lines_always_land(kind: str) -> None:
    first, *rest = text(kind, [{**GOOD, "user": name} for name in ("ann", "ben", "carl")]).splitlines()
    users = {pseudonym(KEY, name) for name in ("ann", "ben", "carl")}

    @FEW
    @given(bad=st.lists(BAD_LINE, min_size=len(rest), max_size=len(rest)), escape=st.sampled_from(["", "\\"]))
    def holds(bad: list[bytes], escape: str) -> None:
        lines = [line for pair in zip(bad, rest, strict=True) for line in pair]
        assert users <= set(land(kind, b"\n".join([first, *lines]), escape=escape))

    holds()


WORD = st.text(max_size=20)
# Values of a column by its type in Parquet.
TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (pl.String, WORD),
    (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    (pl.UInt8, st.integers(0, 255)),
    (pl.Float64, st.floats()),
    (pl.Float32, st.floats(width=32)),
    (pl.Boolean, st.booleans()),
    (pl.Binary, st.binary(max_size=8)),
    (pl.Date, st.dates(date(1, 1, 1), date(9999, 12, 31))),
    (pl.Datetime("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))),
    (pl.Datetime("ms", "Asia/Tokyo"), st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1))),
    (pl.Duration("us"), st.timedeltas()),
    (pl.Time, st.times()),
    (pl.Decimal(38, 6), st.decimals(-(10**9), 10**9, places=6)),
    (pl.Categorical, WORD),
    (pl.List(pl.Int64), st.lists(st.integers(0, 9), max_size=3)),
    (pl.Null, st.none()),
]
COLUMN = st.sampled_from(TYPES).flatmap(
    lambda kind: st.tuples(st.just(kind[0]), st.lists(st.none() | kind[1], min_size=3, max_size=3))
)


def test_parquet_of_any_types_ends_in_a_sentence_or_in_rows() -> None:
    @FEW
    @given(changed=st.dictionaries(st.sampled_from(list(GOOD)), COLUMN, min_size=1, max_size=3))
    def holds(changed: dict[str, tuple[Any, list[Any]]]) -> None:
        columns = {name: pl.Series(name, [value] * 3, pl.String) for name, value in GOOD.items()}
        columns |= {name: pl.Series(name, values, kind, strict=False) for name, (kind, values) in changed.items()}
        with tempfile.TemporaryDirectory() as folder, suppress(DataError):
            shop = Shop(Path(folder), "parquet")
            pl.DataFrame(columns).write_parquet(shop.write(b""))
            assert shop.land().rows_in == 3

    holds()


def test_good_rows_of_parquet_land_beside_any_others() -> None:
    @FEW
    @given(bad=st.lists(st.dictionaries(st.sampled_from(list(GOOD)), st.none() | WORD), min_size=1, max_size=4))
    def holds(bad: list[dict[str, Any]]) -> None:
        good = [{**GOOD, "user": name} for name in ("ann", "ben")]
        rows = [dict.fromkeys(GOOD) | row for row in (good[0], *bad, good[1])]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(GOOD, pl.String))
        with tempfile.TemporaryDirectory() as folder:
            shop = Shop(Path(folder), "parquet")
            frame.write_parquet(shop.write(b""))
            users = {row["user_id"] for row in shop.land().behaviors}
        assert {pseudonym(KEY, "ann"), pseudonym(KEY, "ben")} <= users

    holds()


def described(content: bytes) -> None:
    """A description is TOML that can be loaded, but for what is asked for; or a sentence says why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "log").write_bytes(content)
        with suppress(DataError):
            text = describe([Path(folder) / "log"], Path(folder))
            tomllib.loads(text)
            (Path(folder) / "my.toml").write_text(text)
            with pytest.raises(ConfigurationError, match="is not filled in"):
                load_description(Path(folder) / "my.toml")


def test_random_bytes_are_described_or_refused() -> None:
    FEW(given(content=st.binary(max_size=300) | WORD.map(str.encode))(described))()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_mutated_good_file_is_described_or_refused(kind: str) -> None:
    good = text(kind, [{**GOOD, "user": str(n), "session": str(n // 3)} for n in range(40)])

    @FEW
    @given(place=st.integers(0, len(good) - 1), put=st.binary(max_size=8), gone=st.integers(0, 60))
    def holds(place: int, put: bytes, gone: int) -> None:
        described(good[:place] + put + good[place + gone :])

    holds()
