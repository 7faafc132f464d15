"""The step that judges a release, on a small shop and without a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evaluation.freeze import freeze
from evaluation.gate.user_figures import UserFigures
from evaluation.snapshots import BASELINES
from lake.delta import tables, writing
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import releases, user_results
from lake.registry.evaluation_file import read_rule
from lake.registry.openings import openings_of
from lake.registry.releases import Release
from lake.registry.splits import add_days
from lake.store.location import Lake
from model_steps import evaluate
from model_steps.evaluating import inferred
from model_steps.evaluating.inferred import Inferred
from runtime.errors import DataError, Exit, SourceMissing, UsageError
from schemas import contexts, entities, intents, signals
from settings import ROOT, Settings, SourceSettings
from tests.evaluation.conftest import SMALL, context, put

Land = Callable[[Sequence[tuple[str, str, str, str]], Sequence[str]], Lake]

DAY = SMALL.days[0]
DAYS = [add_days("2017-01-01", number) for number in range(75)]
USERS = [f"user{number}" for number in range(30)]
CATEGORIES = ("beer", "eggs", "milk", "wine")


def catalog(lake: Lake, categories: Sequence[str]) -> None:
    """Put categories on a lake."""
    rows = [
        {"entity_id": name, "text": name, "kind": "category", "category": name, "category_path": name}
        for name in categories
    ]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(rows, entities.TABLE.schema))


@pytest.fixture
def shop(land: Land) -> Lake:
    """Everybody buys milk every day and something else in turn; wine comes last."""
    log = []
    for day in DAYS:
        for turn, user in enumerate(USERS):
            log.append((user, f"{day}T10:00:00", "purchase", "milk"))
            log.append((user, f"{day}T11:00:00", "purchase", "wine" if day > DAY else ("beer", "eggs")[turn % 2]))
    lake = land(log, DAYS)
    catalog(lake, CATEGORIES)
    freeze(lake, SMALL)
    return lake


def released(lake: Lake, **training: Any) -> str:
    """Put a release on a lake; returns its name."""
    release = Release("model", {}, "embedder", {}, training)
    releases.install(lake, release, {})
    return release.name


def measure(
    shop: Lake,
    release: str | None = None,
    *,
    both_forms: bool = False,
    form: str = "hybrid",
    day: str = DAY,
    ways: bool = False,
) -> dict[str, Any]:
    work = Lake.open(Path(shop.root).parent / "work")
    asked = evaluate.Evaluation(shop, work, SMALL, day, 0, 4, release, form, both_forms, ways)
    return asked.run()


def test_baselines_alone(shop: Lake) -> None:
    figures = measure(shop)
    assert set(figures["recall_at_30"]) == {*BASELINES, "ceiling", "ceiling_of_own", "combined_without_intents"}
    strongest = figures["training"]["strongest"]
    assert set(strongest["recall_at_30"]) == set(BASELINES)
    assert strongest["recall_at_30"][strongest["name"]] == max(strongest["recall_at_30"].values())
    assert figures["recall_at_30"]["ceiling"]["value"] == 1.0
    assert figures["recall_at_30"]["ceiling_of_own"]["value"] == 0.5
    assert figures["recall_at_30"]["own_frequency"]["value"] == 0.5  # milk, not wine
    assert figures["recall_new_at_30"]["popularity"]["value"] == 0.0  # nobody had wine before
    assert figures["hr_at_30"]["own_frequency"]["value"] == 1.0  # milk comes first
    assert figures["users"] == figures["holdout"]["users"] > 5
    assert "exclusive_recall" not in figures
    assert "results" not in figures  # no release was looked at


def test_intents_that_know_what_nobody_else_does(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def infer(
        _log: Lake, _work: Lake, day: str, users: Sequence[str], _release: str, _form: str, _asking: Any
    ) -> Inferred:
        asked.append((day, tuple(users)))
        categories: Mapping[str, Sequence[str]] = {user: ["wine", "milk", "wine"] for user in users}
        failed = {**categories, users[0]: []}
        return Inferred(failed, {"model_calls": 3})

    monkeypatch.setattr(inferred, "infer", infer)
    name = released(shop)
    figures = measure(shop, name)
    assert figures["release"] == name
    share = (figures["users"] - 1) / figures["users"]  # the failed user counts as found nothing
    assert figures["recall_at_30"]["intents"]["value"] == pytest.approx(share, abs=1e-4)
    assert figures["recall_new_at_30"]["intents"]["value"] == pytest.approx(share, abs=1e-4)
    assert figures["exclusive_recall"]["value"] == pytest.approx(share / 2, abs=1e-4)
    assert figures["paired_vs_own_frequency"]["recall_at_30"]["intents"]["value"] == pytest.approx(
        share - 0.5, abs=1e-4
    )
    assert figures["inference"]["users_failed"] == 1
    (opening,) = openings_of(shop, DAY)
    assert (opening.release, opening.day, opening.users) == (name, DAY, figures["users"])
    assert "recall_at_30" in opening.metrics
    strongest = figures["training"]["strongest"]["name"]
    assert set(figures["weights"]["combined"]) == {"constant", "intents", strongest}
    assert set(figures["weights"]["combined_without_intents"]) == {"constant", strongest}
    if strongest != "own_frequency":
        assert "intents" in figures[f"paired_vs_{strongest}"]["recall_at_30"]
    # Train users for the weights, before the holdout; held-out users on the day.
    (tuning_day, tuning), (day, users) = asked
    assert {SMALL.split_of(user) for user in tuning} == {"train"}
    assert SMALL.outcomes_until(tuning_day) <= SMALL.trained_until
    assert day == DAY
    assert {SMALL.split_of(user) for user in users} == {"holdout"}


def test_a_look_is_entered_once_and_results_are_kept_user_by_user(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["wine", "milk"]
    monkeypatch.setattr(inferred, "infer", lambda *asked: Inferred(dict.fromkeys(asked[3], found), {}))
    name = released(shop)
    first, again = measure(shop, name), measure(shop, name)
    assert (first["opening"]["number"], first["results"]) == (1, again["results"])
    assert again["opening"] == first["opening"]
    kept = user_results.read(shop, first["results"])
    assert (kept.header.release, kept.header.day, kept.header.holdout) == (name, DAY, first["holdout"]["digest"])
    assert kept.header.opening == openings_of(shop, DAY)[0].digest
    assert list(kept.header.samples.values()) == [["wine", "milk"]] * 5
    figures = UserFigures.of_rows(kept.rows)
    assert len(figures.users) == first["users"]
    # Milk and wine came true; of the history milk is head, and nobody knew wine.
    assert figures.sums["recall_at_30", "all"].tolist() == [[1.0, 1.0]] * len(figures.users)
    assert figures.sums["recall_at_30", "tail"].tolist() == [[1.0, 1.0]] * len(figures.users)
    assert figures.sums["recall_new_at_30", "all"].tolist() == [[1.0, 1.0]] * len(figures.users)
    assert set(figures.groups["history"]) == {"known"}
    # Another answer is another look, and other outputs; baselines alone are a look, too.
    found.remove("wine")
    other = measure(shop, name)
    assert other["opening"]["number"] == 2
    assert user_results.read(shop, other["results"]).header.outputs != kept.header.outputs
    assert measure(shop)["opening"]["number"] == 3


def test_each_way_of_asking_is_held_against_the_one_before(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def infer(
        _log: Lake, _work: Lake, day: str, users: Sequence[str], _release: str, _form: str, asking: Any
    ) -> Inferred:
        settings = {name.removeprefix("INTENTFLOW_INFERENCE__"): value for name, value in (asking or {}).items()}
        # The untuned model that writes knows nothing, by rank it finds milk, tuned both, and the arbiter loses milk.
        found = {"written": ["beer"], "base": ["milk"], "review": ["wine"]}
        known = settings.get("ASKING") or settings.get("EXPERTS") or settings.get("ARBITER")
        return Inferred(dict.fromkeys(users, found.get(known or "", ["wine", "milk"])), {})

    monkeypatch.setattr(inferred, "infer", infer)
    ways = measure(shop, released(shop), ways=True)["ways"]
    assert [one["way"] for one in ways] == list(evaluate.WAYS)
    assert [one["recall_at_30"]["value"] for one in ways] == [0.0, 0.5, 1.0, 0.5]
    assert ways[0]["gained"] == {}
    assert [one["gained"]["recall_at_30"]["value"] for one in ways[1:]] == [0.5, 0.5, -0.5]
    assert "ways" not in measure(shop, ways=True)


@pytest.mark.parametrize(("form", "other"), [("hybrid", "text"), ("text", "hybrid")])
def test_both_forms_are_compared_user_by_user(
    shop: Lake, monkeypatch: pytest.MonkeyPatch, form: str, other: str
) -> None:
    asked = []

    def infer(
        _log: Lake, _work: Lake, day: str, users: Sequence[str], _release: str, shown: str, _asking: Any
    ) -> Inferred:
        asked.append((day, shown))
        return Inferred({user: ["wine", "milk"] if shown == form else ["milk"] for user in users}, {})

    monkeypatch.setattr(inferred, "infer", infer)
    figures = measure(shop, released(shop), both_forms=True, form=form)
    assert asked[0] == (DAY, other)
    assert [shown for _, shown in asked[1:]] == [form, form]
    assert (figures["inference"]["form"], figures[f"intents_{other}"]["form"]) == (form, other)
    # Wine and milk came true: one form finds both, the other one of them, for every user alike.
    difference = figures[f"paired_vs_intents_{other}"]["recall_at_30"]["intents"]
    assert difference == {"value": 0.5, "low": 0.5, "high": 0.5}


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        ({"users": 3, "day": "2017-03-11"}, "learnt from what happened until 2017-03-12"),
        ({"users": 3, "day": DAY, "registry": "another"}, "trained under the split rule another"),
    ],
)
def test_a_release_that_may_know_the_outcomes_is_asked_nothing(
    shop: Lake, monkeypatch: pytest.MonkeyPatch, training: dict[str, Any], sentence: str
) -> None:
    monkeypatch.setattr(inferred, "infer", None)
    with pytest.raises(UsageError, match=sentence):
        measure(shop, released(shop, **training))


def test_what_is_not_there_is_said(shop: Lake) -> None:
    with pytest.raises(UsageError, match="2017-03-11 is no evaluation day"):
        measure(shop, day="2017-03-11")
    with pytest.raises(DataError, match="The release base-none is not in"):
        measure(shop, "base-none")
    (Path(shop.root) / "_holdout" / f"{DAY}.json").unlink()
    with pytest.raises(SourceMissing, match="is not frozen"):
        measure(shop)


def test_the_command_ends_with_its_figures_or_a_sentence(shop: Lake, tmp_path: Path) -> None:
    rule = tmp_path / "evaluation.toml"
    rule.write_text(
        f'days = ["{DAY}"]\nleave_out = ["fuel"]\nhistory_days = 2\noutcome_days = 3\nminimum_events = 1\n'
        "minimum_active_days = 1\n"
    )
    environment = {**os.environ, "INTENTFLOW_SOURCE__EVALUATION": str(rule)}
    named = [sys.executable, "-m", "model_steps.evaluate", "--day", DAY, "--lake", shop.root, "--users", "5"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*named, *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    done = run("--baselines-only")
    assert done.returncode == Exit.OK, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["users"] == 5
    assert figures["recall_at_30"]["own_frequency"]["value"] == 0.5
    refused = run("--release", "base-none")
    assert (refused.returncode, refused.stdout) == (Exit.DATA, "")
    assert "The release base-none is not in" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_inference_gets_the_chosen_users_and_its_failures_are_empty(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Lake.open(tmp_path / "work")
    people = pa.Table.from_pylist([context(user, DAY) for user in ("ann", "bob", "cat")], contexts.TABLE.file_schema)
    put(lake, contexts.TABLE, {DAY: people})
    put(lake, signals.TABLE, {DAY: signals.TABLE.file_schema.empty_table()})
    seen = []

    def run_step(module: str, *arguments: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
        assert (module, environment["INTENTFLOW_INFERENCE__TAGS"]) == ("model_steps.infer", "30")
        assert environment["INTENTFLOW_INFERENCE__REPRESENTATION"] == "text"
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
    name = released(lake)
    answers = inferred.infer(lake, work, DAY, ["ann", "bob"], name, "text")
    assert answers.categories == {"ann": ["beer", "milk"], "bob": []}
    assert inferred.infer(lake, work, DAY, ["ann"], name, "text").categories == {"ann": ["beer", "milk"]}
    assert releases.read(work, name)[0].name == name
    assert seen == [["ann", "bob"], ["ann"]]


def test_thirty_tags_have_a_pool_that_the_settings_allow(monkeypatch: pytest.MonkeyPatch) -> None:

    for name, value in inferred.SETTINGS.items():
        monkeypatch.setenv(name, value)
    asked, rule = Settings().inference, read_rule(SourceSettings())
    assert asked.tags == 30
    assert 30 <= asked.personas * asked.tags_per_expert <= 52
    assert (asked.minimum_events, asked.minimum_active_days) == (
        rule.minimum_events,
        rule.minimum_active_days,
    )


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
