"""Evidence never changes: every byte that is another, missing or new is noticed. And what it lets through."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pytest

from lake.__main__ import main
from lake.auditing.gate_report import report
from lake.registry import champions, evidence, release_checks, releases, user_results
from lake.registry.evidence import DOCUMENT, Evidence
from lake.registry.promotion import promote_reviewed
from lake.registry.release_checks import ReleaseCheck
from lake.registry.user_results import Header, UserResults
from lake.store.location import Lake
from runtime.errors import DataError, Exit, RaceLost, SourceMissing, UsageError

FILES = {"policy.yaml": b"name: x\n", "decision.json": b"{}"}


def made(candidate: str = "new", verdict: str = "GO", champion: str = "", record: int = 0) -> Evidence:
    return Evidence(
        candidate, champion, record, "2017-11-01", verdict, ("Because.",), "shipped", {"code": "c"}, "now", "me"
    )


@pytest.fixture
def candidate(lake: Lake, shipped: Path, rivals: tuple[Path, Path]) -> str:
    """A release on a lake that has a champion."""
    champions.take(lake, shipped)
    release, files = releases.load(rivals[0])
    releases.install(lake, release, files)
    return release.name


def decided(lake: Lake, candidate: str, verdict: str = "GO") -> str:
    last = champions.current(lake)
    assert last
    return evidence.put(lake, made(candidate, verdict, last.release, last.number), FILES).name


def test_what_is_kept_is_read_and_kept_once(lake: Lake) -> None:
    kept = evidence.put(lake, made(), FILES)
    assert evidence.put(lake, made(), FILES) == kept
    assert evidence.read(lake, kept.name) == (kept, FILES)
    assert evidence.names(lake) == [kept.name]
    assert evidence.put(lake, made(), {**FILES, "decision.json": b"{ }"}).name != kept.name
    with pytest.raises(ValueError, match="no name of a file"):
        evidence.put(lake, made(), {"../x": b""})
    with pytest.raises(SourceMissing, match="There is no evidence"):
        evidence.read(lake, "../_champion")


def test_every_changed_byte_is_noticed(lake: Lake) -> None:
    name = evidence.put(lake, made(), FILES).name
    for file in (*FILES, DOCUMENT):
        path = f"_evidence/{name}/{file}"
        content = lake.read(path) or b""
        for place in range(0, len(content), max(1, len(content) // 40)):
            lake.write(path, content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(DataError):
                evidence.read(lake, name)
        lake.write(path, content + b"\n")
        with pytest.raises(DataError):
            evidence.read(lake, name)
        lake.delete(path)
        with pytest.raises((DataError, SourceMissing)):
            evidence.read(lake, name)
        lake.write(path, content)
    lake.write(f"_evidence/{name}/more.html", b"<p>")
    with pytest.raises(DataError, match=r"more.html was added"):
        evidence.read(lake, name)


def test_a_go_promotes_once_and_only_over_the_champion_that_was_seen(lake: Lake, candidate: str) -> None:
    name, other = decided(lake, candidate), decided(lake, candidate, "GO ")  # equal but for a blank: no GO
    record = promote_reviewed(lake, name, "reviewer", "fine")
    assert (record.number, record.release, record.kind) == (2, candidate, "promote")
    assert (record.evidence, record.reviewer, record.comment) == (name, "reviewer", "fine")
    assert champions.current(lake) == record
    with pytest.raises(RaceLost, match="run the gate again"):
        promote_reviewed(lake, name, "reviewer")
    with pytest.raises(UsageError, match="The gate said GO "):
        promote_reviewed(lake, other, "reviewer")


def test_eight_racing_promotions_have_one_winner(lake: Lake, candidate: str) -> None:
    name = decided(lake, candidate)

    def promote(number: int) -> bool:
        try:
            return bool(promote_reviewed(lake, name, f"reviewer {number}"))
        except RaceLost:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(promote, range(8))) == 1
    assert len(champions.log_of(lake)) == 2


def test_what_did_not_go_is_promoted_by_a_reason_alone(
    lake: Lake, candidate: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = decided(lake, candidate, "NO-GO")
    for reviewer, override in (("reviewer", ""), ("reviewer", "  "), (" ", "because")):
        with pytest.raises(UsageError):
            promote_reviewed(lake, name, reviewer, override=override)
    with pytest.raises(UsageError, match="nothing to override"):
        promote_reviewed(lake, decided(lake, candidate), "reviewer", override="because")
    words = ["lake", "override", name, "--lake", lake.root, "--reason", "the shop closes", "--reviewer", "ann"]
    monkeypatch.setattr("sys.argv", words)
    assert main() == Exit.OK
    last = champions.current(lake)
    assert last
    assert (last.kind, last.reason, last.reviewer, last.evidence) == ("override", "the shop closes", "ann", name)
    monkeypatch.setattr("sys.argv", ["lake", "champions", "--lake", lake.root])
    assert main() == Exit.OK
    assert "override" in capsys.readouterr().out


def test_tampered_evidence_and_a_changed_release_promote_nobody(lake: Lake, candidate: str) -> None:
    name = decided(lake, candidate)
    lake.write(f"_evidence/{name}/decision.json", b"{ }")
    with pytest.raises(DataError, match="was changed since the gate decided"):
        promote_reviewed(lake, name, "reviewer")
    lake.write(f"_evidence/{name}/decision.json", b"{}")
    lake.write(f"_releases/{candidate}/adaptor.safetensors", b"other")
    with pytest.raises(DataError, match="restore it"):
        promote_reviewed(lake, name, "reviewer")
    assert len(champions.log_of(lake)) == 1


def test_evidence_of_another_lake_promotes_nobody(lake: Lake, candidate: str) -> None:
    name = evidence.put(lake, made(candidate, champion="somebody", record=1), FILES).name
    with pytest.raises(DataError, match="not this lake's"):
        promote_reviewed(lake, name, "reviewer")


def test_a_rollback_takes_back_what_stands(
    lake: Lake, shipped: Path, rivals: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="Nobody was champion yet"):
        champions.roll_back(lake, "why")
    first = champions.take(lake, shipped)[0].release
    with pytest.raises(UsageError, match="no champion before"):
        champions.roll_back(lake, "why")
    second, third = (champions.promote(lake, folder, "better").release for folder in rivals)
    monkeypatch.setattr("sys.argv", ["lake", "rollback", "--lake", lake.root, "--reason", "complaints"])
    assert main() == Exit.OK
    last = champions.current(lake)
    assert last
    assert (last.release, last.kind, last.reason, last.number) == (second, "rollback", "complaints", 4)
    # A second one goes further back and not forth again.
    assert champions.roll_back(lake, "more complaints").release == first
    with pytest.raises(UsageError, match="no champion before"):
        champions.roll_back(lake, "why")
    # Who asked for the rollback that somebody else made is told of that, not that there is nothing to go back to.
    with pytest.raises(RaceLost, match=r"wrote the record 5 .* decide again"):
        champions.roll_back(lake, "why", after=4)
    assert champions.promote(lake, rivals[1], "again").release == third
    with pytest.raises(RaceLost):
        champions.roll_back(lake, "on what stood before", after=5)
    lake.delete(f"_releases/{first}/release.json")
    with pytest.raises(DataError, match="is not in"):
        champions.roll_back(lake, "why")


def test_a_champion_is_found_again_past_one_that_stood_twice() -> None:
    def log(*entries: str) -> list[champions.Record]:
        kinds: dict[str, champions.Kind] = {"+": "promote", "-": "rollback"}
        return [champions.Record(n, name[1:], "", "", "", kinds[name[0]]) for n, name in enumerate(entries, start=1)]

    assert champions.before(log("+a", "+b", "+a", "+c")) == "a"
    assert champions.before(log("+a", "+b", "+a", "+c", "-a")) == "b"
    assert champions.before(log("+a", "+a")) is None


def test_records_of_before_stay_readable_and_strange_ones_do_not(lake: Lake) -> None:
    old = {"number": 1, "release": "a", "reason": "r", "by": "me", "at": "then"}
    lake.write("_champion/000001.json", json.dumps(old).encode())
    (record,) = champions.log_of(lake)
    assert (record.kind, record.evidence, record.reviewer, record.comment) == ("promote", "", "", "")
    lake.write("_champion/000002.json", json.dumps({**old, "number": 2, "kind": "coup"}).encode())
    with pytest.raises(DataError, match="'coup' is none of promote, rollback, override"):
        champions.log_of(lake)


def test_results_and_checks_that_were_changed_are_refused(lake: Lake) -> None:
    header = Header("new", "2017-11-01", "h", "o", "d", {}, {}, {"u": ["milk"]})
    results = UserResults(header, pa.table({"found": [0.5, 0.25]}))
    path = user_results.put(lake, results)
    assert user_results.put(lake, results) == path
    assert user_results.read(lake, path) == results
    lake.write(path, UserResults(header, pa.table({"found": [0.5, 0.75]})).parquet())
    with pytest.raises(DataError, match="was changed since it was written"):
        user_results.read(lake, path)
    lake.write(path, b"PAR1")
    with pytest.raises(DataError, match="holds no results"):
        user_results.read(lake, path)
    with pytest.raises(DataError, match="is not there"):
        user_results.read(lake, "_results/x.parquet")
    early, late = (
        ReleaseCheck("new", at, "2017-11-01", True, "", {}, {}, None, 1, 1, 1.0, 1.0, 1.0) for at in ("1", "2")
    )
    place = release_checks.put(lake, late)
    release_checks.put(lake, early)
    assert release_checks.newest(lake, "new") == late
    assert release_checks.newest(lake, "old") is None
    lake.write(place, json.dumps({**asdict(late), "loaded": False}).encode())
    with pytest.raises(DataError, match="was changed since it was written"):
        release_checks.newest(lake, "new")


def test_a_report_stands_alone_and_shows_strangers_words_as_text() -> None:
    check = {
        "name": "recall: floor", "tier": "critical", "state": "PASS", "kind": "floor", "why": "<b>so</b>",
        "figure": 0.5, "low": 0.25, "high": None, "limit": 0.2, "candidate": 0.5, "champion": None, "users": 7,
    }  # fmt: skip
    decision = {"why": ["<script>alert(1)</script>"], "checks": [check], "correction": "none"}
    samples = [{"user": "u1", "candidate": ["<img src=x onerror=alert(1)>"], "champion": ["milk"]}]
    page = report(made(), decision, {"a.svg": b"<svg/>"}, samples, "name: '<i>'").decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "&lt;img src=x onerror" in page
    assert "&lt;i&gt;" in page
    assert "0.5 (0.25 to no bound)" in page
    assert "data:image/svg+xml;base64,PHN2Zy8+" in page
    assert "http" not in page
