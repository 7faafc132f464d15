"""Bytes and small documents in a lake."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.errors import ConfigurationError, InfrastructureError
from lake import objects
from lake.location import Lake


def test_a_relative_lake_is_below_the_repository(tmp_path: Path) -> None:
    assert Lake.open("var/lake").root == str(Path(__file__).resolve().parents[2] / "var/lake")
    assert Lake.open(tmp_path).root == str(tmp_path)
    assert Lake.open(f"file://{tmp_path}").root == str(tmp_path)
    assert Lake.open("s3://bucket/prefix/").root == "s3://bucket/prefix"
    assert Lake.open("s3://bucket/prefix").s3_address("a/b") == {"Bucket": "bucket", "Key": "prefix/a/b"}
    assert Lake.open("s3://bucket").s3_address("a/b") == {"Bucket": "bucket", "Key": "a/b"}


def test_an_unknown_scheme_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="neither a folder nor s3://"):
        Lake.open("gs://bucket/prefix")


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
