"""The audit with the real Great Expectations: verdicts, Data Docs, what is kept and what is not done twice."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.audit import audit
from lake.delta import audits, tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import DataError, Exit, InfrastructureError, SourceMissing
from schemas import behaviors, intents, rejected_behaviors, rollups
from schemas.registry import TABLES

DAY, NEXT = "2017-11-01", "2017-11-02"
NOBODY = {"rows_anonymous": 0, "rows_ignored": 0, "rows_anonymous_allowed": 0, "rows_duplicate": 0}
GOOD = {"rows_in": 100, "rows_rejected": 98, "rows_outside_day": 0, **NOBODY}

MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]
RunModule = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return tmp_path / "data docs"


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "intentflow")


def actions(*users: str) -> pa.Table:
    at = datetime(2017, 11, 1, 12, tzinfo=UTC)
    rows = [
        {"user_id": user, "at": at, "action": "purchase", "entity_id": "milk", "item_id": "1", "quantity": 1}
        for user in users
    ]
    return pa.Table.from_pylist(rows, schema=behaviors.TABLE.file_schema)


def rejected(**fields: object) -> pa.Table:
    row = {"rule": "unknown_item", "user_id": "anna-secret", "row": json.dumps(fields), "copies": 4}
    return pa.Table.from_pylist([row], schema=rejected_behaviors.TABLE.file_schema)


def read(docs: Path, page: str) -> str:
    return (docs / page).read_text(encoding="utf-8")


def shown(page: str) -> str:
    """A page's text without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])))


