"""Captions of candidate and champion written and judged for a gate: of the same users, by one judge, in real files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from evaluation.actions import known_categories
from evaluation.gate.judged import PASSING
from evaluation.gate.user_figures import SCHEMA
from evaluation.grid import Grid
from lake.delta import tables
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import champions, evidence, openings, release_checks, releases, user_results
from lake.registry.evidence import REPORT
from lake.registry.openings import Look
from lake.registry.splits import SplitRule
from lake.registry.user_results import Header, UserResults
from lake.store import objects
from lake.store.location import Lake
from model_steps import gate, judge_candidate, judge_candidate_captions, release
from model_steps.engine.asking import Request
from model_steps.evaluating.results import asked_with, lists_digest
from runtime.errors import DataError, InfrastructureError
from schemas import answers, explanations, intents
from settings import GateSettings, Settings
from tests.evaluation.gate_cases import HERE, HOLDOUT, policy, release_check
from tests.model_steps.explained_shop import Model, Shop, built, shop
from tests.model_steps.test_explainer import GOOD, item_of
from tests.model_steps.test_judge_captions import PUTS_OFF, Nobody
from tests.model_steps.test_real_model import DAY, USERS

__all__ = ["built", "shop"]
RULE = SplitRule(days=(DAY,))
TAGS = ("white bread", "whole milk", "cream cheese")


def good(request: Request) -> str:
    return GOOD.replace("{what}", item_of(request))


def bad(request: Request) -> str:
    return PUTS_OFF.replace("{what}", item_of(request))


@dataclass
class World:
    """A lake on which two releases were evaluated that say the same tags."""

    lake: Lake
    work: Path
    settings: Settings
    new: str
    old: str
    models: dict[str, Model] = field(default_factory=dict)

    def evaluate(self, name: str, users: Sequence[str] = tuple(USERS)) -> str:
        """Keep what an evaluation keeps of a release; returns the path."""
        scores = Grid.of(users, known_categories(self.lake)).ranked({user: list(TAGS) for user in users}, 30)
        look = openings.open_holdout(self.lake, Look(DAY, f"look at {name}", name, ("recall",), 3, "me", ""))
        outputs = lists_digest(tuple(users), scores)
        header = Header(name, DAY, HOLDOUT, look.digest, outputs, asked_with(self.settings), {}, {})
        groups = {"categories": "all", "found": 0.5, "of": 1.0, "activity": "light", "history": "known"}
        rows = [{"user_id": user, "metric": "recall", **groups} for user in users]
        return user_results.put(self.lake, UserResults(header, pa.Table.from_pylist(rows, SCHEMA)))

    def judged(self, name: str, users: int = 0) -> dict[str, Any]:
        # Each has a lake of answers: both write with the same model, which would be asked but once.
        asked = judge_candidate.Candidate(self.lake, Lake.open(self.work / f"work-{name}"), name, DAY, None, users, 2)
        return judge_candidate_captions.judge_candidate_captions(
            asked, self.settings, RULE, self.models[name], Nobody()
        )

    def counts(self, manifest: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
        rows = user_results.read(self.lake, manifest["results"]).rows.to_pylist()
        assert {row["metric"] for row in rows} <= {PASSING}
        return {row["user_id"]: (row["found"], row["of"]) for row in rows}


@pytest.fixture
def world(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    old = champions.log_of(shop.lake)[-1].release
    made = release.make(tmp_path / "made", None)
    releases.install(shop.lake, made, {})
    objects.put(shop.lake, f"_holdout/{DAY}.json", {"day": DAY, "digest": HOLDOUT})
    monkeypatch.setattr("lake.registry.judges.newest_day", lambda _lake: DAY)
    settings = shop.settings.model_copy(update={"gate": GateSettings(policy=tmp_path / "policy.yaml")})
    found = World(shop.lake, tmp_path, settings, made.name, old)
    found.models = {made.name: Model(good), old: Model(good)}
    for name in (found.new, old):
        found.evaluate(name)

    def inferring(work: Lake, day: str, *_: Any, release: str, start: Any) -> dict[str, Any]:
        assert isinstance(start, judge_candidate.Kept)
        named = {"category_similarity": 1.0, "why": "w", "expert": 1, "chosen_by": "probability", "release": release}
        rows = [
            {**named, "day": day, "user_id": user, "rank": rank, "tag": tag, "category": tag, "persona": "cook"}
            for user in USERS
            for rank, tag in enumerate(TAGS, 1)
        ]
        table, partition = intents.TABLE, {"day": day}
        file = stage(work, table, pa.Table.from_pylist(rows, table.schema).select(table.file_schema.names),
                     fingerprint=release, partition=partition)  # fmt: skip
        return {"batches": [Batch(table.name, "infer", (StagedPartition(partition, release, (file,)),)).save(work)]}

    monkeypatch.setattr(judge_candidate, "infer", inferring)
    return found


def test_of_each_user_it_counts_the_items_with_a_caption_that_passes(world: World) -> None:
    turn = iter(range(10**6))
    world.models[world.new] = Model(lambda request: (good, bad)[next(turn) % 2](request))
    manifest = world.judged(world.new)
    assert (manifest["judged"], manifest["users"], manifest["items"], manifest["captions"]) == (True, 3, 6, 6)
    assert world.counts(manifest) == dict.fromkeys(USERS, (1.0, 2.0))
    assert manifest["passing"]["value"] == 0.5
    header = user_results.read(world.lake, manifest["results"]).header
    (measured,) = user_results.of_release(world.lake, DAY, world.new).values()
    assert (header.outputs, header.opening) == (measured.header.outputs, measured.header.opening)
    assert set(header.asked) >= {"users", "captions", "judge", "record", "decides", "code"}
    assert any("(B)" in said for captions in header.samples.values() for said in captions)
    # Nothing of it is where a day's captions are looked for, nor what was measured.
    assert tables.read(world.lake, explanations.TABLE, DAY).num_rows == 0
    assert tables.read(world.lake, answers.TABLE).num_rows == 0
    assert len(openings.openings_of(world.lake, DAY)) == max(o.number for o in openings.openings_of(world.lake, DAY))


def test_an_item_whose_captions_broke_the_rules_passes_nothing(world: World) -> None:
    broken = "Silk for all!"
    world.models[world.new] = Model(lambda request: broken if "milk" in item_of(request) else good(request))
    manifest = world.judged(world.new)
    assert (manifest["items"], manifest["captions"]) == (6, 3)
    assert set(world.counts(manifest).values()) == {(1.0, 2.0)}


def test_a_killed_run_asks_nothing_twice_and_looks_are_not_used_up(world: World) -> None:
    looks = len(openings.openings_of(world.lake, DAY))
    world.models[world.new] = Model(good, written=5)
    with pytest.raises(InfrastructureError, match="killed"):
        world.judged(world.new)
    whole, fresh = Model(good), Model(good)
    world.models[world.new] = whole
    manifest = world.judged(world.new)
    assert manifest["cached_answers"] > 0
    world.models[world.new] = fresh
    again = world.judged(world.new)
    assert (again["results"], again["model_calls"], fresh.asked) == (manifest["results"], 0, [])
    assert len(openings.openings_of(world.lake, DAY)) == looks


def test_fewer_users_are_drawn_alike_for_both(world: World) -> None:
    first, second = world.judged(world.new, users=2), world.judged(world.old, users=2)
    assert world.counts(first).keys() == world.counts(second).keys()
    assert len(world.counts(first)) == 2
    headers = [user_results.read(world.lake, each["results"]).header for each in (first, second)]
    assert headers[0].asked == headers[1].asked


def test_without_captions_or_a_judge_nothing_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.models[world.new] = Model(written=0)
    kept = world.settings
    off = kept.explanations.model_copy(update={"tags": 0})
    world.settings = kept.model_copy(update={"explanations": off})
    manifest = world.judged(world.new)
    assert manifest["judged"] is False
    assert "INTENTFLOW_EXPLANATIONS__TAGS is 0" in manifest["why"]
    world.settings = kept
    monkeypatch.setattr("lake.registry.judges.newest_day", lambda _lake: "2017-12-24")
    assert "no standing (expired)" in world.judged(world.new)["why"]


# --- with the gate


@dataclass
class Gated:
    """The gate over a world's files."""

    world: World

    def run(self, tier: str = "supporting", **changed: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, bytes]]:
        """Manifest, checks by name, and the evidence's files."""
        wanted = {"name": PASSING, "tier": tier, "allowed_loss": 0.05, "least_users": 2, **changed}
        said = policy(
            metric={"slices": [], "least_users": 2},
            more=[wanted],
            holdout_openings=9,
        )
        world = self.world
        world.settings.gate.policy.write_text(yaml.safe_dump(said.model_dump(mode="json")))
        (own,), (beside,) = (user_results.of_release(world.lake, DAY, name) for name in (world.new, world.old))
        manifest = gate.run_gate(world.lake, world.settings, world.settings.gate.policy, world.new, own, beside)
        _, files = evidence.read(world.lake, manifest["evidence"])
        checks = {check["name"]: check for check in yaml.safe_load(files["decision.json"])["checks"]}
        return manifest, checks, dict(files)


