"""The captions of a day's sample judged, published and pinned: real tables, the shipped judge, a model that writes as
it is told."""

from __future__ import annotations

import logging
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.audit import audit
from lake.delta import tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch, read_staged
from lake.publish_day import pin_verdicts
from lake.registry.days import read_day
from lake.store.location import Lake
from model_steps import judge_captions
from model_steps.caption_judge.day_cases import day_cases
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.caption_judge.rows import verdict_rows
from model_steps.engine.asking import Request
from model_steps.judge.verdicts import sample
from runtime.errors import DataError, SourceMissing, UsageError
from schemas import days, explanations, intents
from schemas.caption_verdicts import DIMENSIONS, TABLE
from settings import BandSettings
from tests.model_steps.explained_shop import Model, Shop, built, shop
from tests.model_steps.test_explainer import GOOD, item_of
from tests.model_steps.test_real_model import DAY, USERS

__all__ = ["built", "shop"]
# What keeps the rules of captions, and puts off.
PUTS_OFF = "If you must, {what} for the week."


def every_other_puts_off() -> Callable[[Request], str]:
    turn = iter(range(10**6))
    return lambda request: (GOOD, PUTS_OFF)[next(turn) % 2].replace("{what}", item_of(request))


class Nobody:
    """In place of an engine: this judge asks nothing."""

    seconds = 0.0

    def __call__(self, slots: object) -> Any:
        raise AssertionError("The judge started an engine.")


def judged(shop: Shop, users: int = 0, **asked: Any) -> dict[str, Any]:
    sampled = shop.settings.model_copy(update={"judge": shop.settings.judge.model_copy(update={"sample_users": users})})
    return judge_captions.judge_captions(shop.lake, DAY, sampled, start=Nobody(), **asked)


def make_visible(shop: Shop, manifest: dict[str, Any]) -> None:
    batches = [Batch.load(shop.lake, path) for path in manifest["batches"]]
    audit(shop.lake, batches, shop.docs)
    publish(shop.lake, batches)


def figures(shop: Shop) -> dict[str, float]:
    (row,) = tables.read(shop.lake, days.TABLE, DAY).to_pylist()
    return {figure["name"]: figure["value"] for figure in row["figures"]}


@pytest.fixture
def explained(shop: Shop) -> Shop:
    """The day with its intents and captions, published and not judged."""
    shop.publish(shop.infer(Model(every_other_puts_off())))
    return shop


def test_a_sample_is_judged_published_and_pinned(explained: Shop) -> None:
    shop = explained
    assert (figures(shop)["caption_verdicts.captions"], figures(shop)["explanations"]) == (0, 6)
    manifest = judged(shop)
    assert (manifest["judged"], manifest["standing"], manifest["sampled_captions"]) == (True, "valid", 6)
    assert "release" not in manifest, "what a refresh works with is named by inference alone"
    (batch,) = (Batch.load(shop.lake, path) for path in manifest["batches"])
    rows = read_staged(shop.lake, TABLE, batch.partitions[0]).to_pylist()
    captions = tables.read(shop.lake, explanations.TABLE, DAY).to_pylist()
    assert {(row["user_id"], row["item_id"], row["caption"]) for row in rows} == {
        (row["user_id"], row["item_id"], row["caption"]) for row in captions
    }
    for row in rows:
        assert [finding["dimension"] for finding in row["findings"]] == list(DIMENSIONS)
        puts_off = row["caption"].startswith("If you must")
        assert (row["tier"] == "B", row["passes"]) == (puts_off, not puts_off), row
    assert manifest["passing"]["value"] == 0.5
    assert manifest["not_calibrated"] == ["safety"]

    make_visible(shop, manifest)
    with pytest.raises(DataError, match="is published without caption_verdicts"):
        read_day(shop.lake, TABLE, DAY)
    late = pin_verdicts(shop.lake, DAY)
    assert (late["captions_judged"], late["judged"]) == ("yes", "no: there are no verdicts on it")
    assert read_day(shop.lake, TABLE, DAY).num_rows == 6
    told = figures(shop)
    assert (told["caption_verdicts.captions"], told["caption_verdicts.users"]) == (6, 3)
    assert told["caption_verdicts.passing"] == 0.5
    tiers = sum(told[f"caption_verdicts.{name}"] for name in ("superior", "average", "bad"))
    assert tiers == pytest.approx(1, abs=1e-3)
    # The day done again is the same day.
    again = judged(shop)
    assert (again["reused"], again["batches"], again["passing"]) == (True, [], manifest["passing"])
    same = shop.publish()
    assert (same["reused"], same["captions_judged"]) == (True, "yes")


