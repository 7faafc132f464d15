"""A small shop's lake: two published days, one that is only landed, two decisions of gates, a champion, a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from lake.delta import audits, tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch, StagedPartition, stage
from lake.publish_day import DAY_TABLES, publish_day
from lake.registry import champions, evidence, judge_records, judged_captions, judged_days, openings
from lake.registry.champions import Record
from lake.registry.evidence import Evidence
from lake.registry.judge_records import CalibrationRecord
from lake.registry.judged_captions import JudgedCaptions
from lake.registry.judged_days import JudgedDay
from lake.registry.openings import Look
from lake.store.location import Lake
from schemas import (
    behaviors,
    caption_verdicts,
    contexts,
    days,
    entities,
    explanations,
    failures,
    intents,
    items,
    personas,
    rejected_behaviors,
    rollups,
    signals,
    verdicts,
)
from schemas.table import Table
from settings import Settings

ANNA, BEN, FAILED = "a" * 16, "b" * 16, "deadbeefdeadbeef"
EARLIER, DAY, LANDED = "2017-11-01", "2017-11-02", "2017-11-03"
EVIL = "<script>alert('soup')</script>"

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Shop:
    """The lake, the settings that name it, and the names of its two decisions' evidence."""

    lake: Lake
    settings: Settings
    go: str
    no_go: str

    def replace_intents(self, day: str, user: str, tag: str) -> None:
        """Publish other intents of a day than it was published with."""
        _put(self.lake, intents.TABLE, [_tag(user, 1, tag)], "later", day=day)

    def forget(self, day: str, table: str) -> None:
        """Have a day published as if it never had a table."""
        (row,) = tables.read(self.lake, days.TABLE, day).to_pylist()
        kept = [entry for entry in row["versions"] if entry["table"] != table]
        _put(self.lake, days.TABLE, [{**row, "versions": kept}], "older", day=day)


def build(lake: Lake, settings: Settings) -> Shop:
    """Fill a lake."""
    texts = {"milk-id": "whole milk", "evil-id": EVIL}
    _put(lake, entities.TABLE, [{"entity_id": name, "text": text, "kind": "item"} for name, text in texts.items()], "e")
    of_catalog = {"entity_id": "milk-id", "category": "milk", "category_path": "dairy > milk"}
    _put(lake, items.TABLE, [{**of_catalog, "item_id": "milk-1", "text": "whole milk, 1 l"}], "i")
    first = [_tag(ANNA, 1, "soup"), _tag(ANNA, 2, "milk", near=0.75), _tag(BEN, 1, "tea"), _tag(BEN, 2, "rice")]
    second = [_tag(ANNA, 1, "soup"), _tag(ANNA, 2, EVIL, persona=EVIL), _tag(BEN, 1, "tea")]
    style = {"tone": "warm", "audience": "families", "rhetoric": "question", "feeling": "joy", "season": "autumn"}
    _put_day(
        lake,
        EARLIER,
        users=[ANNA],
        entity="milk-id",
        tags=first,
        captions=[
            _caption("milk-1", "How about whole milk this week?", style),
            _caption("gone-2", "Time for soup?", style),
        ],
        lost=[_lost(ANNA, "tea-3"), _lost(BEN, "tea-3")],
    )
    _put_day(
        lake,
        DAY,
        users=[ANNA, BEN],
        entity="evil-id",
        tags=second,
        rejected=[("absurd_quantity", 3), ("unknown_item", 1)],
        failed=[{"step": "infer", "key": FAILED, "reason": "no answer", "attempts": 2}],
        captions=[_caption("milk-1", EVIL, None, tag=EVIL)],
    )
    _put(lake, behaviors.TABLE, [_behavior(ANNA, LANDED)], "b", day=LANDED)
    _judge(lake, EARLIER)
    _judge_captions(lake, EARLIER)
    publish_day(lake, EARLIER, "experts-1", {"infer.shard.seconds": 10})
    publish_day(
        lake,
        DAY,
        "experts-2",
        {"infer.shard.seconds": 12.5, "infer.shard.users_failed": 1},
        why_unjudged="the judge failed",
    )
    return Shop(lake, settings, *_decisions(lake))