@pytest.fixture
def gated(world: World, monkeypatch: pytest.MonkeyPatch) -> Gated:
    release_checks.put(world.lake, release_check(release=world.new))
    monkeypatch.setattr(gate, "here", lambda *_: HERE)
    return Gated(world)


LOSS = f"{PASSING}: non-inferiority"


def test_captions_that_are_clearly_worse_are_held_back(gated: Gated) -> None:
    world = gated.world
    _, checks, _ = gated.run()
    assert (checks[LOSS]["state"], checks["caption judge"]["state"]) == ("MISSING", "PASS")
    assert f"judge_candidate_captions --release {world.new}" in checks[LOSS]["why"]
    world.models[world.new] = Model(bad)
    for name in (world.new, world.old):
        world.judged(name)
    manifest, checks, files = gated.run()
    assert manifest["captions_judged"] == "yes"
    assert (checks[LOSS]["state"], checks[LOSS]["candidate"], checks[LOSS]["champion"]) == ("BREACH", 0, 1)
    assert manifest["verdict"] == "NO-GO"
    assert any(sentence.startswith(f"{LOSS}: BREACH") for sentence in manifest["why"])
    assert {"candidate-captions.parquet", "champion-captions.parquet", "captions.json", "caption-judge.json"} <= set(
        files
    )
    page = files[REPORT].decode()
    assert "What the judge says of their captions" in page
    assert "for the week. (B)" in page
    head = evidence.head(world.lake, manifest["evidence"])
    assert set(head.digests) >= {"caption judge", "results of the candidate-captions", "champion-captions judged with"}
    # Only shown, it changes nothing.
    manifest, checks, _ = gated.run("advisory")
    assert (checks[LOSS]["state"], checks[LOSS]["tier"]) == ("BREACH", "advisory")
    assert manifest["verdict"] == "INCONCLUSIVE", "both say the same tags"


