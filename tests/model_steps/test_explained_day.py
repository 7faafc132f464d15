"""Explanations of a day: staged beside its intents, audited, pinned by the day, and kept. Real tables; a model that
answers as it is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lake.audit import audit
from lake.delta import tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.publish_day import publish_day
from lake.registry import canary, champions
from lake.registry.champions import Terms
from lake.registry.days import read_day
from model_steps import infer, release
from model_steps.engine.asking import Request
from model_steps.evaluating.results import code_without_captions
from model_steps.explaining import explained_shard, prompt_files
from model_steps.explaining.checking import Known, counts_of, no_counts
from model_steps.explaining.explainer import Explained, Explainer
from model_steps.inferring.work import Work, name_of_work
from runtime.errors import DataError, SourceMissing
from schemas import days, explanations, failures, intents, personas
from settings import ExplanationsSettings
from tests.model_steps.explained_shop import ITEMS, OWN, SHARE, Model, Shop, built, item_row, put_items, shop
from tests.model_steps.test_explainer import STYLE
from tests.model_steps.test_real_model import DAY, USERS

__all__ = ["built", "shop"]


def test_a_shard_stages_captions_beside_its_intents(shop: Shop) -> None:
    model = Model()
    manifest = shop.infer(model)
    assert [Batch.load(shop.lake, path).table for path in manifest["batches"]] == [
        "intents",
        "failures",
        "personas",
        "explanations",
        "failures",
    ]
    staged = shop.staged(manifest)
    tags = {(row["user_id"], row["rank"]): row for row in staged["intents"]}
    rows = staged["explanations"]
    assert {(row["user_id"], row["rank"]) for row in rows} == {(user, rank) for user in USERS for rank in (1, 2)}
    assert len(rows) == 6
    by_id = {row["item_id"]: row for row in ITEMS}
    for row in rows:
        tag, item = tags[row["user_id"], row["rank"]], by_id[row["item_id"]]
        assert (row["tag"], row["release"]) == (tag["tag"], manifest["release"])
        assert item["category"] == tag["category"]
        # Who bought the plain one today gets the one that nobody has.
        assert item["text"] not in USERS[row["user_id"]]
        assert (row["caption"], row["style"]) == (f"How about {item['category']} this week?", STYLE)
    assert staged["failures explain"] == staged["failures infer"] == []
    told = manifest["explanations"]
    assert (told["users_in"], told["pairs_in"], told["captions"], told["pairs_dropped"]) == (3, 6, 6, 0)
    assert told["dropped_by_rule"] == {}
    assert 0 <= told["style_cache_hit_rate"] < 1
    assert manifest["seconds_explanations"] > 0
    assert {role: counts["calls"] for role, counts in manifest["roles"].items() if role in prompt_files.FILES} == {
        "stylist": round(6 * (1 - told["style_cache_hit_rate"])),
        "explainer": 6,
    }
    metrics = Batch.load(shop.lake, manifest["batches"][3]).partitions[0].metrics
    assert {name: count for name, count in metrics.items() if count} == {"pairs_in": 6, "captions": 6}


def test_the_day_pins_them_and_a_caption_is_looked_up_by_user_and_item(shop: Shop) -> None:
    manifest = shop.infer()
    (row, *_) = shop.staged(manifest)["explanations"]
    figures = shop.publish(manifest)["figures"]
    assert figures["explanations"] == 6
    assert explanations.TABLE.name in shop.pins()
    wanted = [("user_id", "=", row["user_id"]), ("item_id", "=", row["item_id"])]
    (found,) = read_day(shop.lake, explanations.TABLE, DAY, ["caption", "style"], wanted).to_pylist()
    assert found == {"caption": row["caption"], "style": row["style"]}
    assert read_day(shop.lake, explanations.TABLE, DAY, filters=[("user_id", "=", "nobody")]).num_rows == 0

    # The same again: nothing to do, no model, and the day's row stays.
    version = tables.version(shop.lake, days.TABLE)
    again = shop.infer(Model(written=0))
    assert (again["reused"], again["batches"]) == (True, [])
    assert shop.publish(again)["reused"]
    assert tables.version(shop.lake, days.TABLE) == version


def test_without_tags_nothing_is_staged_or_pinned_and_the_day_is_read(shop: Shop) -> None:
    off, model = shop.with_(tags=0), Model(written=0)
    manifest = off.infer(model)
    assert [Batch.load(shop.lake, path).table for path in manifest["batches"]] == ["intents", "failures", "personas"]
    assert not {"explanations", "seconds_explanations"} & manifest.keys()
    assert "explanations" not in shop.publish(manifest)["figures"]
    assert explanations.TABLE.name not in shop.pins()
    assert tables.version(shop.lake, explanations.TABLE) is None
    assert read_day(shop.lake, intents.TABLE, DAY).num_rows == 9
    with pytest.raises(DataError, match=r"published without explanations: .* INTENTFLOW_EXPLANATIONS__TAGS was 0"):
        read_day(shop.lake, explanations.TABLE, DAY)
    # Other settings of what is not done are no reason to do anything.
    assert shop.with_(tags=0, most_words=9).infer()["reused"]


def test_switched_off_the_captions_of_before_are_gone(shop: Shop) -> None:
    none = shop.infer(Model(lambda request: "Silk for everyone in the house!"))
    shop.publish(none)
    assert len(tables.read(shop.lake, failures.TABLE, DAY)) == 6
    # Other words are asked for, and so come: what was answered is asked for by nobody again.
    shop.publish(shop.with_(form="free").infer())
    assert read_day(shop.lake, explanations.TABLE, DAY).num_rows == 6
    manifest = shop.with_(tags=0).infer(Model(written=0))
    assert (manifest["model_calls"], "explanations" in manifest) == (0, False)
    shop.publish(manifest)
    assert tables.read(shop.lake, explanations.TABLE, DAY).num_rows == 0
    assert tables.read(shop.lake, failures.TABLE, DAY).num_rows == 0
    assert shop.with_(tags=0).infer()["reused"]


def test_captions_of_other_intents_are_not_pinned(shop: Shop, tmp_path: Path) -> None:
    """Planted: of a run with captions all but these is published, over a day that had others."""
    shop.publish(shop.infer())
    manifest = shop.with_(most_words=15).infer()
    batches = [Batch.load(shop.lake, path) for path in manifest["batches"]]
    kept = [batch for batch in batches if batch.table != explanations.TABLE.name]
    audit(shop.lake, kept, shop.docs)
    publish(shop.lake, kept)
    publish_day(shop.lake, DAY, champions.log_of(shop.lake)[-1].release, {})
    assert explanations.TABLE.name not in shop.pins()
    assert tables.read(shop.lake, explanations.TABLE, DAY).num_rows == 6


def test_every_setting_of_captions_is_part_of_the_name_and_none_without_them(shop: Shop) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"most_words": 15},
        {"fewest_words": 5},
        {"way": "v1"},
        {"form": "free"},
        {"tags": 1},
        {"not_bought_days": 0},
        {"caption_temperature": 0.5},
    ]
    work = Work.of(infer.STEP, shop.lake, DAY, "1/1", shop.settings, 0, None)

    def name_of(**changed: Any) -> str:
        asked = shop.with_(**changed).settings
        return name_of_work(infer.STEP, shop.lake, DAY, asked, work.users, 1, work.release, work.categories_digest)

    assert len({name_of(**changed) for changed in changes}) == len(changes)
    assert len({name_of(**{**changed, "tags": 0}) for changed in changes}) == 1


def test_a_changed_setting_makes_the_day_due_and_asks_no_agent_again(shop: Shop) -> None:
    first = shop.infer()
    shop.publish(first)
    model, other = Model(), shop.with_(most_words=15)
    again = other.infer(model)
    assert (again["reused"], model.ranked) == (False, 0)
    # The length stands in the explainer's prompt, and in no stylist's.
    assert {request.role for request in model.asked} == {prompt_files.EXPLAINER}
    assert shop.staged(again)["intents"] == shop.staged(first)["intents"]
    other.publish(again)
    assert other.infer(Model(written=0))["reused"]


def test_another_catalog_makes_the_day_due(shop: Shop) -> None:
    shop.publish(shop.infer())
    put_items(shop.lake, [*ITEMS, item_row("small plain yogurt, 4 oz", "plain yogurt", 99)])
    again = shop.infer()
    assert not again["reused"]
    put_items(shop.lake, [])
    with pytest.raises(SourceMissing, match="The table items is empty"):
        shop.infer()


def test_every_file_that_captions_are_made_of_is_part_of_the_name() -> None:
    files = infer.STEP.code.files
    folder = Path(prompt_files.__file__).parent
    there = {path for path in folder.rglob("*") if path.is_file() and path.suffix in (".py", ".md", ".toml", ".txt")}
    assert {f"model_steps/explaining/{path.relative_to(folder).as_posix()}" for path in there} <= files.keys()


def test_a_word_of_captions_is_nothing_to_an_evaluation() -> None:
    """It asks for none, so results of before and after are a match; whatever else inference imports is not left out."""
    files, whole = code_without_captions("model_steps.infer").files, infer.STEP.code.files
    assert {path for path in whole if path not in files} == {path for path in whole if "/explaining/" in path} != set()


def by_user(rows: Sequence[dict[str, Any]], *without: str) -> list[dict[str, Any]]:
    kept = [{name: value for name, value in row.items() if name not in without} for row in rows]
    return sorted(kept, key=lambda row: (row["user_id"], row["item_id"]))


def test_rows_depend_neither_on_shards_nor_on_chunks(shop: Shop) -> None:
    # Styles by what is asked, so that sharing them with others would show.
    def style(request: Request) -> str:
        tones = ("warm", "calm")
        return json.dumps({**STYLE, "tone": tones[int(request.key("", "")[:8], 16) % 2]})

    class Styled(Model):
        def _written(self, request: Request) -> str:
            return style(request) if request.role == prompt_files.STYLIST else super()._written(request)

    whole = shop.staged(shop.infer(Styled()))["explanations"]
    assert {row["style"]["tone"] for row in whole} == {"warm", "calm"}
    found = [row for shard in ("1/2", "2/2") for row in shop.staged(shop.infer(Styled(), shard))["explanations"]]
    assert by_user(found) == by_user(whole)
    inference = shop.settings.inference.model_copy(update={"chunk_users": 16})
    together = replace(shop, settings=shop.settings.model_copy(update={"inference": inference}))
    shutil.rmtree(Path(shop.lake.root) / "answers")
    assert by_user(shop.staged(together.infer(Styled()))["explanations"]) == by_user(whole)


def test_each_side_of_a_canary_explains_its_own_users(shop: Shop, tmp_path: Path) -> None:
    made = release.make(tmp_path, None)
    champions.promote(shop.lake, tmp_path / made.name, "better", kind="override", canary=Terms(2, SHARE))
    who = canary.of_record(champions.log_of(shop.lake), 2)
    model = Model()
    manifests = [shop.infer(model, shard, who) for shard in ("1/2", "canary-2/2")]
    assert shop.publish(*manifests, who=who)["figures"]["explanations"] == 6
    rows = read_day(shop.lake, explanations.TABLE, DAY).to_pylist()
    assert {(row["user_id"], row["release"]) for row in rows} == {
        (user, who.release if user == OWN else who.beside) for user in USERS
    }
    # The language model answers for both: no style and no caption is asked for twice.
    assert len(set(model.keys)) == len(model.keys)


def explains_with(change: Callable[[dict[str, Any]], dict[str, Any]], more: int = 0) -> type[Explainer]:
    """An explainer whose rows are changed before they are staged, the first of them ``more`` times more."""

    class Mistaken(Explainer):
        def explain(self, customers: Any) -> Explained:
            found = super().explain(customers)
            rows = [change(row) for row in found.rows]
            return Explained([*rows, *rows[:1] * more], found.dropped)

    return Mistaken


FAULTS: dict[str, dict[str, Any]] = {
    "explained_without_intent": {"rank": 9},
    "explained_outside_the_catalog": {"item_id": "4711"},
    "explained_of_another_category": {"item_id": "of another"},
    "explained_twice": {},
    "explained_by_another_release": {"release": "another"},
    "captions_of_another_length": {"caption": ""},
    "captions_with_a_pseudonym": {"caption": "How about yogurt for U2 this week?"},
    "captions_beside_the_rules": {"caption": "A silk yogurt for the week ahead."},
}


def test_each_fault_is_counted_under_its_rule(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Explained, Known]] = []

    def counted(explained: Explained, known: Known, settings: ExplanationsSettings) -> dict[str, int]:
        seen.append((explained, known))
        return counts_of(explained, known, settings)

    monkeypatch.setattr(explained_shard, "counts_of", counted)
    shop.infer()
    ((explained, known),) = seen
    # A copy of an item under another id, in a category that nobody intends to buy from.
    item = replace(known.items[explained.rows[0]["item_id"]], item_id="of another", category="another")
    known = replace(known, items={**known.items, item.item_id: item})
    settings = shop.settings.explanations
    assert counts_of(explained, known, settings).keys() == no_counts().keys()
    for rule, changed in FAULTS.items():
        (bound,) = [one for one in explanations.TABLE.batch_rules if one.metric == rule]
        assert (bound.minimum, bound.maximum) == (0, 0)
        rows = [{**explained.rows[0], **changed}, *explained.rows[1:]]
        if rule == "explained_twice":
            rows[1] = rows[0]
        found = counts_of(Explained(rows, explained.dropped), known, settings)
        # What is no caption, or of no item of the catalog, cannot keep the rules.
        wrong = {name for name, count in found.items() if count} - {"pairs_in", "captions"}
        assert found[rule] == 1
        assert wrong <= {rule, "captions_beside_the_rules"}, (rule, wrong)


def test_an_audit_names_every_rule_that_captions_broke_and_publishes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: rows are changed before they are staged."""
    elsewhere = next(row["item_id"] for row in ITEMS if row["category"] == "white bread")
    wrong = {name: value for changed in FAULTS.values() for name, value in changed.items()}
    monkeypatch.setattr(
        explained_shard, "Explainer", explains_with(lambda row: {**row, **wrong, "item_id": elsewhere}, 1)
    )
    with pytest.raises(DataError) as refused:
        shop.publish(shop.infer())
    broken = FAULTS.keys() - {
        "explained_outside_the_catalog",
        "captions_with_a_pseudonym",
        "captions_of_another_length",
    }
    assert not [rule for rule in broken if rule not in str(refused.value)], refused.value
    for table in (explanations.TABLE, intents.TABLE, failures.TABLE, personas.TABLE):
        assert tables.version(shop.lake, table) is None
