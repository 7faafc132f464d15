"""The benchmark itself, on a small shop and without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bench import quality
from bench.lakes import inferred, landed
from bench.lakes.inferred import Inferred
from lake.delta import tables, writing
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import releases
from lake.registry.releases import Release
from lake.registry.splits import Registry, add_days
from lake.store.location import Lake
from schemas import contexts, entities, intents, signals
from settings import Settings, load_settings
from tests.evaluation.conftest import SMALL, put

Land = Callable[[Sequence[tuple[str, str, str, str]], Sequence[str]], Lake]

DAY = SMALL.days[0]
DAYS = [add_days("2017-01-01", number) for number in range(75)]
USERS = [f"user{number}" for number in range(30)]
CATEGORIES = ("beer", "eggs", "milk", "wine")


@pytest.fixture
def shop(land: Land) -> Lake:
    """Everybody buys milk every day and something else in turn; wine comes last."""
    log = []
    for day in DAYS:
        for turn, user in enumerate(USERS):
            log.append((user, f"{day}T10:00:00", "purchase", "milk"))
            log.append((user, f"{day}T11:00:00", "purchase", "wine" if day > DAY else ("beer", "eggs")[turn % 2]))
    lake = land(log, DAYS)
    rows = [
        {"entity_id": name, "text": name, "kind": "category", "category": name, "category_path": name}
        for name in CATEGORIES
    ]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(rows, entities.TABLE.schema))
    return lake


@pytest.fixture
def nothing_to_prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landed, "land_until", lambda *_: None)
    monkeypatch.setattr(landed, "prepare_day", lambda *_: None)


def measure(shop: Lake, *, model: bool, both_forms: bool = False) -> dict[str, Any]:
    work = Lake.open(Path(shop.root).parent / "work")
    asked = quality.Measurement(shop, work, SMALL, DAY, users=0, tuning_users=4, model=model, both_forms=both_forms)
    return asked.run()


@pytest.mark.usefixtures("nothing_to_prepare")
def test_rivals_alone(shop: Lake) -> None:
    figures = measure(shop, model=False)
    assert set(figures["recall_at_30"]) == {
        "popularity",
        "own_frequency",
        "co_occurrence",
        "combined_without_intents",
    }
    assert figures["recall_at_30"]["own_frequency"]["value"] == 0.5  # milk, not wine
    assert figures["recall_new_at_30"]["popularity"]["value"] == 0.0  # nobody had wine before
    assert figures["hr_at_30"]["own_frequency"]["value"] == 1.0  # milk comes first
    assert figures["users"] == figures["holdout"]["users"] > 5
    assert "exclusive_recall" not in figures


@pytest.mark.usefixtures("nothing_to_prepare")
def test_intents_that_know_what_nobody_else_does(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def infer(
        _log: Lake, _work: Lake, day: str, users: Sequence[str], _release: Path | None, _form: str | None
    ) -> Inferred:
        asked.append((day, tuple(users)))
        found: Mapping[str, Sequence[str]] = {user: ["wine", "milk", "wine"] for user in users}
        failed = {**found, users[0]: []}
        return Inferred(failed, {"release": "base-test", "model_calls": 3})

    monkeypatch.setattr(inferred, "infer", infer)
    figures = measure(shop, model=True)
    share = (figures["users"] - 1) / figures["users"]  # the failed user counts as found nothing
    assert figures["recall_at_30"]["intents"]["value"] == pytest.approx(share, abs=1e-4)
    assert figures["recall_new_at_30"]["intents"]["value"] == pytest.approx(share, abs=1e-4)
    assert figures["exclusive_recall"]["value"] == pytest.approx(share / 2, abs=1e-4)
    assert figures["paired_vs_own_frequency"]["recall_at_30"]["intents"]["value"] == pytest.approx(
        share - 0.5, abs=1e-4
    )
    assert figures["inference"]["users_failed"] == 1
    assert set(figures["weights"]["combined"]) == {"constant", "intents", *quality.RIVALS}
    # Train users for the weights, before the holdout; held-out users on the day.
    (tuning_day, tuning), (day, users) = asked
    assert {SMALL.split_of(user) for user in tuning} == {"train"}
    assert SMALL.outcomes_until(tuning_day) <= SMALL.trained_until
    assert day == DAY
    assert {SMALL.split_of(user) for user in users} == {"holdout"}


@pytest.mark.usefixtures("nothing_to_prepare")
def test_both_forms_are_compared_user_by_user(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    own = load_settings().inference.representation
    other = quality.OTHER_FORM[own]
    asked = []

    def infer(
        _log: Lake, _work: Lake, day: str, users: Sequence[str], _release: Path | None, form: str | None
    ) -> Inferred:
        asked.append((day, form))
        found = {user: ["wine", "milk"] if form is None else ["milk"] for user in users}
        return Inferred(found, {"release": "base-test"})

    monkeypatch.setattr(inferred, "infer", infer)
    figures = measure(shop, model=True, both_forms=True)
    assert asked[0] == (DAY, other)
    assert [form for _, form in asked[1:]] == [None, None]
    assert (figures["inference"]["form"], figures[f"intents_{other}"]["form"]) == (own, other)
    # Wine and milk came true: one form finds both, the other one of them, for every user alike.
    difference = figures[f"paired_vs_intents_{other}"]["recall_at_30"]["intents"]
    assert difference == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert figures["release"] == "base-test"


@pytest.mark.usefixtures("nothing_to_prepare")
def test_the_plot_is_the_same_for_the_same_figures(shop: Lake, tmp_path: Path) -> None:
    figures = measure(shop, model=False)
    one, other = (quality.plot(figures, tmp_path / name) for name in ("one", "other"))
    assert one.name == f"quality-{DAY}.svg"
    assert one.read_bytes() == other.read_bytes()
    assert b"<svg" in one.read_bytes()


def test_inference_gets_the_chosen_users_and_its_failures_are_empty(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Lake.open(tmp_path / "work")
    people = pa.Table.from_pylist([_context(user) for user in ("ann", "bob", "cat")], contexts.TABLE.file_schema)
    put(lake, contexts.TABLE, {DAY: people})
    put(lake, signals.TABLE, {DAY: signals.TABLE.file_schema.empty_table()})
    seen = []

    def run_step(module: str, *arguments: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
        assert (module, environment["INTENTFLOW_INFERENCE__TAGS"]) == ("model_steps.infer", "30")
        seen.append(tables.read(work, contexts.TABLE, DAY)["user_id"].to_pylist())
        rows = [_intent("ann", 2, "milk"), _intent("ann", 1, "beer")]
        file = stage(
            work,
            intents.TABLE,
            pa.Table.from_pylist(rows, intents.TABLE.file_schema),
            fingerprint=f"run{len(seen)}",
            partition={"day": DAY},
        )
        batch = Batch(intents.TABLE.name, "infer", (StagedPartition({"day": DAY}, "run", (file,)),))
        return {"batches": [batch.save(work)], "release": "base-test"}

    monkeypatch.setattr(inferred, "run_step", run_step)
    # One that learnt from nobody: the shipped one knows the demo log's people, and is refused here.
    release = releases.save(tmp_path / "releases", Release("model", "prompts", "embedder"), {})
    found = inferred.infer(lake, work, DAY, ["ann", "bob"], release)
    assert found.categories == {"ann": ["beer", "milk"], "bob": []}
    assert inferred.infer(lake, work, DAY, ["ann"], release).categories == {"ann": ["beer", "milk"]}
    assert seen == [["ann", "bob"], ["ann"]]


def test_thirty_tags_have_a_pool_that_the_settings_allow(monkeypatch: pytest.MonkeyPatch) -> None:

    for name, value in inferred.SETTINGS.items():
        monkeypatch.setenv(name, value)
    asked = Settings().inference
    assert asked.tags == 30
    assert 30 <= asked.personas * asked.tags_per_expert <= 52
    assert (asked.minimum_events, asked.minimum_active_days) == (
        Registry().minimum_events,
        Registry().minimum_active_days,
    )


def _context(user: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"periods": [], "attributes": [], "interests": []}
    counts = dict.fromkeys(
        ("events", "active_days", "dropped_entries", "tokens_full_text", "tokens_text", "tokens_hybrid"), 1
    )
    return {"user_id": user, "first_day": DAY, "last_day": DAY, "digest": user, **empty, **counts}


def _intent(user: str, rank: int, category: str) -> dict[str, Any]:
    return {
        "user_id": user,
        "rank": rank,
        "tag": f"tag {rank}",
        "category": category,
        "category_similarity": 0.5,
        "persona": "persona",
        "why": "why",
        "expert": 1,
        "chosen_by": "arbiter",
        "release": "base-test",
    }
