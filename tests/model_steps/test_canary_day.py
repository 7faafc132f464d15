"""A day that two releases serve: inferred, audited, published, compared with outcomes, taken back. Real tables."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evaluation.compare_canary import canary_of, compare_day
from lake import champion, roll_back
from lake.audit import audit
from lake.delta import audits, tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.publish_day import DAY_TABLES, publish_day
from lake.registry import canary, champions
from lake.registry.canary import Canary
from lake.registry.champions import Terms
from lake.store.location import Lake
from model_steps import infer, release
from model_steps.agents import outputs
from model_steps.inferring import work as shard_work
from model_steps.serving.sides import name_of_day
from runtime.errors import DataError, InfrastructureError, SourceMissing, UsageError
from schemas import behaviors, contexts, failures, intents, items, personas, signals
from schemas.registry import TABLES
from settings import Settings
from tests.evaluation.conftest import _behaviors, put
from tests.model_steps.test_personas import Ranks
from tests.model_steps.test_real_model import DAY, USERS, fill

# By the record 2 of a log u3 is the canary's, u1 and u2 are not.
SHARE, OWN = 0.3, "u3"
SHARDS = ("1/2", "canary-2/2")


class Killed(Ranks):
    """Dies at a call."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def generate(self, requests: Any) -> Any:
        self.calls -= 1
        if self.calls < 0:
            raise InfrastructureError("The engine was killed.")
        return super().generate(requests)


@dataclass(frozen=True)
class Shop:
    """A small day's lake on which a canary begins."""

    lake: Lake
    settings: Settings
    docs: Path
    who: Canary

    def infer(self, shard: str, who: Canary | None, start: Any = None, **asked: Any) -> dict[str, Any]:
        start = start or Ranks()
        return infer.infer(self.lake, DAY, shard, self.settings, users=0, start=start, canary=who, **asked)

    def refresh(self, who: Canary | None, shards: Sequence[str]) -> dict[str, Any]:
        """Infer, audit and publish a day, as the tasks of a refresh do."""
        paths = [path for shard in shards for path in self.infer(shard, who)["batches"]]
        if paths:
            self.publish(paths)
        release = champions.log_of(self.lake)[-1].release
        return publish_day(self.lake, DAY, release, {}, canary=who)

    def publish(self, paths: Sequence[str]) -> None:
        batches = [Batch.load(self.lake, path) for path in paths]
        audit(self.lake, batches, self.docs)
        publish(self.lake, batches)

    def served(self) -> dict[str, set[str]]:
        """Releases of each user's intents and personas, as published."""
        found: dict[str, set[str]] = {}
        for table in (intents.TABLE, personas.TABLE):
            for row in tables.read(self.lake, table, DAY, columns=["user_id", "release"]).to_pylist():
                found.setdefault(row["user_id"], set()).add(row["release"])
        return found


