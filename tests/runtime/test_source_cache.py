"""What was read of source files is kept, and never stands for another file, rule or state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime import imports, source_cache
from runtime.source_cache import SourceCache, key_of


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceCache:
    """A cache of our own, and no memory of the process."""
    own = SourceCache(tmp_path / "var" / "sources.json")
    monkeypatch.setattr(source_cache, "KEPT", own)
    imports._source.cache_clear()
    return own


def read(folder: Path, content: str) -> imports.Source:
    file = folder / "step.py"
    file.write_text(content)
    return imports.source(file, "room.step")


def test_what_is_kept_equals_what_is_parsed(kept: SourceCache, tmp_path: Path) -> None:
    content = '"""Says what."""\nfrom room import other\n\nrows = other.count(1)  # how many\n'
    parsed = read(tmp_path, content)
    kept.save()
    imports._source.cache_clear()
    again = SourceCache(tmp_path / "var" / "sources.json")
    assert again.find(key_of(content.encode(), "room.step", False)) == (parsed.digest, sorted(parsed.imports))
    assert read(tmp_path, content) == parsed == imports.parse(content.encode(), "room.step", False)


def test_nothing_is_parsed_twice(kept: SourceCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(tmp_path, "rows = 1\n")
    imports._source.cache_clear()
    monkeypatch.setattr(imports, "parse", lambda *_: pytest.fail("parsed again"))
    assert read(tmp_path, "rows = 1\n") == first


def test_a_changed_statement_is_seen_though_the_file_was_kept(kept: SourceCache, tmp_path: Path) -> None:
    before = read(tmp_path, "rows = 1\n")
    assert read(tmp_path, "rows = 2\n").digest != before.digest
    # The comment is another content, so another entry, and the same digest.
    assert read(tmp_path, "rows = 1  # one\n").digest == before.digest


def test_a_key_names_all_that_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = {
        key_of(b"rows = 1", "room.step", False),
        key_of(b"rows = 2", "room.step", False),
        key_of(b"rows = 1", "room.other", False),
        key_of(b"rows = 1", "room.step", True),
    }
    other_rules = tmp_path / "imports.py"
    other_rules.write_text("other rules")
    monkeypatch.setattr(source_cache, "RULES", other_rules)
    source_cache._rules.cache_clear()
    keys.add(key_of(b"rows = 1", "room.step", False))
    source_cache._rules.cache_clear()
    assert len(keys) == 5


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": {"digest": 1, "imports": []}}', '{"key": null}'])
def test_a_damaged_cache_is_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sources.json"
    path.write_text(content)
    damaged = SourceCache(path)
    assert damaged.find("key") is None
    damaged.add("key", "digest", ["os"])
    damaged.save()
    assert SourceCache(path).find("key") == ("digest", ["os"])


def test_a_folder_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    refused = SourceCache(tmp_path / "var" / "sources.json")
    refused.add("key", "digest", [])
    refused.save()
    assert refused.find("key") == ("digest", [])


def test_entries_of_long_ago_are_let_go(tmp_path: Path) -> None:
    path = tmp_path / "sources.json"
    full = {str(number): {"digest": "d", "imports": []} for number in range(source_cache.MOST)}
    path.write_text(json.dumps(full))
    assert SourceCache(path).entries == {}
    full.popitem()
    path.write_text(json.dumps(full))
    assert len(SourceCache(path).entries) == source_cache.MOST - 1
