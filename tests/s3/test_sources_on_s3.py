"""A log in a bucket: found, waited for, read and refused as one in a folder is."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark import cloudpickle

from lake.store.bucket import Bucket
from lake.store.location import Lake
from runtime.errors import CommandError, ConfigurationError, DataError
from spark_jobs.landing.sources import stored_files
from spark_jobs.landing.sources.places import files_of
from spark_jobs.landing.sources.stored_files import ObjectFile
from tests.s3.conftest import BUCKET
from tests.spark_jobs.delivering_shop import COLUMNS, DeliveringShop, landed, purchase, rejected

FIRST, SECOND = "2017-11-01", "2017-11-02"


@pytest.fixture(autouse=True)
def fresh_connections() -> Iterator[None]:
    """A process has one set of credentials; tests have several."""
    stored_files.bucket_of.cache_clear()
    yield
    stored_files.bucket_of.cache_clear()


@pytest.fixture
def log(lake: Lake) -> str:
    """A prefix of the test's own, beside its lake."""
    return f"{lake.root.removeprefix(f's3://{BUCKET}/')}-log"


@pytest.fixture
def own_lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


def put(key: str, content: bytes) -> None:
    Bucket(f"s3://{BUCKET}").write(key, content)


def csv(*rows: dict[str, Any]) -> bytes:
    lines = [",".join(COLUMNS), *(",".join(str(row.get(name, "")) for name in COLUMNS) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def shop_of(folder: Path, files: str, **fields: Any) -> DeliveringShop:
    piece_bytes = fields.pop("piece_bytes", 2**24)
    return DeliveringShop(folder, {"files": f"s3://{BUCKET}/{files}", **fields}, piece_bytes=piece_bytes)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "parquet"])
def test_every_format_lands_from_a_bucket(own_lake: Lake, tmp_path: Path, log: str, kind: str) -> None:
    rows = [purchase(f"{FIRST}T09:00:0{n}", f"user {n}") for n in range(3)]
    frame = pl.DataFrame(rows)
    content = {
        "csv": lambda: csv(*rows),
        "csv.gz": lambda: gzip.compress(csv(*rows)),
        "jsonl": lambda: frame.write_ndjson().encode(),
        "parquet": lambda: _parquet(frame, tmp_path),
    }[kind]()
    put(f"{log}/{FIRST}/part-0.{kind}", content)
    put(f"{log}/{FIRST}/_SUCCESS", b"")
    put(f"{log}/{FIRST}/part-1.{kind}.tmp", b"half")
    put(f"{log}/{SECOND}/part-0.{kind}", b"")
    shop = shop_of(tmp_path, f"{log}/{{day}}", format=kind.removesuffix(".gz"))
    manifest = shop.land(own_lake, FIRST)
    assert (manifest["rows_in"], manifest["rows"]) == (3, 3)
    assert shop.land(own_lake, FIRST)["reused_days"] == 1


def _parquet(frame: pl.DataFrame, folder: Path) -> bytes:
    frame.write_parquet(folder / "rows.parquet")
    return (folder / "rows.parquet").read_bytes()


def test_a_large_file_is_read_in_spans_that_add_up(own_lake: Lake, tmp_path: Path, log: str) -> None:
    rows = [purchase(f"{FIRST}T09:{n // 60:02}:{n % 60:02}", f"user {n}") for n in range(900)]
    lines = csv(*rows).splitlines(keepends=True)
    lines.insert(700, b"broken line\n")
    put(f"{log}/{FIRST}.csv", b"".join(lines))
    shop = shop_of(tmp_path, f"{log}/{{day}}.csv", piece_bytes=5_000)
    source, day = shop.source(), date.fromisoformat(FIRST)
    parts = source.parts(day, day)
    assert len(parts) > 5
    shop.land(own_lake, FIRST)
    assert len(landed(own_lake)) == 900
    assert rejected(own_lake) == {"unreadable": 1}
    # One that is replaced while it is read is not taken for what it was.
    put(f"{log}/{FIRST}.csv", b"".join(lines).replace(b"user 1,", b"user x,"))
    with pytest.raises(DataError, match=f"s3://{BUCKET}/.*csv changed while it was read"):
        [source.read(part) for part in parts]


def test_a_small_file_that_changes_while_it_is_read_is_told(tmp_path: Path, log: str) -> None:
    put(f"{log}/{FIRST}.csv", csv(purchase(f"{FIRST}T09:00:00", "ann")))
    source, day = shop_of(tmp_path, f"{log}/{{day}}.csv").source(), date.fromisoformat(FIRST)
    (part,) = source.parts(day, day)
    assert source.read(part).num_rows == 1
    put(f"{log}/{FIRST}.csv", csv(purchase(f"{FIRST}T09:00:00", "eve")))
    with pytest.raises(DataError, match="changed while it was read"):
        source.read(part)