def _put(lake: Lake, table: Table, rows: Rows, fingerprint: str, **partition: str) -> None:
    """Publish rows, whatever an audit would say of them; a field that is not named is none."""
    named = table.file_schema
    whole = pa.Table.from_pylist([{name: row.get(name) for name in named.names} for row in rows], named)
    staged = stage(lake, table, whole, fingerprint=fingerprint, partition=partition)
    batch = Batch(table.name, "test", (StagedPartition(partition, fingerprint, (staged,)),))
    batch.save(lake)
    audits.record(lake, batch, {"success": True, "co_audited": [batch.digest], "failed": []})
    publish(lake, [batch])


def _put_day(
    lake: Lake,
    day: str,
    *,
    users: Sequence[str],
    entity: str,
    tags: Rows,
    rejected: Sequence[tuple[str, int]] = (),
    failed: Rows = (),
    captions: Rows = (),
    lost: Rows = (),
) -> None:
    """Publish all tables of a day but its row in ``days``.

    Args:
        captions: rows of ``explanations``. lost: rows of ``failures`` of items without one.
    """
    raw = [{"rule": rule, "user_id": ANNA, "row": '{"item": "4711"}', "copies": copies} for rule, copies in rejected]
    of_table: dict[str, Rows] = {
        behaviors.TABLE.name: [_behavior(user, day) for user in users],
        rejected_behaviors.TABLE.name: raw,
        rollups.TABLE.name: [],
        signals.TABLE.name: [],
        contexts.TABLE.name: [_context(ANNA, day, entity)],
        intents.TABLE.name: tags,
        personas.TABLE.name: _personas(tags),
        failures.TABLE.name: failed,
    }
    for table in DAY_TABLES:
        partition = {"day": day, **({"step": "infer"} if "step" in table.partition_by else {})}
        _put(lake, table, of_table[table.name], f"w{day[-2:]}", **partition)
    _put(lake, explanations.TABLE, captions, f"w{day[-2:]}", day=day)
    _put(lake, failures.TABLE, lost, f"w{day[-2:]}", day=day, step="explain")


def _behavior(user: str, day: str) -> dict[str, Any]:
    at = datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=UTC)
    return {"user_id": user, "at": at, "action": "purchase", "entity_id": "milk-id", "quantity": 1}


def _context(user: str, day: str, entity: str) -> dict[str, Any]:
    bought = {"action": "purchase", "entities": [{"entity_id": entity, "count": 2}]}
    counts = dict.fromkeys(("dropped_entries", "tokens_full_text", "tokens_text", "tokens_hybrid"), 0)
    fact = {"category": "dairy", "days": 3, "last_day": "2017-10-30", "usual_interval": 7.0, "rank": 1}
    return {
        **counts,
        "user_id": user,
        "periods": [{"period": day, "actions": [bought]}],
        "attributes": [{"name": "age", "value": "30-39"}],
        "interests": [{"category": "dairy", "count": 3}],
        "evidence": [fact],
        "events": 2,
        "active_days": 2,
        "first_day": "2017-10-30",
        "last_day": day,
        "digest": entity,
    }


def _tag(user: str, rank: int, tag: str, near: float = 1.0, persona: str = "cook") -> dict[str, Any]:
    return {
        "user_id": user,
        "rank": rank,
        "tag": tag,
        "category": tag if near == 1 else "dairy",
        "category_similarity": near,
        "persona": persona,
        "why": "Bought often.",
        "expert": 1,
        "chosen_by": "arbiter",
        "release": "experts-1",
    }


def _caption(item: str, caption: str, style: Mapping[str, str] | None, tag: str = "soup") -> dict[str, Any]:
    asked = {"way": "meta" if style else "v1", "form": "closed", "segment": "fond of soup", "attempts": 1}
    told = {"user_id": ANNA, "item_id": item, "rank": 1, "tag": tag, "similarity": 0.5, "release": "experts-1"}
    return {**told, **asked, "caption": caption, "style": style}


def _lost(user: str, item: str) -> dict[str, Any]:
    return {"step": "explain", "key": f"{user} {item}", "reason": "No caption kept the rule length.", "attempts": 3}


def _personas(tags: Rows) -> Rows:
    """One of each user, named as the user's last tag names it."""
    facts = [{"label": "dairy", "days": 3, "last": "2017-10-30"}, {"label": "tea", "actions": 7, "last": "2017-09"}]
    rest = {"expert": 1, "need": "Likely to need soup.", "evidence": facts, "release": "experts-1"}
    named = {tag["user_id"]: tag["persona"] for tag in tags}
    return [{**rest, "user_id": user, "persona": name, "tags": 2} for user, name in named.items()]


