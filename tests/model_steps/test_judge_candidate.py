"""The tags of an evaluated release judged for its gate: by a judge with standing, once, of the same users always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from evaluation.gate.judged import BAD, RECORD, SUPERIOR
from evaluation.gate.user_figures import SCHEMA
from evaluation.grid import Grid
from lake.delta import tables
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import champions, evidence, judge_records, openings, release_checks, releases, user_results
from lake.registry.evidence import REPORT
from lake.registry.judge_records import CalibrationRecord
from lake.registry.openings import Look
from lake.registry.releases import Release
from lake.registry.splits import SplitRule
from lake.registry.user_results import Header, UserResults
from lake.store import objects
from lake.store.location import Lake
from model_steps import gate, judge_candidate
from model_steps.evaluating.judged_tags import chosen
from model_steps.evaluating.results import asked_with, lists_digest
from model_steps.judge import day_inputs
from model_steps.judge.decides import decides
from model_steps.judge.judge_release import Judge
from runtime.errors import DataError, InfrastructureError, SourceMissing, UsageError
from schemas import answers, intents
from settings import GateSettings, JudgeSettings, Settings
from tests.evaluation.gate_cases import HERE, HOLDOUT, policy, release_check
from tests.model_steps.test_judge_sample import Model, intent, model, shop
from tests.model_steps.test_real_model import CATALOG, DAY, USERS

__all__ = ["model", "shop"]

RULE = SplitRule(days=(DAY,))
NEW, OLD = Release("m", {"expert": "new"}, "e", {}, {}), Release("m", {"expert": "old"}, "e", {}, {})
# The model finds yogurt bad and all else superior: the candidate names it to one user, the champion to two.
YOGURT = "plain yogurt"
SAID: Mapping[str, Mapping[str, Sequence[str]]] = {
    NEW.name: {"u1": ["whole milk", YOGURT], "u2": ["white bread", "corn chips"], "u3": ["baby food", "mixed nuts"]},
    OLD.name: {"u1": [YOGURT, "whole milk"], "u2": [YOGURT, "corn chips"], "u3": ["baby food", "mixed nuts"]},
}
ERRORS = {"sensitivity": {"found": 90, "of": 100}, "specificity": {"found": 90, "of": 100}}


@dataclass
class World:
    """A lake where candidate and champion were evaluated, and a judge passed its exam."""

    lake: Lake
    work: Lake
    settings: Settings
    judge: str
    model: Model
    said: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def evaluate(self, release: str, users: Sequence[str] = tuple(USERS)) -> str:
        """Keep what an evaluation keeps of a release; returns the path."""
        lists = self.said[release]
        scores = Grid.of(users, list(CATALOG)).ranked({user: lists[user] for user in users}, 30)
        look = openings.open_holdout(self.lake, Look(DAY, f"look at {release}", release, ("recall",), 3, "me", ""))
        outputs = lists_digest(tuple(users), scores)
        header = Header(release, DAY, HOLDOUT, look.digest, outputs, asked_with(self.settings), {}, {})
        groups = {"categories": "all", "found": 0.5, "of": 1.0, "activity": "light", "history": "known"}
        rows = [{"user_id": user, "metric": "recall", **groups} for user in users]
        return user_results.put(self.lake, UserResults(header, pa.Table.from_pylist(rows, SCHEMA)))

    def judged(self, release: str, users: int = 0, tags: int = 2, path: str | None = None, **judge: Any) -> Any:
        asked = judge_candidate.Candidate(self.lake, self.work, release, DAY, path, users, tags)
        settings = self.settings
        if judge:
            settings = settings.model_copy(update={"judge": settings.judge.model_copy(update=judge)})
        return judge_candidate.judge_candidate(asked, settings, RULE, Judge(self.judge), self.model)

    def shares(self, manifest: Mapping[str, Any]) -> dict[tuple[str, str], tuple[float, float]]:
        rows = user_results.read(self.lake, manifest["results"]).rows.to_pylist()
        return {(row["user_id"], row["metric"]): (row["found"], row["of"]) for row in rows}


@pytest.fixture
def world(shop: Lake, tmp_path: Path, settings: Settings, model: Model, monkeypatch: pytest.MonkeyPatch) -> World:
    judge = Release("m", {"judge": "j"}, "e", {}, {})
    folder = releases.save(tmp_path / "judges", judge, {})
    for release in (NEW, OLD):
        releases.install(shop, release, {})
    objects.put(shop, f"_holdout/{DAY}.json", {"day": DAY, "digest": HOLDOUT})
    asked = JudgeSettings(release=folder, chunk_users=1, rules=())
    told = settings.model_copy(update={"judge": asked, "gate": GateSettings(policy=tmp_path / "policy.yaml")})
    said = {name: {user: list(tags) for user, tags in lists.items()} for name, lists in SAID.items()}
    made = World(shop, Lake.open(tmp_path / "work"), told, judge.name, model, said)
    examined(made)
    for release in (NEW, OLD):
        made.evaluate(release.name)
    # The small shop's outputs have no form of the agents.
    monkeypatch.setattr(day_inputs, "guard_of", lambda *_: None)

    def inferring(work: Lake, day: str, *_: Any, release: str, start: Any) -> dict[str, Any]:
        assert isinstance(start, judge_candidate.Kept)
        rows = [
            {**intent(user, rank, tag), "release": release}
            for user, tags in made.said[release].items()
            for rank, tag in enumerate(tags, 1)
        ]
        table, partition = intents.TABLE, {"day": day}
        file = stage(work, table, pa.Table.from_pylist(rows, table.schema).select(table.file_schema.names),
                     fingerprint=release, partition=partition)  # fmt: skip
        return {"batches": [Batch(table.name, "infer", (StagedPartition(partition, release, (file,)),)).save(work)]}

    monkeypatch.setattr(judge_candidate, "infer", inferring)
    return made


def examined(world: World, day: str = DAY, kappa: float = 0.6) -> None:
    wanted = decides(world.settings.judge, world.judge)
    figures = {"real_outputs": {"kappa": {"agent_tuned": {"value": 0.7, "low": kappa, "high": 0.8}}}}
    record = CalibrationRecord(
        world.judge, wanted, {}, judge_records.FULL, day, 0.4, {**figures, "superior_errors": ERRORS}
    )
    judge_records.put(world.lake, record)


def test_of_each_user_it_counts_how_many_tags_are_superior_and_bad(world: World) -> None:
    manifest = world.judged(NEW.name)
    assert world.shares(manifest) == {
        ("u1", SUPERIOR): (1.0, 2.0), ("u1", BAD): (1.0, 2.0),
        ("u2", SUPERIOR): (2.0, 2.0), ("u2", BAD): (0.0, 2.0),
        ("u3", SUPERIOR): (2.0, 2.0), ("u3", BAD): (0.0, 2.0),
    }  # fmt: skip
    assert (manifest["judged"], manifest["users"], manifest["tags"], manifest["model_calls"]) == (True, 3, 6, 24)
    assert manifest["superior"]["value"] == pytest.approx(5 / 6, abs=1e-4)
    assert manifest["superior_corrected"]["value"] == pytest.approx((5 / 6 - 0.1) / 0.8, abs=1e-4)
    kept = user_results.read(world.lake, manifest["results"])
    (measured,) = user_results.of_release(world.lake, DAY, NEW.name).values()
    assert (kept.header.outputs, kept.header.made_with["measured"]) == (measured.header.outputs, measured.name)
    assert (kept.header.asked["judge"], kept.header.asked[RECORD]) == (world.judge, manifest["record"])
    assert set(kept.header.asked) >= {"code", "decides", "tags", "users"}
    assert kept.header.samples["u1"] == ["whole milk (S)", f"{YOGURT} (B)"]
    # The look is in the ledger, behind those of the two evaluations.
    look = openings.openings_of(world.lake, DAY)[-1]
    assert (look.number, look.digest) == (manifest["opening"]["number"], kept.header.opening)
    assert (look.metrics, look.users, look.release) == ((SUPERIOR, BAD), 3, NEW.name)
    assert look.number > 2


def test_only_the_first_tags_are_judged(world: World) -> None:
    manifest = world.judged(OLD.name, tags=1)
    assert world.shares(manifest)["u1", BAD] == (1.0, 1.0)
    assert world.shares(world.judged(NEW.name, tags=1))["u1", BAD] == (0.0, 1.0)


def test_a_killed_run_asks_nothing_twice_and_ends_in_the_same_results(world: World) -> None:
    world.model.chunks_left = 1
    with pytest.raises(InfrastructureError, match="killed"):
        world.judged(NEW.name)
    looks = len(openings.openings_of(world.lake, DAY))
    assert user_results.of_release(world.lake, DAY, NEW.name, user_results.JUDGED) == {}
    world.model.chunks_left = -1
    whole = world.judged(NEW.name)
    assert (whole["model_calls"], whole["cached_answers"]) == (16, 8)
    again = world.judged(NEW.name)
    assert (again["model_calls"], again["results"], again["opening"]) == (0, whole["results"], whole["opening"])
    assert len(openings.openings_of(world.lake, DAY)) == looks
    # Neither answers nor intents of an evaluation are where a refresh looks.
    assert tables.read(world.lake, answers.TABLE).num_rows == 0
    assert set(tables.read(world.lake, intents.TABLE, DAY)["release"].to_pylist()) == {"experts-1"}


def test_users_are_drawn_alike_whatever_a_release_says(world: World) -> None:
    (measured,) = user_results.of_release(world.lake, DAY, OLD.name).values()
    (user,) = chosen(measured, 1, 0)
    # The champion failed for the very user who is drawn: nobody takes that place.
    world.said[OLD.name][user] = []
    path = world.evaluate(OLD.name)
    new, beside = world.judged(NEW.name, users=1), world.judged(OLD.name, users=1, path=path)
    assert {who for who, _ in world.shares(new)} == {user}
    assert world.shares(beside) == {}
    headers = [user_results.read(world.lake, each["results"]).header for each in (new, beside)]
    assert headers[0].asked == headers[1].asked


@pytest.mark.parametrize(
    ("arrange", "state"),
    [
        (lambda world: [world.lake.delete(path) for path in list(world.lake.list("_judges"))], "missing"),
        (lambda world: examined(world, "2017-11-02", 0.3), "failing"),
    ],
)
def test_a_judge_without_standing_judges_nobody_and_no_setting_lets_it(world: World, arrange: Any, state: str) -> None:
    arrange(world)
    looks = len(openings.openings_of(world.lake, DAY))
    manifest = world.judged(NEW.name, without_standing=True)
    assert (manifest["judged"], world.model.starts) == (False, 0)
    assert f"the judge has no standing ({state})" in manifest["why"]
    assert len(openings.openings_of(world.lake, DAY)) == looks


def test_tags_that_are_not_those_that_were_measured_are_refused(world: World) -> None:
    world.said[NEW.name]["u3"].reverse()
    with pytest.raises(DataError, match="are not those that it was measured with"):
        world.judged(NEW.name)
    assert world.model.starts == 0


def test_what_was_measured_must_be_there_once_and_unchanged(world: World) -> None:
    asked = judge_candidate.Candidate(world.lake, world.work, NEW.name, "2017-03-11", None, 0, 2)
    with pytest.raises(UsageError, match="2017-03-11 is no evaluation day"):
        judge_candidate.judge_candidate(asked, world.settings, RULE, Judge(world.judge), world.model)
    with pytest.raises(SourceMissing, match="nobody was not evaluated on"):
        world.judged("nobody")
    (path,) = user_results.of_release(world.lake, DAY, OLD.name)
    with pytest.raises(UsageError, match=f"is of {OLD.name} on {DAY}, not of {NEW.name}"):
        world.judged(NEW.name, path=path)
    world.said[OLD.name]["u1"] = ["white bread"]
    second = world.evaluate(OLD.name)
    with pytest.raises(UsageError, match="more than once, name one with --results"):
        world.judged(OLD.name)
    assert world.judged(OLD.name, path=second)["judged"]
    results = user_results.read(world.lake, path)
    world.lake.write(path, replace(results, rows=results.rows.slice(1)).parquet())
    with pytest.raises(DataError, match="was changed since it was written"):
        world.judged(OLD.name)


def test_a_release_that_was_measured_with_other_settings_is_refused(world: World) -> None:
    inference = world.settings.inference.model_copy(update={"ranked_tags": 40})
    world.settings = world.settings.model_copy(update={"inference": inference})
    with pytest.raises(UsageError, match="with other settings of inference"):
        world.judged(NEW.name)


def test_other_outcomes_than_were_measured_on_are_refused(world: World) -> None:
    objects.put(world.lake, f"_holdout/{DAY}.json", {"day": DAY, "digest": "thawed"})
    with pytest.raises(DataError, match="other outcomes"):
        world.judged(NEW.name)


# --- with the gate


@pytest.fixture
def decide(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the gate: manifest, checks by name, and the report."""
    share = {"tier": "advisory", "allowed_loss": 0.5, "least_users": 2}
    more = [{**share, "name": SUPERIOR}, {**share, "name": BAD, "direction": "lower"}]
    said = policy(more=more, holdout_openings=9).model_dump(mode="json")
    world.settings.gate.policy.write_text(yaml.safe_dump(said))
    champions.promote(world.lake, releases.save(tmp_path / "code", OLD, {}), "first")
    release_checks.put(world.lake, release_check(release=NEW.name))
    monkeypatch.setattr(gate, "here", lambda *_: HERE)

    def run() -> tuple[dict[str, Any], dict[str, Any], str]:
        (own,), (beside,) = (user_results.of_release(world.lake, DAY, each.name) for each in (NEW, OLD))
        manifest = gate.run_gate(world.lake, world.settings, world.settings.gate.policy, NEW.name, own, beside)
        _, files = evidence.read(world.lake, manifest["evidence"])
        checks = {check["name"]: check for check in yaml.safe_load(files["decision.json"])["checks"]}
        return {**manifest, "files": set(files)}, checks, files[REPORT].decode()

    return run


