"""What a retraining's steps keep of what was there: a judge, an adaptor, a champion to compare with."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluation import leaks
from lake.registry import releases
from lake.registry.evaluation_file import read_rule
from lake.registry.releases import ADAPTOR
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps import evaluate_experts, train_adaptor, train_judge
from model_steps.judge import judge_release
from model_steps.training.record import RECORD
from runtime.errors import CommandError, UsageError
from settings import Settings

SHIPPED = "releases/judge-1"


@dataclass
class Judge:
    """Stands for a judge that was tuned on one day's users."""

    name: str = "judge-1"
    record: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, True),
        ({"trained_until": "2017-09-08"}, False),
        ({"registry": "another rule"}, False),
        ({"population": {"2017-06-28": "other people"}}, False),
    ],
)
def test_a_judge_is_kept_where_it_knows_nobody_who_is_held_out(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], kept: bool
) -> None:
    rule = SplitRule(days=("2017-09-06",))
    record = {"trained_until": "2017-09-07", "registry": rule.digest, "population": {"2017-06-28": "people"}, **changed}
    monkeypatch.setattr(judge_release, "choose_judge", lambda *_: Judge(record=record))
    monkeypatch.setattr(train_judge, "read_rule", lambda _source: rule)
    monkeypatch.setattr(leaks, "rollups_digest", lambda _lake, _day: "people")
    found = train_judge.kept_judge(lake, SHIPPED, Settings())
    if kept:
        assert found == {"judge": "judge-1", "release_folder": SHIPPED, "kept": True, "reused": True}
    else:
        assert found is None


def test_a_folder_without_a_judge_is_no_reason_to_fail(lake: Lake, tmp_path: Path) -> None:
    assert train_judge.kept_judge(lake, str(tmp_path), Settings()) is None


def test_an_adaptor_is_found_again_by_its_work_and_only_whole(tmp_path: Path) -> None:
    folder = shutil.copytree(Settings().lake.first_release.parent / "adaptor-db3b5bcf172d", tmp_path / "adaptor")
    record = json.loads((folder / releases.DOCUMENT).read_text())["training"]
    (folder / RECORD).write_text(json.dumps({**record, "work": "work"}))
    found = train_adaptor.finished(folder, "work")
    assert found is not None
    assert found["users"] == record["users"]
    assert train_adaptor.finished(folder, "other work") is None
    (folder / ADAPTOR).write_bytes(b"something else")
    assert train_adaptor.finished(folder, "work") is None
    assert train_adaptor.finished(tmp_path / "nowhere", "work") is None


def test_the_newest_training_day_is_the_adaptors() -> None:
    settings = Settings()
    assert train_adaptor.newest_day(SplitRule(days=("2017-09-06",)), settings) == "2017-08-23"
    with pytest.raises(UsageError, match="No day has a history of 90 days"):
        train_adaptor.newest_day(SplitRule(days=("2017-02-06",)), settings)


def test_a_champion_that_may_know_the_users_is_left_out(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    """The shipped release learnt of people of whom this empty lake knows nothing."""
    settings = Settings()
    release, files = releases.load(settings.lake.first_release)
    releases.install(lake, release, files)
    assert evaluate_experts.champions_experts(lake, release.name, read_rule(settings.source)) is None
    assert "may have learnt from these very users" in caplog.text


def test_a_champion_without_experts_is_the_model_itself(lake: Lake) -> None:
    release, files = releases.load(Settings().lake.first_release.parent / "adaptor-db3b5bcf172d")
    releases.install(lake, release, files)
    assert evaluate_experts.champions_experts(lake, release.name, read_rule(Settings().source)) is None
    with pytest.raises(CommandError, match="experts-0 is not in"):
        evaluate_experts.champions_experts(lake, "experts-0", read_rule(Settings().source))


def test_a_comparison_is_found_again_by_its_work(tmp_path: Path) -> None:
    assert evaluate_experts.finished(tmp_path, "work") is None
    (tmp_path / evaluate_experts.FILE).write_text(json.dumps({"work": "work", "users": 4}))
    assert evaluate_experts.finished(tmp_path, "work") == {"work": "work", "users": 4}
    assert evaluate_experts.finished(tmp_path, "other work") is None
    (tmp_path / evaluate_experts.FILE).write_text("{")
    assert evaluate_experts.finished(tmp_path, "work") is None
