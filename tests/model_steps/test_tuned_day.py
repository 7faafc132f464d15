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
from model_steps.explaining import prompt_files
from model_steps.inferring.work import Work
from runtime.errors import DataError
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


def tune_explainer(folder: Path, model: Path, seed: int) -> Path:
    """Leave what a training of the explainer leaves, with random weights."""
    tune(folder, model, seed)
    record = json.loads((folder / "experts.json").read_text())
    (folder / "experts.json").unlink()
    record["prompts"] = {prompt_files.EXPLAINER: prompt_files.role_digest(prompt_files.EXPLAINER)}
    (folder / "explainer.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def day(lake: Lake, settings: Settings) -> Any:
    """``day(release, experts, tags)``: the day's work in the text form, with captions for so many tags."""
    fill(lake)

    def of(name: str, experts: str = "auto", tags: int = 0) -> Work:
        inference = settings.inference.model_copy(update={"representation": "text", "experts": experts})
        explanations = settings.explanations.model_copy(update={"tags": tags})
        wanted = settings.model_copy(update={"inference": inference, "explanations": explanations})
        return Work.of(infer.STEP, lake, DAY, "1/1", wanted, 0, name)

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


def test_captions_are_named_by_the_explainers_adapter_and_experts_are_none_of_its(
    lake: Lake, settings: Settings, tmp_path: Path, day: Any
) -> None:
    model = settings.engine.model
    experts = tune(tmp_path / "experts", model, 0)
    writes = [tune_explainer(tmp_path / f"explainer-{seed}", model, seed) for seed in (1, 2)]
    made = [release.make(tmp_path, None, None, folder) for folder in writes]
    made += [release.make(tmp_path, None, experts, writes[0]), release.make(tmp_path, None, experts)]
    for each in made:
        releases.install(lake, *releases.load(tmp_path / each.name))
    assert [each.name.partition("-")[0] for each in made] == ["explainer", "explainer", "experts", "experts"]
    one, other, both, neither = (day(each.name, tags=1) for each in made)
    assert len({work.name for work in (one, other, both, neither)}) == 4
    assert [work.experts.name for work in (one, other, both, neither)] == ["base", "base", "tuned", "tuned"]
    assert [sorted(work.adapters) for work in (one, both, neither)] == [
        ["explainer"],
        ["expert", "explainer"],
        ["expert"],
    ]
    said = [work.manifest().get("explainer") for work in (one, other, both, neither)]
    assert said[0] == said[2] != said[1]
    assert said[3] is None
    # The answer cache keeps captions of tuned explainers under their release, and others under what all share.
    assert [work.untuned.tuned for work in (one, neither)] == [{"explainer"}, {"expert"}]
    # Without captions nothing is loaded for them; experts may be untuned beside a tuned explainer.
    assert day(made[2].name).adapters.keys() == {"expert"}
    assert day(made[2].name, "base", tags=1).adapters.keys() == {"explainer"}


def test_a_release_is_made_of_what_a_release_has_and_other_prompts_are_refused(
    lake: Lake, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, day: Any
) -> None:
    model = settings.engine.model
    first = release.make(tmp_path, None, tune(tmp_path / "experts", model, 0), tune_explainer(tmp_path / "w", model, 1))
    folder = tmp_path / first.name
    again = release.make(tmp_path / "again", None, folder, folder)
    assert again.name == first.name
    releases.install(lake, *releases.load(folder))
    # A candidate with other experts keeps the explainer of the release that it is judged beside.
    candidate = release.candidate(lake, tmp_path / "beside", first.name, tune(tmp_path / "other", model, 2))
    assert candidate.adapters == first.adapters
    assert candidate.files["explainer.adapter.safetensors"] == first.files["explainer.adapter.safetensors"]
    assert candidate.files["experts.adapter.safetensors"] != first.files["experts.adapter.safetensors"]
    monkeypatch.setattr(prompt_files, "role_digest", lambda role: "changed")
    with pytest.raises(DataError, match="was tuned on other prompts than these"):
        release.make(tmp_path, None, None, tmp_path / "w")
    with pytest.raises(DataError, match="the explainer's prompts"):
        day(first.name, tags=1)
    assert day(first.name).name
