"""The ladder of releases: what stands on it, who is asked what, and what is said of the differences."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import quality
from bench.ladder import climb, picture
from bench.ladder.climb import Ladder, vectors_of
from bench.ladder.released import SHIPPED, Found, ShippedRung, find, to_combine
from bench.v1_routes import merged
from evaluation.freeze import freeze
from evaluation.snapshots import BASELINES
from lake.registry import releases
from lake.registry.openings import openings_of
from lake.registry.releases import Release
from lake.registry.splits import add_days
from lake.store.location import Lake
from model_steps.agents.words import Categories
from model_steps.evaluating import inferred
from model_steps.evaluating.inferred import Inferred
from runtime.errors import SourceMissing, UsageError
from tests.evaluation.conftest import SMALL
from tests.model_steps.test_evaluate import catalog

DAY = SMALL.days[0]
NAMES = ("beer", "eggs", "milk", "wine")
CATEGORIES = Categories(NAMES, NAMES, np.eye(4, dtype=np.float32))
TABLE = (ShippedRung("base", "adaptor-1", "train it"), ShippedRung("grpo_crs", None, "reinforce it"))


@pytest.fixture
def below(tmp_path: Path) -> Path:
    (tmp_path / "adaptor-1").mkdir()
    return tmp_path


def test_absent_releases_are_said_and_named_ones_stand_in_the_ladders_order(below: Path) -> None:
    found = find([], TABLE, below)
    assert list(found.folders) == ["base"]
    assert "reinforce it" in found.absent["grpo_crs"]
    (below / "other").mkdir()
    named = find([f"mine={below}/other", f"grpo_crs={below}/other"], TABLE, below)
    assert (list(named.folders), named.absent) == (["base", "grpo_crs", "mine"], {})
    (below / "adaptor-1").rmdir()
    assert "is not here" in find([], TABLE, below).absent["base"]


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        (["sft"], "is not NAME=FOLDER"),
        (["sft="], "is not NAME=FOLDER"),
        (["up_cf=."], "has a rung up_cf already"),
        (["mine=.", "mine=."], "has a rung mine already"),
        (["mine=nowhere"], "there is no folder nowhere"),
    ],
)
def test_a_release_that_is_named_wrongly_is_told_of(named: list[str], sentence: str, below: Path) -> None:
    with pytest.raises(UsageError, match=sentence):
        find(named, TABLE, below)


def test_the_shipped_releases_are_there() -> None:
    found = find([], SHIPPED)
    assert list(found.folders)[:2] == ["base", "sft"]
    assert all(releases.load(folder)[0].name == folder.name for folder in found.folders.values())


def test_what_is_shipped_is_combined(tmp_path: Path) -> None:
    found = Found({"sft": tmp_path / "sft", "grpo_crs": tmp_path / "crs"}, {})
    assert to_combine(found, None, tmp_path / "sft") == "sft"
    assert to_combine(found, None, tmp_path / "none") == "grpo_crs"
    assert to_combine(found, "grpo_crs", tmp_path / "sft") == "grpo_crs"
    assert to_combine(Found({}, {}), None, tmp_path) is None
    with pytest.raises(UsageError, match="the ladder's releases are sft, grpo_crs"):
        to_combine(found, "base", tmp_path)


def test_routes_take_turns_and_each_tag_stands_once() -> None:
    assert merged([["a", "b"], ["c"], [], ["b", "d", "e"]]) == ["a", "c", "b", "d", "e"]


def test_every_category_has_its_own_embedding() -> None:
    assert vectors_of(("wine", "beer"), CATEGORIES).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]
    with pytest.raises(SourceMissing, match="1 categories have no vector, gin first"):
        vectors_of(("beer", "gin"), CATEGORIES)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"users": -1}, "numbers of users from 0 on"),
        ({"v1_users": -1}, "numbers of users from 0 on"),
        ({"tuning_users": 0}, "at least 1"),
        ({"ladder": True, "ways": True}, "leave one of them out"),
        ({"ladder": True, "baselines_only": True}, "leave one of them out"),
        ({"release": ["a", "b"]}, "add --ladder"),
        ({"combine": "sft"}, "add --ladder"),
    ],
)
def test_what_does_not_go_together_is_told_of_first(flags: Mapping[str, Any], sentence: str) -> None:
    usual: dict[str, Any] = {"users": 5, "v1_users": 1, "tuning_users": 4, "ladder": False, "baselines_only": False}
    usual |= {"both_forms": False, "ways": False, "release": [], "combine": None}
    quality.refuse_unfit(argparse.Namespace(**usual))
    with pytest.raises(UsageError, match=sentence):
        quality.refuse_unfit(argparse.Namespace(**{**usual, **flags}))


@pytest.fixture
def shop(land: Callable[[Sequence[tuple[str, str, str, str]], Sequence[str]], Lake]) -> Lake:
    """Everybody buys milk every day and something else in turn; wine comes last."""
    users, days = [f"user{number}" for number in range(30)], [add_days("2017-01-01", number) for number in range(75)]
    log = []
    for day in days:
        for turn, user in enumerate(users):
            log.append((user, f"{day}T10:00:00", "purchase", "milk"))
            log.append((user, f"{day}T11:00:00", "purchase", "wine" if day > DAY else ("beer", "eggs")[turn % 2]))
    lake = land(log, days)
    catalog(lake, NAMES)
    freeze(lake, SMALL)
    return lake


def released(lake: Lake, **training: Any) -> str:
    release = Release("model", {}, "embedder", {}, training)
    releases.install(lake, release, {})
    return release.name


def ladder(lake: Lake, names: Mapping[str, str], v1_users: int = 0) -> Ladder:
    work = Lake.open(Path(lake.root).parent / "work")
    Path(work.root).mkdir(exist_ok=True)
    combine = list(names)[-1] if names else None
    return Ladder(lake, work, SMALL, DAY, 0, v1_users, 4, names, combine, "hybrid", CATEGORIES)


def test_rungs_are_asked_about_the_same_users(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base names beer, sft what comes true, V1 milk for the two users that it is asked about."""
    base, sft = released(shop), released(shop, note="tuned")
    asked: list[tuple[str, str, tuple[str, ...]]] = []

    def infer(_log: Lake, _work: Lake, day: str, users: Sequence[str], release: str, _form: str) -> Inferred:
        asked.append((release, day, tuple(users)))
        named = ["beer"] if release == base else ["wine", "milk"]
        # The first user's inference fails with the base.
        failed: dict[str, list[str]] = {users[0]: []} if release == base else {}
        return Inferred({**dict.fromkeys(users, named), **failed}, {"model_calls": 3, "cached_answers": 2})

    def run_step(module: str, *arguments: str) -> Mapping[str, Any]:
        assert module == "bench.v1_intents"
        users = [each for flag, each in pairwise(arguments) if flag == "--user"]
        place = Path(arguments[arguments.index("--out") + 1])
        place.write_text(json.dumps({user: {"categories": ["milk"], "valid": 15} for user in users}))
        return {"users": len(users)}

    monkeypatch.setattr(inferred, "infer", infer)
    monkeypatch.setattr(climb, "run_step", run_step)
    figures = ladder(shop, {"base": base, "sft": sft}, v1_users=2).run("2017-01-01")
    assert list(figures["recall_at_30"]) == [
        *BASELINES, "v1_routes", "base", "sft", "combined_without_intents", "combined",
    ]  # fmt: skip
    assert {name: figures["recall_at_30"][name]["value"] for name in ("v1_routes", "base", "sft")} == {
        "v1_routes": 0.5,
        "base": 0.0,
        "sft": 1.0,
    }
    assert (figures["asked"]["v1_routes"], figures["asked"]["sft"]) == (2, figures["users"])
    # Two tags of the thirty that are asked for, and none of the user whose inference failed.
    assert figures["share_valid"]["sft"]["value"] == pytest.approx(2 / 30, abs=1e-4)
    assert figures["share_valid"]["v1_routes"]["value"] == 0.5
    assert figures["asked_of"]["base"]["users_failed"] == 1
    assert figures["diversity"]["sft"]["value"] == 1.0
    assert figures["paired_vs_sft"]["recall_at_30"]["base"]["value"] == -1.0
    # Train users for the weights alone, and for the combined release alone.
    judged = {users for release, day, users in asked if day == DAY}
    assert len(judged) == 1
    assert [release for release, day, _ in asked if day != DAY] == [sft]
    assert sorted(figures["openings"].values()) == [1, 2]
    assert [one.release for one in openings_of(shop, DAY)] == [base, sft]
    said = {(one["better"], one["than"], one["metric"]): one["says"] for one in figures["claims"]}
    assert said["sft", "base", "recall_at_30"] == "higher"
    assert said["grpo_crs", "sft", "hr_at_30"] == "absent"
    drawn = [picture.draw(figures, Path(shop.root).parent / name) for name in ("first", "second")]
    assert drawn[0].name == f"ladder-{DAY}.svg"
    assert drawn[0].read_bytes() == drawn[1].read_bytes()


def test_nothing_is_asked_where_one_release_may_know_the_outcomes(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inferred, "infer", None)
    late = released(shop, users=3, day="2017-03-11")
    with pytest.raises(UsageError, match="learnt from what happened until 2017-03-12"):
        ladder(shop, {"base": released(shop), "sft": late}).run("2017-01-01")