def test_judged_again_it_is_one_more_commit(explained: Shop) -> None:
    make_visible(explained, judged(explained))
    pin_verdicts(explained.lake, DAY)
    before = tables.version(explained.lake, TABLE)
    assert before is not None
    manifest = judged(explained, users=1)
    assert (manifest["reused"], manifest["users_sampled"], manifest["sampled_captions"]) == (False, 1, 2)
    make_visible(explained, manifest)
    assert tables.version(explained.lake, TABLE) == before + 1
    assert read_day(explained.lake, TABLE, DAY).num_rows == 6, "the day pins what it was published with"
    assert pin_verdicts(explained.lake, DAY)["figures"]["caption_verdicts.captions"] == 2
    assert judged(explained, users=1, force=True)["batches"]


def test_other_captions_since_are_due_and_the_old_verdicts_are_not_pinned(
    explained: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    make_visible(explained, judged(explained))
    assert explained.publish()["captions_judged"] == "yes"
    other = explained.with_(most_words=12)
    manifest = other.publish(other.infer(Model()))
    assert (
        manifest["captions_judged"]
        == "no: its verdicts are of other captions, intents, contexts or signals than it has now"
    )
    assert manifest["figures"]["caption_verdicts.captions"] == 0
    assert "without verdicts on its captions: its verdicts are of other captions" in caplog.text
    with pytest.raises(DataError, match="No verdicts can be pinned"):
        pin_verdicts(other.lake, DAY)
    # For other words a caption of another length stands, so the judge itself is another one than was examined.
    assert judged(other)["why"].startswith("the judge of captions has no standing (outdated)")
    assert not judged(explained)["reused"]


def test_the_sample_is_that_of_the_tags(explained: Shop) -> None:
    rows = tables.read(explained.lake, intents.TABLE, DAY).to_pylist()
    for users in (1, 2):
        drawn = {row["user_id"] for row in sample(rows, DAY, users, 0)}
        (batch,) = (Batch.load(explained.lake, path) for path in judged(explained, users=users)["batches"])
        staged = read_staged(explained.lake, TABLE, batch.partitions[0])
        assert set(staged["user_id"].to_pylist()) == drawn
        assert len(drawn) == users


@pytest.mark.parametrize(
    ("arrange", "state"),
    [
        (lambda folder: shutil.rmtree(folder / "calibration"), "missing"),
        (lambda folder: None, "expired"),
    ],
)
def test_a_judge_without_standing_judges_nothing_and_says_why(
    explained: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrange: Any, state: str
) -> None:
    own = explained.settings.caption_judge
    folder = shutil.copytree(own.release, tmp_path / "judge")
    arrange(folder)
    if state == "expired":
        asked = ReadyCaptionJudge.standing
        monkeypatch.setattr(ReadyCaptionJudge, "standing", lambda ready, day: asked(ready, "2017-12-01"))
    settings = explained.settings.model_copy(update={"caption_judge": own.model_copy(update={"release": folder})})
    manifest = judge_captions.judge_captions(explained.lake, DAY, settings)
    assert (manifest["judged"], manifest["batches"]) == (False, [])
    assert f"the judge of captions has no standing ({state})" in manifest["why"]
    shutil.rmtree(folder)
    with pytest.raises(SourceMissing, match="There is no caption judge in"):
        judge_captions.judge_captions(explained.lake, DAY, settings)


def test_a_day_without_captions_has_nothing_to_judge(shop: Shop) -> None:
    off = shop.with_(tags=0)
    manifest = off.publish(off.infer(Model(written=0)))
    assert manifest["captions_judged"] == "no: the day has no captions"
    assert "caption_verdicts.captions" not in manifest["figures"]
    found = judged(off)
    assert (found["judged"], found["why"], found["batches"]) == (False, "the day has no captions", [])


def test_a_share_out_of_its_band_sets_off_an_alarm(explained: Shop, caplog: pytest.LogCaptureFixture) -> None:
    own = explained.settings.caption_judge.model_copy(update={"passing_band": BandSettings(low=0.99)})
    explained.settings = explained.settings.model_copy(update={"caption_judge": own})
    with caplog.at_level(logging.WARNING):
        manifest = judged(explained)
    assert manifest["alarm"]
    assert "usually it is from 0.99 to 1" in manifest["alarms"][0]
    assert manifest["alarms"][0] in caplog.text


def test_what_was_tampered_with_is_not_published(explained: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict that is changed behind the judge, or is of a caption that the day has not."""

    def better(*arguments: Any) -> pa.Table:
        rows = verdict_rows(*arguments).to_pylist()
        rows[0] = {**rows[0], "tier": "A" if rows[0]["tier"] == "S" else "S"}
        rows[1] = {**rows[1], "caption": "How about nothing at all?"}
        return pa.Table.from_pylist(rows, TABLE.schema)

    monkeypatch.setattr(judge_captions, "verdict_rows", better)
    with pytest.raises(DataError, match=r"caption_verdicts .* broke broken_verdicts, verdicts_without_caption"):
        make_visible(explained, judged(explained))
    assert tables.read(explained.lake, TABLE, DAY).num_rows == 0


def test_a_caption_is_judged_with_the_customers_tags_before_what_they_bought(explained: Shop) -> None:
    captions = tables.read(explained.lake, explanations.TABLE, DAY).to_pylist()
    tags = tables.read(explained.lake, intents.TABLE, DAY).to_pylist()
    cases = day_cases(explained.lake, DAY, captions, tags)
    assert [case.caption for case in cases] == [row["caption"] for row in captions]
    for case, row in zip(cases, captions, strict=True):
        own = [tag["category"] for tag in sorted(tags, key=lambda tag: tag["rank"]) if tag["user_id"] == row["user_id"]]
        assert case.reader.interests[: len(own)] == tuple(own)
        assert set(USERS[row["user_id"]]) <= set(case.reader.interests)
        assert case.reader.is_regular == (case.item.category in USERS[row["user_id"]])
        assert (case.reader.attributes, case.surroundings.season) == ((("age", "35-44"),), "autumn")
        assert case.style == row["style"]
    gone = [*captions[1:], {**captions[0], "item_id": "gone"}]
    with pytest.raises(SourceMissing, match=r"1 explained items of .* are not in the table items .*, gone first"):
        day_cases(explained.lake, DAY, gone, tags)


def test_the_command_wants_no_negative_sample(lake: Lake) -> None:
    asked = Namespace(day=DAY, lake=lake.root, users=-1, force=False)
    with pytest.raises(UsageError, match="--users is the number of users"):
        judge_captions.main(asked)


def test_a_lake_that_has_lost_its_contexts_says_so(explained: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tables.partition_digest
    monkeypatch.setattr(
        tables,
        "partition_digest",
        lambda lake, table, day=None: None if table.name == "contexts" else asked(lake, table, day),
    )
    with pytest.raises(SourceMissing, match="The table contexts has no day"):
        judged(explained)