def test_as_good_captions_pass(gated: Gated) -> None:
    for name in (gated.world.new, gated.world.old):
        gated.world.judged(name)
    manifest, checks, _ = gated.run("critical", floor=0.5)
    assert manifest["verdict"] == "INCONCLUSIVE"
    assert {checks[name]["state"] for name in (LOSS, f"{PASSING}: floor", "caption judge")} == {"PASS"}
    assert checks["caption judge"]["tier"] == "critical"


def test_too_few_users_prove_nothing(gated: Gated) -> None:
    for name in (gated.world.new, gated.world.old):
        gated.world.judged(name)
    _, checks, _ = gated.run(least_users=50)
    assert (checks[LOSS]["state"], checks[LOSS]["users_missing"]) == ("INSUFFICIENT EVIDENCE", 47)


@pytest.mark.parametrize(
    ("arrange", "state", "words"),
    [
        (
            lambda folder, patch: patch.setattr("lake.registry.judges.newest_day", lambda _: "2017-12-24"),
            "BREACH",
            "expired",
        ),
        (lambda folder, patch: shutil.rmtree(folder / "calibration"), "MISSING", "was never examined"),
        (lambda folder, patch: shutil.rmtree(folder), "MISSING", "There is no judge of captions"),
        (
            lambda folder, patch: patch.setattr("model_steps.caption_judge.ready.decides", lambda *_: "other"),
            "BREACH",
            "with other code",
        ),
    ],
    ids=["expired", "no record", "no judge", "other code"],
)
def test_a_judge_of_captions_without_standing_passes_nobody(
    gated: Gated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrange: Any, state: str, words: str
) -> None:
    world = gated.world
    for name in (world.new, world.old):
        world.judged(name)
    folder = shutil.copytree(world.settings.caption_judge.release, tmp_path / "judge")
    own = world.settings.caption_judge.model_copy(update={"release": folder})
    world.settings = world.settings.model_copy(update={"caption_judge": own})
    arrange(folder, monkeypatch)
    manifest, checks, _ = gated.run()
    assert (checks["caption judge"]["state"], checks[LOSS]["state"]) == (state, "MISSING")
    assert words in checks["caption judge"]["why"]
    assert manifest["verdict"] == "NO-GO"
    # Where captions are only shown, their judge holds nobody back.
    manifest, checks, _ = gated.run("advisory")
    assert (checks["caption judge"]["state"], checks["caption judge"]["tier"]) == (state, "advisory")
    assert manifest["verdict"] == "INCONCLUSIVE"


