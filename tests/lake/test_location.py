"""Bytes and small documents in a lake."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from lake.store import objects
from lake.store.bucket import Bucket
from lake.store.location import Lake
from runtime.atomic import TEMPORARY
from runtime.errors import ConfigurationError, InfrastructureError


def test_a_relative_lake_is_below_the_repository(tmp_path: Path) -> None:
    assert Lake.open("var/lake").root == str(Path(__file__).resolve().parents[2] / "var/lake")
    assert Lake.open(tmp_path).root == str(tmp_path)
    assert Lake.open(f"file://{tmp_path}").root == str(tmp_path)
    assert Lake.open("s3://bucket/prefix/").root == "s3://bucket/prefix"
    assert Bucket("s3://bucket/prefix").address("a/b") == {"Bucket": "bucket", "Key": "prefix/a/b"}
    assert Bucket("s3://bucket").address("a/b") == {"Bucket": "bucket", "Key": "a/b"}


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("gs://bucket/prefix", "neither a folder nor s3://"),
        ("s3a://bucket/prefix", "neither a folder nor s3://"),
        ("s3:///prefix", "names no bucket"),
        ("s3://", "names no bucket"),
    ],
)
def test_an_address_that_is_none_is_refused_in_a_sentence(address: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        Lake.open(address)


@pytest.mark.parametrize("address", ["ftp://host", "localhost:9000", "https://host/path", "http://"])
def test_an_endpoint_that_is_none_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(ConfigurationError, match=f"AWS_ENDPOINT_URL is '{address}': write it as"):
        Lake.open("s3://bucket/prefix").read("a")


def test_a_lake_travels_by_its_address(lake: Lake) -> None:
    lake.write("a", b"one")
    assert pickle.loads(pickle.dumps(lake)).read("a") == b"one"


def test_files_are_as_readable_as_their_folder(lake: Lake) -> None:
    """Another user's engine reads the tables, too: the log's mode is the data's."""
    previous = os.umask(0o027)
    try:
        lake.write("a", b"")
        lake.write_if_absent("b", b"")
    finally:
        os.umask(previous)
    assert [Path(lake.root, name).stat().st_mode & 0o777 for name in ("a", "b")] == [0o640, 0o640]


def test_bytes_are_written_whole_and_replaced(lake: Lake) -> None:
    assert lake.read("a/b.bin") is None
    assert lake.size("a/b.bin") is None
    lake.write("a/b.bin", b"one")
    lake.write("a/b.bin", b"three")
    assert lake.read("a/b.bin") == b"three"
    assert lake.size("a/b.bin") == 5
    assert [path.name for path in Path(lake.root, "a").iterdir()] == ["b.bin"]


def test_listing_is_sorted_and_below_the_prefix(lake: Lake) -> None:
    for path in ("b/2", "b/1", "b/deep/3", "c/4"):
        lake.write(path, b"")
    assert list(lake.list("b")) == ["b/1", "b/2", "b/deep/3"]
    assert list(lake.list("nothing")) == []
    lake.delete("b/1")
    lake.delete("b/1")
    assert list(lake.list("b")) == ["b/2", "b/deep/3"]


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(lake: Lake) -> None:
    lake.write("file", b"")
    with pytest.raises(InfrastructureError, match=r"Cannot write .*file/below"):
        lake.write("file/below", b"")


def test_what_a_killed_writer_left_is_no_document(lake: Lake) -> None:
    objects.put(lake, "_log/1.json", {})
    Path(lake.root, f"_log/{TEMPORARY}1-a").write_bytes(b"{")
    assert list(lake.list("_log")) == ["_log/1.json"]
    assert [file.path for file in lake.files()] == [f"_log/{TEMPORARY}1-a", "_log/1.json"]


def test_a_document_comes_back_as_it_was(lake: Lake) -> None:
    document = {"name": "ä", "values": [1, 2.5, None, True]}
    assert objects.get(lake, "_log/1.json") is None
    objects.put(lake, "_log/1.json", document)
    assert objects.get(lake, "_log/1.json") == document


def test_a_document_that_is_there_is_not_replaced(lake: Lake) -> None:
    assert objects.put_if_absent(lake, "_log/1.json", {"writer": 1})
    assert not objects.put_if_absent(lake, "_log/1.json", {"writer": 2})
    assert objects.get(lake, "_log/1.json") == {"writer": 1}
    assert list(lake.list("_log")) == ["_log/1.json"]