def _judge(lake: Lake, day: str) -> None:
    """Verdicts on one tag, with the note that says of which rows they are."""
    finding = {"dimension": "relevance", "label": "positive", "confidence": 0.8, "by": "model", "reason": "fits"}
    said = {"item_id": "tag-1", "user_id": ANNA, "rank": 1, "tag": "soup", "category": "soup", "tier": "S"}
    rest = {"confidence": 0.9, "findings": [finding], "flags": [], "threshold": 0.75, "judge": "judge-1"}
    _put(lake, verdicts.TABLE, [{**said, **rest, "release": "experts-1"}], "v", day=day)
    share = {"value": 0.5, "low": 0.4, "high": 0.6}
    digests = {table.name: tables.partition_digest(lake, table, day) for table in judged_days.JUDGED_FROM}
    note = JudgedDay(
        judged_days.contents_digest(digests), "judge-1", "valid", 1, 1, 0, dict.fromkeys("SAB", share), share, None, []
    )
    file = tables.published_days(lake, verdicts.TABLE)[day][0]
    judged_days.put(lake, day, file.path, note)
    judge_records.put(lake, CalibrationRecord("judge-1", "d", {"labels": "a"}, "small", day, 0.4, {}))


def _judge_captions(lake: Lake, day: str) -> None:
    """A verdict on one of two captions, by a judge whose name is no good, and the note."""
    found = [("relevance", "positive"), ("attractiveness", "negative")]
    findings = [{"dimension": name, "label": label, "confidence": 0.8, "by": "rule"} for name, label in found]
    said = {"case_id": "caption-1", "user_id": ANNA, "item_id": "milk-1", "caption": "How about whole milk this week?"}
    rest = {"tier": "B", "passes": False, "findings": findings, "threshold": 0.7, "judge": EVIL}
    _put(lake, caption_verdicts.TABLE, [{**said, **rest}], "c", day=day)
    digests = {table.name: tables.partition_digest(lake, table, day) for table in judged_captions.JUDGED_FROM}
    share = {"value": 0.25, "low": 0.1, "high": 0.4}
    note = JudgedCaptions(
        judged_captions.contents_digest(digests), "c-1", "valid", 1, 1, share, dict.fromkeys("SAB", share), (), ["!"]
    )
    file = tables.published_days(lake, caption_verdicts.TABLE)[day][0]
    judged_captions.put(lake, day, file.path, note)


def _decisions(lake: Lake) -> tuple[str, str]:
    """A GO that was promoted, and a NO-GO after it."""
    first = _check("floor", 0.3, None, 0.28, 0.32)
    sliced = {**_check("floor", 0.9, None, 0.8, 1.0), "name": "recall_at_30, activity light: floor"}
    go = _decision(lake, "experts-1", "", 0, "GO", 5, [first, sliced], "2017-11-05T00:00:00Z")
    record = Record(1, "experts-1", "GO by the policy shipped", "ci", "2017-11-06T00:00:00Z", "promote", go, "rita")
    champions.append(lake, Record(**{**vars(record), "comment": "looks right"}))
    second = _check("non-inferiority", 0.2, 0.3, -0.12, -0.08)
    no_go = _decision(lake, "experts-2", "experts-1", 1, "NO-GO", 2, [second], "2017-11-07T00:00:00Z")
    for number in range(2):
        openings.open_holdout(lake, Look(EARLIER, f"look-{number}", "experts-1", ("recall_at_30",), 10, "ci", "gate"))
    return go, no_go


def _check(kind: str, candidate: float, champion: float | None, low: float, high: float) -> dict[str, Any]:
    told = {"name": f"recall_at_30: {kind}", "kind": kind, "tier": "critical", "candidate": candidate}
    return {**told, "champion": champion, "low": low, "high": high}


def _decision(
    lake: Lake, candidate: str, champion: str, record: int, verdict: str, allowed: int, checks: Rows, at: str
) -> str:
    said = Evidence(candidate, champion, record, EARLIER, verdict, ("Because.",), "shipped", {"code": "c"}, at, "ci")
    files = {
        "decision.json": json.dumps({"checks": list(checks)}).encode(),
        "policy.yaml": f"holdout_openings: {allowed}\n".encode(),
        "report.html": b"<p>report</p>",
    }
    return evidence.put(lake, said, files).name