def test_a_days_fingerprint_is_what_the_bucket_says_of_its_files(tmp_path: Path, log: str) -> None:
    first, second = (date.fromisoformat(day) for day in (FIRST, SECOND))
    shop = shop_of(tmp_path, f"{log}/{{day}}.csv")
    shop.late_days = 0
    content = csv(purchase(f"{FIRST}T09:00:00", "ann"))
    put(f"{log}/{FIRST}.csv", content)
    put(f"{log}/{SECOND}.csv", content)
    before = [shop.source().digest(day) for day in (first, second)]
    put(f"{log}/{FIRST}.csv", content)
    assert [shop.source().digest(day) for day in (first, second)] == before
    put(f"{log}/{FIRST}.csv", content.replace(b"ann", b"eve"))
    after = [shop.source().digest(day) for day in (first, second)]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_days_markers_and_corrections(own_lake: Lake, tmp_path: Path, log: str) -> None:
    prefix = f"s3://{BUCKET}/{log}"
    shop = shop_of(
        tmp_path,
        f"{log}/in/{{day}}.csv",
        arrival={"marker": f"{prefix}/done/{{day}}"},
        corrections=f"{prefix}/fixed/{{day}}.v{{version}}.csv",
    )
    day = date.fromisoformat(FIRST)
    assert shop.source().lacking(day) == f"no file is there for {FIRST}"
    put(f"{log}/in/{FIRST}.csv", csv(purchase(f"{FIRST}T09:00:00", "ann")))
    assert str(shop.source().lacking(day)).startswith(f"the marker {prefix}/done/{FIRST} is not there")
    put(f"{log}/done/{FIRST}", b"")
    assert shop.source().lacking(day) is None
    assert shop.land(own_lake, FIRST)["rows"] == 1
    for version in (2, 10):
        rows = [purchase(f"{FIRST}T09:00:00", f"user {n}") for n in range(version)]
        put(f"{log}/fixed/{FIRST}.v{version}.csv", csv(*rows))
    assert day in shop.source().corrected()
    assert shop.land(own_lake, FIRST)["rows"] == 10


def test_a_file_that_changed_a_moment_ago_is_waited_for(tmp_path: Path, log: str) -> None:
    put(f"{log}/{FIRST}.csv", csv(purchase(f"{FIRST}T09:00:00", "ann")))
    source, day = shop_of(tmp_path, f"{log}/{{day}}.csv").source(), date.fromisoformat(FIRST)
    assert "has changed within 10 minutes" in str(source.lacking(day))
    put(f"{log}/{SECOND}.csv", csv(purchase(f"{SECOND}T09:00:00", "ann")))
    assert source.lacking(day) is None


def test_globs_mean_the_same_in_a_bucket_and_in_a_folder(tmp_path: Path, log: str) -> None:
    names = ["a.csv", "b.csv.tmp", ".c.csv", "_SUCCESS", "_temporary/f.csv", "deep/g.csv", "deep/er/h.csv", "a+b.csv"]
    names += ["day=2017-11-01/part-0.csv", "day=2017-11-01/_x/part-1.csv", "day=2017-11-02/part-[0].csv", "x1.csv"]
    for name in names:
        path = tmp_path / log / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")
        put(f"{log}/{name}", b"1")
    put(f"{log}/marker of a folder/", b"")
    put(f"{log}2/other.csv", b"1")
    patterns = ["", "*", "*.csv", "**/*.csv", "**/*", "deep", "deep/*", "**/h.csv", "*/*.csv", "[ax]*.csv", "[!a]*.csv"]
    patterns += ["?.csv", "a+b.csv", "day=*", "day=2017-11-01", "day=*/*.csv", "day=2017-11-0[2-9]/*", "_SUCCESS", "_*"]
    patterns += [".*", "_temporary/*", "none.csv", "d*/**/*.csv", "x[0-9].csv", "d*p"]
    for pattern in patterns:
        local = files_of(tmp_path, f"{log}/{pattern}".rstrip("/"))
        there = files_of(tmp_path, f"s3://{BUCKET}/{log}/{pattern}".rstrip("/"))
        below = [str(path).removeprefix(f"{tmp_path}/") for path in local]
        assert [str(file).removeprefix(f"s3://{BUCKET}/") for file in there] == below, pattern


def test_a_column_in_a_folders_name(own_lake: Lake, tmp_path: Path, log: str) -> None:
    content = csv(purchase(f"{FIRST}T09:00:00", "ann")).replace(b"action", b"kind")
    put(f"{log}/day={FIRST}/action=purchase/part-0.csv", content)
    shop = shop_of(tmp_path, f"{log}/day={{day}}", known_columns=["kind"])
    assert shop.land(own_lake, FIRST)["rows"] == 1


# -- tables


def orders(*users: str, day: str = FIRST) -> pa.Table:
    return pa.Table.from_pylist([purchase(f"{day}T09:00:00Z", user) for user in users])


def table_options() -> dict[str, str]:
    return Bucket(f"s3://{BUCKET}").deltalake_options()


