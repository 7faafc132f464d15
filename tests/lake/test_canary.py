"""A canary follows from the champion log and from published days alone; a day of it names and counts both sides."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake import champion, promote
from lake import publish_day as command
from lake.command_line.canary import show_canary
from lake.command_line.champions import list_champions
from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.delta.work import Step
from lake.publish_day import DAY_TABLES, pin_verdicts, publish_day
from lake.registry import canary, champions, evidence, judged_days, releases, sides
from lake.registry.canary import Canary, own_shards
from lake.registry.champions import Record, Terms
from lake.registry.evidence import Evidence
from lake.registry.judged_days import JUDGED_FROM, contents_digest
from lake.store.location import Lake
from runtime.errors import DataError, UsageError
from schemas import days, failures, intents, verdicts
from schemas.registry import TABLES
from schemas.table import Table
from settings import CanarySettings, Settings
from tests.lake.test_evolution import changed
from tests.lake.test_judged_days import intent, note_of, verdict

FIRST, SECOND, THIRD = "2017-11-01", "2017-11-02", "2017-11-03"
DAYS = (FIRST, SECOND, THIRD)
TERMS = Terms(2, 0.5)
# By the record 2 of a log half of the users are anna's side, the other half bert's.
ANNA, BERT, CARL = "anna", "bert", "carl"

PublishDay = Callable[..., dict[str, Any]]


@pytest.fixture
def promoted(lake: Lake, shipped: Path, rivals: tuple[Path, Path]) -> Canary:
    """A promotion with a canary of two days for half of the users."""
    champions.take(lake, shipped)
    champions.promote(lake, rivals[0], "better", kind="override", canary=TERMS)
    return canary.of_record(champions.log_of(lake), 2)


@pytest.fixture
def put(lake: Lake, make_batch: Callable[..., Batch], approve: Callable[..., list[Batch]]) -> Callable[..., Batch]:
    """Publish rows of a table's day."""

    def add(table: Table, day: str, rows: list[dict[str, Any]], fingerprint: str = "work") -> Batch:
        values = " ".join("infer" if name == "step" else day for name in table.partition_by)
        data = pa.Table.from_pylist(rows, table.file_schema)
        batch = make_batch({values: data}, table=table, fingerprint=fingerprint)
        publish(lake, approve(batch))
        return batch

    return add


@pytest.fixture
def refresh(lake: Lake, put: Callable[..., Batch]) -> PublishDay:
    """Do a day as a refresh does: ask who serves, write everybody's intents by whoever serves them, publish the day."""

    done: set[str] = set()

    def run(day: str) -> dict[str, Any]:
        log = champions.log_of(lake)
        who = canary.running(lake, log[-1], day)
        served = {user: who.release_for(user) if who else log[-1].release for user in (ANNA, BERT, CARL)}
        rows = [
            {**intent(user, tag), "rank": rank, "release": served[user]}
            for user in served
            for rank, tag in enumerate(("soup", "tea"), 1)
        ]
        lost = {"key": "dora", "reason": "no answer", "attempts": 2}
        of_table = {intents.TABLE: rows, failures.TABLE: [lost]}
        work = f"by-{len(set(served.values()))}-{log[-1].number}"
        for table in DAY_TABLES:
            if table is intents.TABLE or day not in done:
                put(table, day, of_table.get(table, []), work)
        done.add(day)
        return publish_day(lake, day, log[-1].release, {}, canary=who)

    return run


def row_of(lake: Lake, day: str) -> dict[str, Any]:
    (found,) = tables.read(lake, days.TABLE, day).to_pylist()
    found["figures"] = {figure["name"]: figure["value"] for figure in found["figures"]}
    return dict(found)


# --- the record


def test_a_record_without_a_canary_is_as_records_of_before(
    lake: Lake, shipped: Path, rivals: tuple[Path, Path]
) -> None:
    champions.take(lake, shipped)
    champions.promote(lake, rivals[0], "better", kind="override", canary=canary.planned(Settings().canary))
    assert Settings().canary.days == 0
    for number in (1, 2):
        document = json.loads(lake.read(f"_champion/{number:06}.json") or b"")
        names = ["at", "by", "comment", "evidence", "kind", "number", "reason", "release", "reviewer"]
        assert sorted(document) == names
    manifest = champion.main(argparse.Namespace(lake=lake.root, day=FIRST))
    assert manifest.keys() == {"dtype", "release", "record", "since", "first"}
    assert manifest == champion.main(argparse.Namespace(lake=lake.root, day=None))