def test_a_changed_record_stops_the_gate(gated: Gated, tmp_path: Path) -> None:
    world = gated.world
    folder = shutil.copytree(world.settings.caption_judge.release, tmp_path / "judge")
    (record,) = (folder / "calibration").glob("*.json")
    record.write_text(record.read_text().replace("2017-11-01", "2018-11-01"))
    own = world.settings.caption_judge.model_copy(update={"release": folder})
    world.settings = world.settings.model_copy(update={"caption_judge": own})
    with pytest.raises(DataError, match="was changed since it was written"):
        gated.run()


def test_a_shop_without_captions_is_told_what_to_do(gated: Gated) -> None:
    world = gated.world
    off = world.settings.explanations.model_copy(update={"tags": 0})
    world.settings = world.settings.model_copy(update={"explanations": off})
    manifest, checks, _ = gated.run()
    assert (checks[LOSS]["state"], manifest["verdict"]) == ("MISSING", "NO-GO")
    assert f"set it, or name a policy without {PASSING}" in checks[LOSS]["why"]
    assert checks["caption judge"]["state"] == "PASS"


def test_verdicts_of_other_users_or_settings_are_no_pair(gated: Gated) -> None:
    gated.world.judged(gated.world.new)
    gated.world.judged(gated.world.old, users=2)
    manifest, checks, _ = gated.run()
    assert checks[LOSS]["state"] == "MISSING"
    assert "on other users, captions or code" in manifest["captions_judged"]


def test_a_changed_verdict_is_noticed(gated: Gated) -> None:
    path = gated.world.judged(gated.world.new)["results"]
    gated.world.judged(gated.world.old)
    results = user_results.read(gated.world.lake, path)
    better = results.rows.set_column(3, SCHEMA.field("found"), pa.array([2.0] * results.rows.num_rows))
    better = better.set_column(4, SCHEMA.field("of"), pa.array([3.0] * results.rows.num_rows))
    gated.world.lake.write(path, replace(results, rows=better).parquet())
    with pytest.raises(DataError, match="was changed since it was written"):
        gated.run()


def test_a_policy_without_captions_has_no_check_of_their_judge(gated: Gated) -> None:
    _, checks, files = gated.run(name="share_superior")
    assert "caption judge" not in checks
    assert not {"captions.json", "caption-judge.json"} & set(files)