def test_a_table_in_a_bucket(own_lake: Lake, tmp_path: Path, log: str) -> None:
    table, options = f"s3://{BUCKET}/{log}/orders", table_options()
    write_deltalake(table, orders("ann"), storage_options=options, partition_by=["action"])
    shop = shop_of(tmp_path, f"{log}/orders", format="delta", arrival={"quiet_minutes": 0.0001})
    manifest = shop.land(own_lake, FIRST)
    assert (manifest["rows"], manifest["table_versions"]) == (1, {"behaviors": 0})
    write_deltalake(table, orders("ben"), mode="overwrite", storage_options=options)
    assert shop.land(own_lake, FIRST)["table_versions"] == {"behaviors": 1}
    delta = DeltaTable(table, storage_options=options)
    delta.vacuum(0, dry_run=False, enforce_retention_duration=False)
    shop.behaviors["version"] = 0
    with pytest.raises(DataError, match=r"table orders version 0 is gone .*: a vacuum removed"):
        shop.land(own_lake, FIRST)
    shop.behaviors["version"] = 9
    with pytest.raises(DataError, match=r"has no version 9"):
        shop.land(own_lake, FIRST)
    shop.behaviors |= {"version": 0, "files": f"s3://{BUCKET}/{log}/nothing"}
    with pytest.raises(CommandError, match=r"nothing has no version 0|There is no Delta table at"):
        shop.land(own_lake, FIRST)


# -- what a bucket refuses


@pytest.mark.parametrize("kind", ["csv", "delta"])
def test_credentials_and_bucket_are_told_in_a_sentence(
    tmp_path: Path, log: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    put(f"{log}/{FIRST}.csv", csv(purchase(f"{FIRST}T09:00:00", "ann")))
    day = date.fromisoformat(FIRST)
    files = f"{log}/{{day}}.csv" if kind == "csv" else log

    def sentence(files: str) -> str:
        stored_files.bucket_of.cache_clear()
        shop = DeliveringShop(tmp_path, {"files": files, "format": kind})
        with pytest.raises(ConfigurationError) as caught:
            shop.source().digest(day)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    missing = sentence(f"s3://no-such-bucket/{files}")
    assert missing.startswith("The bucket of s3://no-such-bucket")
    assert missing.endswith("does not exist: create it, or correct the address.")
    with monkeypatch.context() as changed:
        changed.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        assert "refuses these credentials" in sentence(f"s3://{BUCKET}/{files}")
        changed.delenv("AWS_SECRET_ACCESS_KEY")
        changed.delenv("AWS_ACCESS_KEY_ID")
        assert sentence(f"s3://{BUCKET}/{files}").startswith(f"No credentials for s3://{BUCKET}")


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_a_refusal_while_a_file_is_read_is_no_damage_of_it(
    tmp_path: Path, log: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    rows = csv(purchase(f"{FIRST}T09:00:00", "ann"))
    frame = pl.DataFrame([purchase(f"{FIRST}T09:00:00", "ann")])
    put(f"{log}/{FIRST}", {"csv": rows, "csv.gz": gzip.compress(rows), "parquet": _parquet(frame, tmp_path)}[kind])
    fields = {"compression": "gz"} if kind == "csv.gz" else {}
    source = shop_of(tmp_path, f"{log}/{{day}}", format=kind.removesuffix(".gz"), **fields).source()
    day = date.fromisoformat(FIRST)
    (part,) = source.parts(day, day)
    stored_files.bucket_of.cache_clear()
    found = ObjectFile.at(part[0]).found()
    monkeypatch.setattr(ObjectFile, "found", lambda self: found)
    stored_files.bucket_of.cache_clear()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(ConfigurationError, match="refuses these credentials"):
        source.read(part)


@pytest.mark.parametrize("pattern", ["s3://", "s3://bucket", "s3://bucket/", "s3://*/log.csv", "s3://b[ab]/log.csv"])
def test_what_names_no_files_in_a_bucket(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="names no files in a bucket: write it as s3://bucket/folder/"):
        files_of(tmp_path, pattern)


@pytest.mark.parametrize("kind", ["csv", "delta"])
def test_source_and_parts_travel_to_workers(tmp_path: Path, log: str, kind: str) -> None:
    if kind == "csv":
        put(f"{log}/{FIRST}.csv", csv(purchase(f"{FIRST}T09:00:00", "ann")))
        source = shop_of(tmp_path, f"{log}/{{day}}.csv").source()
    else:
        write_deltalake(f"s3://{BUCKET}/{log}/orders", orders("ann"), storage_options=table_options())
        source = shop_of(tmp_path, f"{log}/orders", format="delta").source()
    day = date.fromisoformat(FIRST)
    (part,) = source.parts(day, day)
    stored_files.bucket_of.cache_clear()
    read, told = cloudpickle.loads(cloudpickle.dumps((source.read, part)))
    assert read(told).num_rows == 1