@pytest.fixture(scope="module")
def built(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake with nothing inferred, which nobody changes."""
    folder = tmp_path_factory.mktemp("canary")
    lake = Lake.open(folder / "lake")
    fill(lake)
    for table in DAY_TABLES:
        if table not in (contexts.TABLE, signals.TABLE, intents.TABLE, personas.TABLE, failures.TABLE):
            put(lake, table, {DAY: table.file_schema.empty_table()})
    first, _ = champions.take(lake, settings.lake.first_release)
    made = release.make(folder, None)
    champions.promote(lake, folder / made.name, "better", kind="override", canary=Terms(2, SHARE))
    assert first.release != made.name
    return lake


@pytest.fixture
def shop(built: Lake, settings: Settings, tmp_path: Path) -> Shop:
    """A copy of it for one test."""
    shutil.copytree(built.root, tmp_path / "lake")
    lake = Lake.open(tmp_path / "lake")
    wanted = {"asking": "ranked", "representation": "text", "ranked_tags": 6, "chunk_users": 1}
    inference = settings.inference.model_copy(update=wanted)
    shape = settings.examples.model_copy(update={"personas": 2, "categories": 3})
    ranked = settings.model_copy(update={"inference": inference, "examples": shape})
    return Shop(lake, ranked, tmp_path / "docs", canary.of_record(champions.log_of(lake), 2))


def test_a_canary_is_published_compared_and_taken_back(shop: Shop) -> None:
    asked = champion.main(argparse.Namespace(lake=shop.lake.root, day=DAY))
    assert asked["canary"] == shop.who.document()
    manifest = shop.refresh(shop.who, SHARDS)
    assert manifest["canary"] == shop.who.document()
    assert shop.served() == {user: {shop.who.release if user == OWN else shop.who.beside} for user in USERS}
    figures = manifest["figures"]
    assert (figures["canary.users"], figures["beside.users"]) == (1, 2)
    assert figures["canary.tags_per_user"] == figures["beside.tags_per_user"] == shop.settings.inference.tags

    with pytest.raises(SourceMissing, match="wait until 2017-11-01 is landed"):
        compare_day(shop.lake, DAY, None)
    tags = tables.read(shop.lake, intents.TABLE, DAY, columns=["user_id", "category"]).to_pylist()
    hit = {row["user_id"]: row["category"] for row in tags}
    bought = [(user, "2017-11-01T10:00", "purchase", hit[user]) for user in ("u1", "u3")]
    bought += [("u1", "2017-11-01T11:00", "purchase", "never said"), ("u2", "2017-11-02T11:00", "search", hit["u2"])]
    catalog = [
        {
            "item_id": name,
            "entity_id": name,
            "text": name,
            "category": name,
            "category_path": f"a > {name}",
            "brand": None,
        }
        for name in {*hit.values(), "never said"}
    ]
    put(shop.lake, items.TABLE, {"": pa.Table.from_pylist(catalog, items.TABLE.schema)})
    for day in ("2017-11-01", "2017-11-02"):
        put(shop.lake, behaviors.TABLE, {day: _behaviors([row for row in bought if row[1][:10] == day])})
    found = compare_day(shop.lake, DAY, None)
    assert (found["outcomes_from"], found["outcomes_until"], found["whole_window"]) == (
        "2017-11-01",
        "2017-11-03",
        False,
    )
    # u2 bought nothing, so nothing could be found.
    assert (found["users"], found["paired"]) == ({"canary": 1, "beside": 1}, False)
    assert (found["recall"]["canary"]["value"], found["recall"]["beside"]["value"]) == (1.0, 0.5)
    assert found["difference"] == {"value": 0.5, "low": None, "high": None}

    back = roll_back.main(argparse.Namespace(lake=shop.lake.root, reason="worse", record=2, reviewer="ben"))
    assert (back["release"], "canary" in back) == (shop.who.beside, False)
    asked = champion.main(argparse.Namespace(lake=shop.lake.root, day=DAY))
    assert (asked["release"], "canary" in asked) == (shop.who.beside, False)
    assert "canary" not in shop.refresh(None, ["1/1"])
    assert shop.served() == {user: {shop.who.beside} for user in USERS}
    with pytest.raises(UsageError, match="was served by one release"):
        canary_of(shop.lake, DAY)


def test_a_killed_shard_and_a_run_again_give_the_same(shop: Shop, tmp_path: Path) -> None:
    undisturbed = replace(shop, lake=Lake.open(shutil.copytree(shop.lake.root, tmp_path / "undisturbed")))
    with pytest.raises(InfrastructureError):
        shop.infer(SHARDS[0], shop.who, Killed(1))
    staged = [shop.infer(shard, shop.who)["batches"] for shard in reversed(SHARDS)]
    assert staged[1] == undisturbed.infer(SHARDS[0], shop.who)["batches"]
    batches = [Batch.load(shop.lake, path) for paths in staged for path in paths]
    for batch in batches:
        audits.record(shop.lake, batch, {"success": True, "co_audited": audits.co_audited(batches)[batch.digest]})
    publish(shop.lake, batches)
    again = shop.infer(SHARDS[1], shop.who)
    assert (again["reused"], again["batches"]) == (True, [])


def test_with_a_change_of_either_release_all_of_the_day_is_due(shop: Shop) -> None:
    works = [
        shard_work.Work.of(infer.STEP, shop.lake, DAY, shard, shop.settings, 0, None, shop.who) for shard in SHARDS
    ]
    assert [(work.release.name, work.manifest()["side"]) for work in works] == [
        (shop.who.beside, "beside"),
        (shop.who.release, "canary"),
    ]
    (name,) = {work.name for work in works}
    others = [["a", "other"], ["other", "b"], ["a", "b"]]
    named = [name_of_day(infer.STEP, DAY, names, shop.who) for names in others]
    of_more = name_of_day(infer.STEP, DAY, others[-1], replace(shop.who, share=0.31))
    assert len({name, *named, of_more}) == 5


def test_without_a_canary_the_work_is_named_as_before(shop: Shop) -> None:
    work = shard_work.Work.of(infer.STEP, shop.lake, DAY, "1/1", shop.settings, 0, None)
    asked = (work.settings, sorted(USERS), 1, work.release, work.categories_digest)
    assert work.name == shard_work.name_of_work(infer.STEP, shop.lake, DAY, *asked)
    assert (work.manifest()["shard"], "side" in work.manifest()) == ("1/1", False)


def test_a_user_served_by_the_wrong_release_fails_the_audit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the canary's shard asks the release beside it."""
    split = shard_work.sides_of

    def mistaken(*asked: Any) -> Any:
        return tuple(replace(side, release=shop.who.beside) for side in split(*asked))

    monkeypatch.setattr(shard_work, "sides_of", mistaken)
    paths = [path for shard in SHARDS for path in shop.infer(shard, shop.who)["batches"]]
    with pytest.raises(DataError, match=r"nothing may be published: intents 2017-10-31 broke users_of_another_release"):
        shop.publish(paths)
    assert tables.version(shop.lake, intents.TABLE) is None


def test_a_user_whom_a_wrong_side_does_is_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the split of the users is another record's, by which all three are beside the canary."""
    split = shard_work.sides_of

    def mistaken(users: Sequence[str], shards: int, release: str, who: Canary) -> Any:
        return split(users, shards, release, replace(who, record=4, share=0.2))

    monkeypatch.setattr(shard_work, "sides_of", mistaken)
    found = Batch.load(shop.lake, shop.infer(SHARDS[0], shop.who)["batches"][0]).partitions[0].metrics
    assert (found["users_in"], found["users_of_another_release"]) == (3, 1)


@pytest.mark.parametrize(
    ("shard", "named", "sentence"),
    [
        ("2/2", True, "The shard '2/2' is 'canary-2/2' here"),
        ("canary-1/2", True, "The shard 'canary-1/2' is '1/2' here"),
        ("canary-1/1", False, "The shard 'canary-1/1' is '1/1' here"),
        ("1/1", True, "ask for 2 at least"),
        ("canary-0/2", True, "is no shard"),
    ],
)
def test_a_shard_is_named_by_its_side(shop: Shop, shard: str, named: bool, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        shop.infer(shard, shop.who if named else None)


def test_the_audit_wants_the_count_of_every_shard() -> None:
    rule = next(rule for rule in TABLES["intents"].batch_rules if rule.metric == "users_of_another_release")
    assert (rule.minimum, rule.maximum, rule.value({})) == (0, 0, None)
    assert outputs.TABLES[0] is intents.TABLE
