"""The command that reinforces experts, on a small shop and a tiny model: its files, its record, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from model_steps.reinforce_experts import reinforce_experts
from model_steps.training.record import read_experts
from runtime.errors import DataError, UsageError
from settings import ReinforcementSettings, Settings, load_settings
from tests.model_steps.foreign_models import build as build_model
from tests.model_steps.foreign_models import fill_with_random_weights
from tests.model_steps.reinforced_shop import DAY, example, land, tuned_experts

WANTED = ReinforcementSettings(dtype="float32", learning_rate=1e-2).of_preset("tiny")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With a tiny language model."""
    folder = build_model("qwen", tmp_path_factory.mktemp("qwen"))
    fill_with_random_weights(folder)
    base = load_settings()
    engine = base.engine.model_copy(update={"model": folder})
    experts = base.experts.model_copy(update={"calibration_users": 1})
    return base.model_copy(update={"engine": engine, "reinforcement": WANTED, "experts": experts})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return land(Lake.open(tmp_path_factory.mktemp("shop") / "lake"))


@pytest.fixture(scope="module")
def start(lake: Lake, chosen: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tuned_experts(lake, chosen.engine.model, tmp_path_factory.mktemp("start"))


def test_experts_are_reinforced_once_and_left_as_sft_leaves_them(
    lake: Lake, start: Path, chosen: Settings, tmp_path: Path
) -> None:
    record = reinforce_experts(lake, start, None, (DAY,), tmp_path, chosen)
    found = read_experts(tmp_path)
    assert found.record == {name: value for name, value in record.items() if name not in ("folder", "reused")}
    assert found.roles == ["expert"]
    begun = json.loads((start / "experts.json").read_text())
    assert found.record["reinforced_from"]["adapter"] == begun["adapter"]
    assert (found.record["shaping"], found.record["reward"]) == ("crs", None)
    assert set(found.record["thresholds"]["end"]) == {"diversity", "length"}
    assert set(found.record["validation"]) == {"0", "3"}
    assert {"recall_5", "recall_10", "recall_30", "coverage", "distinct", "entropy", "cross_entropy"} <= set(
        found.record["validation"]["0"]
    )
    # The start, and each step.
    assert pq.read_table(tmp_path / "curves.parquet")["step"].to_pylist() == list(range(WANTED.steps + 1))
    assert (tmp_path / "curves.svg").is_file()
    assert (found.record["kept_step"] == 0) == (found.record["adapter"] == begun["adapter"])
    assert (found.record["kept_step"] == 0) == (found.record["calibration"] == begun["calibration"])
    again = reinforce_experts(lake, start, None, (DAY,), tmp_path, chosen)
    assert again["reused"]
    other = chosen.model_copy(update={"reinforcement": WANTED.model_copy(update={"tau_length": 0.1})})
    with pytest.raises(DataError, match="holds the state of another training"):
        reinforce_experts(lake, start, None, (DAY,), tmp_path, other)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"split": "train"}, "is of the split holdout and says train"),
        ({"outcomes_until": "2017-09-08"}, "past|by time"),
    ],
)
def test_what_is_held_out_is_not_learnt_from(
    planted: dict[str, Any], said: str, chosen: Settings, tmp_path: Path
) -> None:
    rule = read_rule(load_settings().source)
    wanted = "holdout" if "split" in planted else "train"
    user = next(user for user in (f"other {number}" for number in range(60)) if rule.split_of(user) == wanted)
    lake = land(Lake.open(tmp_path / "lake"), [{**example(user, 0, rule), **planted}])
    start = tuned_experts(lake, chosen.engine.model, tmp_path / "start")
    with pytest.raises(DataError, match=said):
        reinforce_experts(lake, start, None, (DAY,), tmp_path / "out", chosen)


def test_experts_that_may_know_the_holdout_are_refused(
    lake: Lake, start: Path, chosen: Settings, tmp_path: Path
) -> None:
    late = tmp_path / "late"
    late.mkdir()
    for file in start.iterdir():
        (late / file.name).write_bytes(file.read_bytes())
    record = json.loads((late / "experts.json").read_text())
    (late / "experts.json").write_text(json.dumps({**record, "trained_until": "2017-12-01"}))
    with pytest.raises(UsageError, match="learnt until 2017-12-01"):
        reinforce_experts(lake, late, None, (DAY,), tmp_path / "out", chosen)