def test_the_gate_finds_both_and_its_report_shows_them(world: World, decide: Any) -> None:
    manifest, checks, _ = decide()
    assert checks[f"{SUPERIOR}: non-inferiority"]["state"] == "MISSING"
    assert f"judge_candidate --release {NEW.name}" in manifest["judged"]
    world.judged(NEW.name)
    _, checks, _ = decide()
    assert f"judge_candidate --release {OLD.name}" in checks[f"{SUPERIOR}: non-inferiority"]["why"]
    world.judged(OLD.name)
    manifest, checks, page = decide()
    superior, bad = checks[f"{SUPERIOR}: non-inferiority"], checks[f"{BAD}: non-inferiority"]
    # Of six tags the candidate's five are superior and the champion's four.
    assert (superior["candidate"], superior["champion"], superior["users"]) == (0.8333, 0.6667, 3)
    assert (bad["candidate"], bad["champion"], bad["figure"]) == (0.1667, 0.3333, 0.1667)
    assert manifest["judged"] == "yes"
    assert {"candidate-judged.parquet", "champion-judged.parquet", "tiers.json"} <= manifest["files"]
    assert "What the judge says of their tags" in page
    assert "83.3% (" in page
    assert "91.7% (" in page  # corrected: (5/6 - 0.1) / 0.8
    assert f"{YOGURT} (B)" in page
    head = evidence.head(world.lake, manifest["evidence"])
    assert set(head.digests) >= {"results of the candidate-judged", "champion-judged judged with"}


def test_verdicts_on_other_users_are_no_pair(world: World, decide: Any) -> None:
    world.judged(NEW.name)
    world.judged(OLD.name, users=2)
    manifest, checks, _ = decide()
    assert checks[f"{SUPERIOR}: non-inferiority"]["state"] == "MISSING"
    assert "on other users, tags or code" in manifest["judged"]


def test_verdicts_under_another_record_are_not_read(world: World, decide: Any) -> None:
    world.judged(NEW.name)
    world.judged(OLD.name)
    # Examined again since: what was said before is of the judge as it was.
    examined(world, "2017-11-02", 0.7)
    manifest, checks, _ = decide()
    assert checks[f"{BAD}: non-inferiority"]["state"] == "MISSING"
    assert "under the record" in manifest["judged"]


def test_a_changed_verdict_stops_the_gate(world: World, decide: Any) -> None:
    path = world.judged(NEW.name)["results"]
    world.judged(OLD.name)
    results = user_results.read(world.lake, path)
    better = results.rows.set_column(3, SCHEMA.field("found"), pa.array([2.0] * results.rows.num_rows))
    world.lake.write(path, replace(results, rows=better).parquet())
    with pytest.raises(DataError, match="was changed since it was written"):
        decide()
