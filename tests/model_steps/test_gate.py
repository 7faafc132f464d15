"""The gate on a lake with real files: each situation gives its verdict, and its evidence is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lake.registry import champions, evidence, judge_records, openings, release_checks, releases, user_results
from lake.registry.evidence import REPORT
from lake.registry.judge_records import CalibrationRecord
from lake.registry.openings import Look
from lake.registry.promotion import promote_reviewed
from lake.registry.releases import Release
from lake.store import objects
from lake.store.location import Lake
from model_steps import gate
from model_steps.judge.decides import decides
from runtime.errors import DataError, Exit, GateBroken, UsageError
from settings import ROOT, JudgeSettings, Settings
from tests.evaluation.gate_cases import DAY, HERE, HOLDOUT, ValueOf, old, policy, release_check, results, wobble


def better(number: int) -> float:
    return old(number) + 0.1 + wobble(number)


@dataclass
class Shop:
    """A lake with a champion, a candidate, a judge in good standing, a frozen day and a policy."""

    lake: Lake
    settings: Settings
    policy: Path
    candidate: str
    champion: str
    judge: str

    def measured(self, release: str, value: ValueOf, users: int = 200, **header: Any) -> str:
        """Keep results of a release, with its look in the ledger; returns their path."""
        look = Look(DAY, f"look at {release}", release, ("recall",), users, "me", "")
        header = {"opening": openings.open_holdout(self.lake, look).digest, **header}
        return user_results.put(self.lake, results(release, value, users, **header))

    def tried(self, **changes: Any) -> None:
        release_checks.put(self.lake, release_check(release=self.candidate, **changes))

    def examined(self, day: str = DAY, kappa: float = 0.6) -> None:
        wanted = decides(self.settings.judge, self.judge)
        figures = {"real_outputs": {"kappa": {"agent_tuned": {"value": 0.7, "low": kappa, "high": 0.8}}}}
        judge_records.put(self.lake, CalibrationRecord(self.judge, wanted, {}, judge_records.FULL, day, 0.4, figures))

    def decide(self, new: ValueOf = better, of_champion: ValueOf | None = old, users: int = 200) -> dict[str, Any]:
        """Measure both and run the gate."""
        own = self.measured(self.candidate, new, users)
        beside = None if of_champion is None else self.measured(self.champion, of_champion, users)
        return gate.run_gate(self.lake, self.settings, self.policy, self.candidate, own, beside)


@pytest.fixture
def shop(tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Shop:
    old_release, new_release, judge = (Release("m", {"expert": name}, "e", {}, {"made": name}) for name in "abj")
    for release in (old_release, new_release):
        releases.install(lake, release, {})
    champions.promote(lake, releases.save(tmp_path / "code", old_release, {}), "first")
    folder = releases.save(tmp_path / "judges", judge, {})
    place = tmp_path / "policy.yaml"
    said = policy(holdout_openings=3).model_dump(mode="json")
    place.write_text(yaml.safe_dump(said))
    objects.put(lake, f"_holdout/{DAY}.json", {"day": DAY, "digest": HOLDOUT})
    monkeypatch.setattr(gate, "here", lambda *_: HERE)
    settings = Settings(judge=JudgeSettings(release=folder))
    made = Shop(lake, settings, place, new_release.name, old_release.name, judge.name)
    made.tried()
    made.examined()
    return made


def test_a_clear_gain_goes_and_its_evidence_promotes(shop: Shop) -> None:
    manifest = shop.decide()
    assert manifest["verdict"] == "GO", manifest["why"]
    assert (manifest["candidate"], manifest["champion"], manifest["policy"]) == (shop.candidate, shop.champion, "test")
    found, files = evidence.read(shop.lake, manifest["evidence"])
    assert (found.record, found.champion, found.verdict) == (1, shop.champion, "GO")
    assert {"policy.yaml", "decision.json", "candidate.parquet", "champion.parquet", "openings.json", "judge.json",
            "release-check.json", "tiers.json", "against-champion.svg", "floors.svg", REPORT} == set(files)  # fmt: skip
    assert files["policy.yaml"] == shop.policy.read_bytes()
    assert user_results.parse(files["candidate.parquet"], "x").header.release == shop.candidate
    assert set(found.digests) >= {"policy", "code", "holdout", "here", "judge", "results of the champion"}
    checks = json.loads(files["decision.json"])["checks"]
    assert manifest["checks"]["PASS"] == sum(check["state"] == "PASS" for check in checks)
    page = files[REPORT].decode()
    assert "recall, activity light: non-inferiority" in page
    assert promote_reviewed(shop.lake, manifest["evidence"], "ann").release == shop.candidate
    # Decided again upon the new champion it is the same release: nothing to gain.
    again = shop.decide(of_champion=None)
    assert again["verdict"] == "NO-GO"


@pytest.mark.parametrize(
    ("arrange", "verdict", "reason"),
    [
        (lambda shop: shop.decide(lambda n: old(n) - 0.2), "NO-GO", "recall: non-inferiority: BREACH"),
        (lambda shop: shop.decide(lambda n: old(n) + (-0.15 if n % 2 else 0.4)), "NO-GO", "activity heavy"),
        (lambda shop: shop.decide(users=12), "INCONCLUSIVE", "more users like these would do"),
        (lambda shop: shop.decide(old), "INCONCLUSIVE", "nowhere shown to be better"),
        (lambda shop: shop.decide(of_champion=None), "NO-GO", "was not measured beside the candidate"),
        (lambda shop: (shop.tried(at="2027", loaded=False, problem="torn"), shop.decide())[1], "NO-GO", "torn"),
        (
            lambda shop: (shop.tried(at="2027", made_for={**HERE, "language model": "x"}), shop.decide())[1],
            "NO-GO",
            "another language model",
        ),
        (lambda shop: (shop.examined("2017-11-02", 0.3), shop.decide())[1], "NO-GO", "judge: BREACH. failing"),
        (
            lambda shop: (
                [shop.measured(name, old) for name in ("x", "y")],
                shop.decide(),
            )[1],
            "INCONCLUSIVE",
            "a day is good for 3 looks",
        ),
    ],
    ids=["loss", "slice", "tiny", "equal", "alone", "unloadable", "foreign", "failing judge", "looked at too often"],
)
def test_each_situation_gives_its_verdict(
    shop: Shop, arrange: Callable[[Shop], dict[str, Any]], verdict: str, reason: str
) -> None:
    if verdict == "INCONCLUSIVE" and "looks" in reason:
        shop.measured(shop.champion, old)
    manifest = arrange(shop)
    assert manifest["verdict"] == verdict
    assert reason in " ".join(manifest["why"])
    assert evidence.head(shop.lake, manifest["evidence"]).verdict == verdict
    with pytest.raises(UsageError, match="promoted by an override"):
        promote_reviewed(shop.lake, manifest["evidence"], "ann")


def test_a_judge_that_was_never_examined_or_long_ago_passes_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lake.registry.judges.newest_day", lambda _lake: "2017-12-31")
    assert "judge: BREACH. expired" in " ".join(shop.decide()["why"])
    for path in list(shop.lake.list("_judges")):
        shop.lake.delete(path)
    assert "judge: MISSING. missing" in " ".join(shop.decide()["why"])
    nobody = replace(shop, settings=Settings(judge=JudgeSettings(release=None)))
    assert "There is no judge" in " ".join(nobody.decide()["why"])


def test_the_stricter_kappa_holds(shop: Shop) -> None:
    said = yaml.safe_load(shop.policy.read_text())
    shop.policy.write_text(yaml.safe_dump({**said, "judge_minimum_kappa": 0.65}))
    assert "judge: BREACH. failing" in " ".join(shop.decide()["why"])


def test_a_first_champion_is_held_against_floors(shop: Shop) -> None:
    shop.lake.delete("_champion/000001.json")
    manifest = shop.decide(of_champion=None)
    assert (manifest["verdict"], manifest["champion"]) == ("GO", None)
    assert promote_reviewed(shop.lake, manifest["evidence"], "ann").number == 1


def test_tampered_results_are_refused(shop: Shop) -> None:
    path = shop.measured(shop.candidate, better)
    content = user_results.parse(shop.lake.read(path) or b"", path)
    shop.lake.write(path, replace(content, rows=content.rows.slice(1)).parquet())
    with pytest.raises(DataError, match="was changed since it was written"):
        gate.run_gate(shop.lake, shop.settings, shop.policy, shop.candidate, path, None)
    assert evidence.names(shop.lake) == []


def test_a_gate_that_breaks_keeps_evidence_and_has_an_exit_code_of_its_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("evaluation.gate.gating.measure", fail)
    with pytest.raises(GateBroken, match="a fault of ours") as raised:
        shop.decide()
    assert raised.value.exit_code == Exit.GATE
    (name,) = evidence.names(shop.lake)
    assert evidence.head(shop.lake, name).verdict == "NO-GO"


def test_the_command_ends_with_a_sentence(shop: Shop) -> None:
    command = [sys.executable, "-m", "model_steps.gate", "--lake", shop.lake.root, "--candidate", "base-none"]
    ended = subprocess.run(
        [*command, "--results", "_results/x.parquet"],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (Exit.DATA, "")
    assert "The release base-none is not in" in ended.stderr
    assert "Traceback" not in ended.stderr