def test_a_batch_that_passes_may_be_published(
    lake: Lake, docs: Path, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    batch = make_batch({DAY: rollup_rows("anna", "bert"), NEXT: rollup_rows()})
    manifest = audit(lake, [batch], docs)

    (record,) = manifest["tables"]
    assert (record["table"], record["partitions"], record["rows"]) == ("rollups", 2, 2)
    assert (record["expectations"], record["failed"], record["reused"]) == (6, 0, False)
    assert manifest["data_docs"] == str(docs)
    assert manifest["batches"] == [batch.path]
    json.dumps(manifest)

    page = shown(read(docs, record["data_docs"]))
    assert "rollups · 2017-11-01 to 2017-11-02 (2 partitions)" in page
    assert "2 rows in 2 partitions; every rule holds" in page
    assert rollups.TABLE.batch_rules[0].why in page
    assert rollups.TABLE.meaning in page
    assert batch.path in page
    index = read(docs, "index.html")
    assert record["data_docs"] in index
    assert "1 validations are kept, 0 of them failed" in shown(index)
    assert "Every reliable behavior is counted once." in shown(read(docs, "expectations/rollups.html"))

    publish(lake, [batch])
    assert tables.read(lake, rollups.TABLE)["user_id"].to_pylist() == ["anna", "bert"]


def test_pages_need_nothing_from_the_network(
    lake: Lake, docs: Path, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    audit(lake, [make_batch({DAY: rollup_rows("anna")})], docs)
    pages = list(docs.rglob("*.html"))
    assert len(pages) == 3
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "http" not in text
        assert "<script" not in text
        links = re.findall(r'href="([^"]+)"', text)
        assert all((page.parent / link).resolve().is_file() for link in links)
    assert not (docs / "static").exists()


def test_a_broken_rule_stops_the_day(
    lake: Lake, docs: Path, make_batch: MakeBatch, caplog: pytest.LogCaptureFixture
) -> None:
    landed = make_batch(
        {DAY: actions("anna", "bert")},
        table=behaviors.TABLE,
        metrics={"rows_in": 3, "rows_rejected": 1, "rows_outside_day": 1, **NOBODY},
    )
    personal = {"item": "<b>7</b>", "quantity": -2, "query": "secret wish", "session": "s-17", "at": "2017-11-01"}
    beside = make_batch({DAY: rejected(**personal)}, table=rejected_behaviors.TABLE, metrics={})
    with pytest.raises(DataError) as failed:
        audit(lake, [landed, beside], docs)

    sentence = str(failed.value)
    assert "behaviors 2017-11-01 broke rejected_share, rows_outside_day" in sentence
    page = Path(sentence.partition("(see ")[2].removesuffix(")."))
    assert page.is_file()
    assert "is 0.333333, must be at most 0.1. More than a tenth" in caplog.text
    assert "rows_outside_day is 1, must be exactly 0" in caplog.text
    assert "Rejected, for example: 2017-11-01 unknown_item x4: at=2017-11-01, item=<b>7</b>, quantity=-2" in caplog.text

    verdict = audits.verdict(lake, landed)
    assert verdict
    assert verdict["success"] is False
    assert len(verdict["failed"]) == 2
    assert (docs / verdict["data_docs"]) == page
    assert verdict["rejected_rows"] == ["2017-11-01 unknown_item x4: at=2017-11-01, item=<b>7</b>, quantity=-2"]
    assert audits.verdict(lake, beside)["success"] is True  # type: ignore[index]
    with pytest.raises(DataError, match="no passed audit"):
        publish(lake, [landed, beside])

    text = page.read_text(encoding="utf-8")
    assert "2 rules broken in 1 partition, so nothing is published" in shown(text)
    assert "&lt;b&gt;7&lt;/b&gt;" in text
    everything = text + json.dumps(verdict) + caplog.text
    assert not [secret for secret in ("anna-secret", "secret wish", "s-17", "<b>7") if secret in text]
    assert "anna-secret" not in everything
    assert "secret wish" not in everything


def test_a_missing_count_is_a_failure(lake: Lake, docs: Path, make_batch: MakeBatch) -> None:
    incomplete = {name: count for name, count in GOOD.items() if name != "rows_outside_day"}
    batch = make_batch({DAY: actions("anna", "bert")}, table=behaviors.TABLE, metrics=incomplete)
    with pytest.raises(DataError, match="broke rejected_share, rows_outside_day"):
        audit(lake, [batch], docs)
    verdict = audits.verdict(lake, batch)
    assert verdict
    assert any("rows_outside_day is unknown, for not every batch" in sentence for sentence in verdict["failed"])
    assert "unknown" in shown(read(docs, verdict["data_docs"]))


def test_a_failure_names_its_partition_and_spares_other_batches(
    lake: Lake, docs: Path, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    good = make_batch({DAY: rollup_rows("anna")})
    bad = make_batch({NEXT: rollup_rows("bert")}, metrics={"lost_behaviors": 2})
    with pytest.raises(DataError, match="lost_behaviors"):
        audit(lake, [good, bad], docs)
    assert audits.verdict(lake, good)["failed"] == []  # type: ignore[index]
    (sentence,) = audits.verdict(lake, bad)["failed"]  # type: ignore[index]
    assert sentence.startswith("2017-11-02: lost_behaviors is 2, must be exactly 0.")
    publish(lake, [good])
    assert list(tables.published_days(lake, rollups.TABLE)) == [DAY]


def test_shards_are_judged_by_their_sum(lake: Lake, docs: Path, make_batch: MakeBatch) -> None:
    empty = intents.TABLE.file_schema.empty_table()

    def shard(number: int, failed: int, users: int) -> Batch:
        counts = {
            "users_in": users,
            "users_published": users - failed,
            "users_failed": failed,
            "users_without_evidence": 0,
            "users_with_wrong_tags": 0,
            "users_of_another_release": 0,
            "tags": 0,
        }
        return make_batch(
            {DAY: empty}, table=intents.TABLE, metrics=counts, first_file=number, fingerprint=f"s{number}"
        )

    unlucky, lucky = shard(0, 1, 2), shard(1, 0, 18)
    with pytest.raises(DataError, match="failed_share"):
        audit(lake, [unlucky], docs)
    manifest = audit(lake, [unlucky, lucky], docs)
    assert manifest["tables"][0]["failed"] == 0
    publish(lake, [lucky, unlucky])
    with pytest.raises(DataError):
        publish(lake, [lucky])


def test_equal_evidence_is_not_judged_again(
    lake: Lake,
    docs: Path,
    make_batch: MakeBatch,
    rollup_rows: RollupRows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = make_batch({DAY: rollup_rows("anna")})
    first = audit(lake, [batch], docs)
    monkeypatch.setitem(sys.modules, "lake.auditing.validation", None)  # Its import would fail now.
    again = audit(lake, [batch, batch], docs)
    assert again["reused"] == 1
    assert again["tables"][0]["reused"] is True
    assert again["tables"][0]["data_docs"] == first["tables"][0]["data_docs"]

    lake.delete(f"rollups/{batch.partitions[0].files[0].path}")
    with pytest.raises(ImportError):
        audit(lake, [batch], docs)


def test_a_failed_batch_is_judged_again(lake: Lake, docs: Path, make_batch: MakeBatch, rollup_rows: RollupRows) -> None:
    batch = make_batch({DAY: rollup_rows("anna")}, metrics={})
    for _attempt in range(2):
        with pytest.raises(DataError):
            audit(lake, [batch], docs)
    assert "2 validations are kept, 2 of them failed" in shown(read(docs, "index.html"))


def test_the_site_keeps_the_newest_validations_of_each_table(
    lake: Lake,
    docs: Path,
    make_batch: MakeBatch,
    rollup_rows: RollupRows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lake.auditing import validation

    monkeypatch.setattr(validation, "KEPT_VALIDATIONS", 3)
    for number in range(5):
        audit(lake, [make_batch({DAY: rollup_rows(f"user{number}")})], docs)
    audit(lake, [make_batch({DAY: actions()}, table=behaviors.TABLE, metrics=dict.fromkeys(GOOD, 0))], docs)
    assert len(list(docs.glob("validations/rollups/*/*/*.html"))) == 3
    assert len(list(docs.glob("validations/rollups/*"))) == 3
    assert len(list(docs.glob(".results/validations/rollups/*/*/*.json"))) == 3
    index = read(docs, "index.html")
    assert "4 validations are kept" in shown(index)
    links = re.findall(r'href="([^"]+)"', index)
    assert len(links) == 6
    assert all((docs / link).is_file() for link in links)


def test_hundreds_of_partitions_are_one_validation(
    lake: Lake, docs: Path, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    days = [f"2017-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 26)]
    batch = make_batch({day: rollup_rows("anna") for day in days})
    record: dict[str, Any] = audit(lake, [batch], docs)["tables"][0]
    assert (record["partitions"], record["expectations"]) == (300, 6)
    page = shown(read(docs, record["data_docs"]))
    assert "300 rows in 300 partitions" in page
    assert "200 further partitions are not listed" in page


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_can_be_audited(lake: Lake, docs: Path, make_batch: MakeBatch, name: str) -> None:
    """All counts 0 on an empty partition: a table that cannot pass then must say so by a rule of its own."""
    table = TABLES[name]
    counts = {count for rule in table.batch_rules for count in rule.counts}
    values = " ".join(DAY if column == "day" else "step" for column in table.partition_by)
    batch = make_batch({values: table.file_schema.empty_table()}, table=table, metrics=dict.fromkeys(counts, 0))
    floor = sorted(rule.metric for rule in table.batch_rules if (rule.minimum or 0) > 0)
    if floor:
        with pytest.raises(DataError, match=", ".join(floor)):
            audit(lake, [batch], docs)
    else:
        assert audit(lake, [batch], docs)["tables"][0]["failed"] == 0


def test_the_command_tells_the_shell(
    lake: Lake, docs: Path, make_batch: MakeBatch, rollup_rows: RollupRows, run_module: RunModule
) -> None:
    good = make_batch({DAY: rollup_rows("anna")})
    bad = make_batch({NEXT: rollup_rows("bert")}, metrics={"lost_behaviors": 1})
    place = ("--lake", lake.root, "--data-docs", docs)

    ended = run_module("lake.audit", *place, "--batch", good.path, "--batch", bad.path)
    assert ended.returncode == Exit.DATA
    announced, why, where = ended.stderr.splitlines()
    assert "Auditing rollups 2017-11-01 to 2017-11-02 (2 partitions)" in announced
    assert "ERROR rollups 2017-11-02: lost_behaviors is 1, must be exactly 0." in why
    assert str(docs) in where
    assert ended.stdout == ""

    # Each batch has a verdict of its own. Judged in other surroundings, the good one is judged anew.
    ended = run_module("lake.audit", *place, "--batch", good.path)
    assert ended.returncode == Exit.OK, ended.stderr
    (last_line,) = ended.stdout.splitlines()
    assert json.loads(last_line)["tables"][0]["failed"] == 0
    ended = run_module("lake.publish", "--lake", lake.root, "--batch", good.path)
    assert ended.returncode == Exit.OK, ended.stderr
    assert json.loads(ended.stdout)["published"][0]["rows"] == 1

    ended = run_module("lake.audit", *place, "--batch", "_batches/rollups/none.json")
    assert ended.returncode == Exit.NO_INPUT
    assert "There is no batch _batches/rollups/none.json" in ended.stderr
    assert run_module("lake.audit").returncode == Exit.USAGE


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(
    lake: Lake, docs: Path, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    docs.write_text("in the way")
    with pytest.raises(InfrastructureError, match=r"Data Docs in .* cannot be written: .*--data-docs"):
        audit(lake, [make_batch({DAY: rollup_rows("anna")})], docs)
    with pytest.raises(SourceMissing):
        Batch.load(lake, "_batches/none")