def test_a_promotion_keeps_its_terms(lake: Lake, promoted: Canary) -> None:
    assert json.loads(lake.read("_champion/000002.json") or b"")["canary"] == {"days": 2, "share": 0.5}
    first, second = champions.log_of(lake)
    assert (first.canary, second.canary) == (None, TERMS)
    assert promoted == Canary(2, second.release, first.release, 0.5)


def test_there_is_no_canary_without_another_release_beside_it(
    lake: Lake, shipped: Path, rivals: tuple[Path, Path]
) -> None:
    assert champions.promote(lake, shipped, "first", canary=TERMS).canary is None
    assert champions.promote(lake, shipped, "the same", canary=TERMS).canary is None
    assert champions.promote(lake, rivals[0], "another", canary=TERMS).canary == TERMS


def test_what_was_approved_begins_as_a_canary_where_the_settings_say_so(
    lake: Lake, shipped: Path, rivals: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = champions.take(lake, shipped)
    release, files = releases.load(rivals[0])
    releases.install(lake, release, files)
    made = Evidence(release.name, first.release, 1, FIRST, "GO", ("Because.",), "shipped", {}, "now", "me")
    asked = {"lake": lake.root, "evidence": evidence.put(lake, made, {}).name, "reviewer": "anna", "comment": ""}
    monkeypatch.setattr(promote, "load_settings", lambda: Settings(canary=CanarySettings(days=3, share=0.2)))
    assert promote.main(argparse.Namespace(**asked))["canary"] == {"days": 3, "share": 0.2}
    assert champions.log_of(lake)[-1].canary == Terms(3, 0.2)


@pytest.mark.parametrize("terms", [{"days": 0, "share": 0.5}, {"days": 1, "share": 1}, {"days": 1}, {"share": 0.1}, 7])
def test_terms_that_are_none_are_refused(lake: Lake, terms: Any) -> None:
    record = {**Record(1, "base-0", "why", "who", "when").document(), "canary": terms}
    lake.write("_champion/000001.json", json.dumps(record).encode())
    with pytest.raises(DataError, match="is no record of the champion log"):
        champions.log_of(lake)


def test_a_record_of_no_canary_is_told(lake: Lake, promoted: Canary) -> None:
    for number in (1, 3):
        with pytest.raises(DataError, match=f"record {number} of the champion log is of no canary"):
            canary.of_record(champions.log_of(lake), number)


# --- who is served by whom


def test_a_share_of_the_users_is_drawn_anew_by_each_record() -> None:
    users = [f"user {number}" for number in range(4_000)]
    sides_of = [[Canary(record, "b", "a", 0.1).side_of(user) for user in users] for record in (2, 3)]
    shares = [side.count("canary") / len(users) for side in sides_of]
    assert shares == pytest.approx([0.1, 0.1], abs=0.02)
    both = sum(one == other == "canary" for one, other in zip(*sides_of, strict=True))
    assert both / len(users) == pytest.approx(0.01, abs=0.01)


def test_a_larger_share_keeps_the_users_of_a_smaller_one() -> None:
    users = [f"user {number}" for number in range(500)]
    few, more = ({u for u in users if Canary(2, "b", "a", share).side_of(u) == "canary"} for share in (0.1, 0.3))
    assert few < more


@pytest.mark.parametrize(
    ("share", "shards", "own"), [(0.1, 2, 1), (0.1, 30, 3), (0.5, 3, 2), (0.99, 4, 3), (0.01, 9, 1)]
)
def test_each_side_has_shards(share: float, shards: int, own: int) -> None:
    assert own_shards(share, shards) == own


def test_one_shard_is_not_two() -> None:
    with pytest.raises(UsageError, match="ask for 2 at least"):
        own_shards(0.5, 1)


# --- days


def test_a_canary_serves_as_many_published_days_as_its_terms_say(
    lake: Lake, promoted: Canary, refresh: PublishDay
) -> None:
    named = [refresh(day).get("canary") for day in (FIRST, SECOND, THIRD)]
    assert named == [promoted.document(), promoted.document(), None]
    assert canary.days_of(lake, 2) == [FIRST, SECOND]
    of_day = [
        {row["user_id"]: row["release"] for row in tables.read(lake, intents.TABLE, day).to_pylist()} for day in DAYS
    ]
    assert of_day[0] == of_day[1] == {ANNA: promoted.beside, BERT: promoted.release, CARL: of_day[0][CARL]}
    assert set(of_day[2].values()) == {promoted.release}


def test_days_done_again_in_any_order_are_as_they_were(lake: Lake, promoted: Canary, refresh: PublishDay) -> None:
    made = {day: refresh(day) for day in DAYS}
    versions = {table.name: tables.version(lake, table) for table in (intents.TABLE, days.TABLE)}
    for day in (THIRD, FIRST, SECOND, FIRST):
        again = refresh(day)
        assert again["reused"] is True
        assert {**again, "reused": False} == made[day]
    assert {table.name: tables.version(lake, table) for table in (intents.TABLE, days.TABLE)} == versions


def test_days_that_several_runs_published_at_once_stay_days_of_the_canary(
    lake: Lake, promoted: Canary, refresh: PublishDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as at_once:
        at_once.setattr(canary, "days_of", lambda *_: [])
        for day in DAYS:
            refresh(day)
    assert len(canary.days_of(lake, 2)) == 3
    for day in DAYS:
        assert refresh(day)["reused"] is True
    assert canary.running(lake, champions.current(lake), "2017-11-04") is None


def test_a_rollback_ends_it(lake: Lake, promoted: Canary, refresh: PublishDay) -> None:
    refresh(FIRST)
    champions.roll_back(lake, "worse")
    for day in (FIRST, SECOND):
        manifest = refresh(day)
        assert (manifest["release"], "canary" in manifest) == (promoted.beside, False)
        assert row_of(lake, day)["canary"] is None


def test_a_release_promoted_again_begins_again(
    lake: Lake, promoted: Canary, rivals: tuple[Path, Path], refresh: PublishDay
) -> None:
    refresh(FIRST)
    refresh(SECOND)
    champions.roll_back(lake, "worse")
    champions.promote(lake, rivals[0], "after all", kind="override", canary=TERMS)
    found = canary.running(lake, champions.current(lake), THIRD)
    assert found is not None
    assert (found.record, found.beside) == (4, promoted.beside)


def test_a_refresh_learns_of_it_once_and_only_for_a_day(lake: Lake, promoted: Canary) -> None:
    asked = champion.main(argparse.Namespace(lake=lake.root, day=FIRST))
    assert asked["canary"] == promoted.document()
    assert asked["release"] == promoted.release
    assert "canary" not in champion.main(argparse.Namespace(lake=lake.root, day=None))


def test_a_release_beside_that_is_gone_is_told_in_a_refreshs_first_task(lake: Lake, promoted: Canary) -> None:
    for path in list(lake.list(f"_releases/{promoted.beside}")):
        lake.delete(path)
    with pytest.raises(DataError, match=promoted.beside):
        champion.main(argparse.Namespace(lake=lake.root, day=FIRST))


# --- the day's row


def test_both_sides_are_counted(lake: Lake, promoted: Canary, refresh: PublishDay) -> None:
    refresh(FIRST)
    found = row_of(lake, FIRST)
    assert (found["release"], found["canary"]) == (promoted.release, promoted.document())
    own = [user for user in (ANNA, BERT, CARL) if promoted.side_of(user) == "canary"]
    assert 0 < len(own) < 3
    figures = found["figures"]
    assert (figures["canary.users"], figures["beside.users"]) == (len(own), 3 - len(own))
    assert figures["canary.failures"] + figures["beside.failures"] == 1
    assert figures[f"{promoted.side_of('dora')}.failures"] == 1
    assert (figures["canary.tags_per_user"], figures["beside.tags_per_user"]) == (2, 2)
    assert not any("superior" in name for name in figures), "nobody judged"


def test_a_user_of_the_wrong_release_stops_the_day(
    lake: Lake, promoted: Canary, refresh: PublishDay, put: Callable[..., Batch]
) -> None:
    refresh(FIRST)
    rows = [{**intent(user, "soup"), "release": promoted.release} for user in (ANNA, BERT)]
    put(intents.TABLE, FIRST, rows, "wrong")
    with pytest.raises(DataError, match=f"Of 1 users of {FIRST} \\({ANNA} first\\)"):
        publish_day(lake, FIRST, promoted.release, {}, canary=promoted)


def test_verdicts_that_come_later_are_counted_by_side(
    lake: Lake, promoted: Canary, refresh: PublishDay, put: Callable[..., Batch]
) -> None:
    refresh(FIRST)
    before = row_of(lake, FIRST)["figures"]
    now = contents_digest({table.name: tables.partition_digest(lake, table, FIRST) for table in JUDGED_FROM})
    rows = [verdict(BERT), {**verdict(ANNA), "tier": "B"}, {**verdict(ANNA), "item_id": "tag-2"}]
    batch = put(verdicts.TABLE, FIRST, rows, "judged")
    judged_days.put(lake, FIRST, batch.partitions[0].files[0].path, note_of(now))
    for _again in range(2):
        manifest = pin_verdicts(lake, FIRST)
        found = row_of(lake, FIRST)
        assert (found["canary"], manifest["canary"]) == (promoted.document(), promoted.document())
        figures = found["figures"]
        assert (figures["canary.judged_outputs"], figures["canary.superior"]) == (1, 1)
        assert (figures["beside.judged_outputs"], figures["beside.superior"], figures["beside.bad"]) == (2, 0.5, 0.5)
        assert {name: figures[name] for name in before if name != "judged_users"} == {
            name: value for name, value in before.items() if name != "judged_users"
        }


def test_the_command_takes_the_record_and_its_release(lake: Lake, promoted: Canary, refresh: PublishDay) -> None:
    refresh(FIRST)
    asked = {"lake": lake.root, "day": FIRST, "verdicts": False, "figures": "{}", "history": None}
    why = {"why_unjudged": None, "why_captions_unjudged": None}
    told = argparse.Namespace(**asked, **why, release=promoted.release, canary=2)
    assert command.main(told)["reused"] is True
    with pytest.raises(UsageError, match=f"is published with that --release, not with {promoted.beside}"):
        command.main(argparse.Namespace(**{**vars(told), "release": promoted.beside}))
    with pytest.raises(DataError, match="is of no canary"):
        command.main(argparse.Namespace(**{**vars(told), "canary": 1}))


def test_a_lake_of_before_goes_on(
    lake: Lake, promoted: Canary, refresh: PublishDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ``days`` have no such column: read as null, and gained with the first day that is published."""
    older = changed(days.TABLE, canary=None)
    assert "canary" not in older.schema.names
    with monkeypatch.context() as before:
        before.setitem(TABLES, "days", older)
        row = {"fingerprint": "f", "release": "base-0", "empty": False, "versions": [], "figures": []}
        data = pa.Table.from_pylist([{name: row.get(name) for name in older.file_schema.names}], older.file_schema)
        writing.create(lake, older)
        _publish(lake, older, "2017-10-31", data)
    assert row_of(lake, "2017-10-31")["canary"] is None
    assert canary.running(lake, champions.current(lake), FIRST) == promoted
    refresh(FIRST)
    found = tables.read(lake, days.TABLE, columns=["day", "canary"]).to_pylist()
    assert [(one["day"], one["canary"]) for one in found] == [("2017-10-31", None), (FIRST, promoted.document())]


def _publish(lake: Lake, table: Table, day: str, data: pa.Table) -> None:
    from lake.delta import audits
    from lake.delta.staging import StagedPartition, stage

    file = stage(lake, table, data, fingerprint="older", partition={"day": day})
    batch = Batch(table.name, "test", (StagedPartition({"day": day}, "older", (file,)),))
    audits.record(lake, batch, {"success": True, "co_audited": [batch.digest]})
    publish(lake, [batch])


def test_without_a_canary_a_day_is_published_as_before(
    lake: Lake, shipped: Path, refresh: PublishDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    champions.take(lake, shipped)
    named: list[Any] = []
    work = Step.work

    def noting(step: Step, *asked: Any) -> str:
        named.append(asked)
        return work(step, *asked)

    monkeypatch.setattr(Step, "work", noting)
    manifest = refresh(FIRST)
    # What names the work, and what the run is told, say nothing of canaries.
    assert named[0][1] == {"day": FIRST, "release": shipped.name}
    judged = {"judged", "captions_judged"}
    assert manifest.keys() == {"day", "release", "empty", "fingerprint", "reused", "figures"} | judged
    assert not [name for name in manifest["figures"] if name.startswith(sides.SIDES)]


# --- what people see


def test_the_command_shows_who_serves_whom_and_what_came_of_it(
    lake: Lake, promoted: Canary, refresh: PublishDay, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(do: Callable[[Lake, argparse.Namespace], None]) -> str:
        do(lake, argparse.Namespace())
        return capsys.readouterr().out

    assert f"{promoted.release} (record 2) serves 50% of the users, {promoted.beside} the others: 0 of 2" in said(
        show_canary
    )
    assert "canary for 50% of the users until 2 days are published" in said(list_champions)
    for day in (FIRST, SECOND):
        refresh(day)
    told = said(show_canary)
    assert f"2 of 2 days are published. It is over: from the next day on {promoted.release} serves all." in told
    assert told.index(FIRST) < told.index(SECOND) < told.index(f"evaluation.compare_canary --day {FIRST}")
    figures = row_of(lake, FIRST)["figures"]
    numbers = [f"{figures[f'{side}.users']:.0f}" for side in sides.SIDES]
    assert re.search(rf"users +{numbers[0]} +{numbers[1]}\n", told)
    champions.roll_back(lake, "worse")
    assert "No canary runs: one release serves all users." in said(show_canary)
