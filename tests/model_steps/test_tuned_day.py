"""A day of a release with tuned experts: what it is named by, and what its manifest says. No engine is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from lake.registry import releases
from lake.registry.releases import file_digest
from lake.store.location import Lake
from model_steps import infer, release
from model_steps.engine.adapters import FORM, WEIGHTS, linear_shapes
from model_steps.engine.model_digest import model_digest
from model_steps.inferring.work import Work
from settings import Settings
from tests.model_steps.test_real_model import DAY, fill

MODULE = "model.layers.29.self_attn.q_proj"


def tune(folder: Path, model: Path, seed: int) -> Path:
    """Leave what a training of experts leaves, with random weights."""
    folder.mkdir()
    width_out, width_in = linear_shapes(model)[MODULE]
    random = np.random.default_rng(seed)
    halves = {"A": random.normal(size=(2, width_in)), "B": random.normal(size=(width_out, 2))}
    weights = {
        f"base_model.model.{MODULE}.lora_{part}.weight": half.astype(np.float32) for part, half in halves.items()
    }
    (folder / WEIGHTS).write_bytes(save_tensors(weights))
    form = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"]}
    (folder / FORM).write_text(json.dumps(form))
    record = {"model": model_digest(model), "adapter": file_digest((folder / WEIGHTS).read_bytes()), "users": 1}
    (folder / "experts.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def day(lake: Lake, settings: Settings) -> Any:
    """``day(release, experts)``: the day's work in the text form."""
    fill(lake)

    def of(name: str, experts: str = "auto") -> Work:
        inference = settings.inference.model_copy(update={"representation": "text", "experts": experts})
        return Work.of(infer.STEP, lake, DAY, "1/1", settings.model_copy(update={"inference": inference}), 0, name)

    return of


def test_a_day_is_named_by_its_adapters_and_says_them(lake: Lake, settings: Settings, tmp_path: Path, day: Any) -> None:
    made = [
        release.make(tmp_path, None, tune(tmp_path / f"experts-{seed}", settings.engine.model, seed)) for seed in (0, 1)
    ]
    made.append(release.make(tmp_path, None))
    for each in made:
        releases.install(lake, *releases.load(tmp_path / each.name))
    tuned, other, base = (day(each.name) for each in made)
    untuned = day(made[0].name, "base")
    assert len({work.name for work in (tuned, other, base, untuned)}) == 4
    said = [work.manifest() for work in (tuned, other, untuned, base)]
    assert [manifest["experts"] for manifest in said] == ["tuned", "tuned", "base", "base"]
    assert said[0]["adapters"].keys() == {"expert"}
    assert said[0]["adapters"] != said[1]["adapters"]
    assert said[2]["adapters"] == said[3]["adapters"] == {}
    # The planner's answers are shared by all of them, the experts' by those that have none of their own.
    assert [work.untuned.tuned for work in (tuned, other, untuned, base)] == [{"expert"}, {"expert"}, set(), set()]
    assert len({work.untuned.names for work in (tuned, other, untuned, base)}) == 1
    assert tuned.settings.inference.experts == "tuned"
    assert untuned.settings.inference.experts == base.settings.inference.experts == "base"
