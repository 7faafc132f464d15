"""LoRA adapters as files: what fits a language model is read, everything else is refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save as save_tensors
from safetensors.torch import save as save_torch

from lake.registry import releases
from lake.registry.releases import EXPERTS, EXPERTS_REFERENCES, REFERENCES, file_digest
from lake.store.location import Lake
from model_steps import release, train_experts
from model_steps.agents.prompt_files import role_digest
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.references import References
from model_steps.engine.adapters import FORM, WEIGHTS, Adapter, clean_form, linear_shapes, read_adapter
from model_steps.engine.model_digest import model_digest
from runtime.errors import DataError, UsageError
from settings import load_settings

WHERE = "release/experts.adapter.safetensors"
QUERY, DOWN = "model.layers.1.self_attn.q_proj", "model.layers.0.mlp.down_proj"
# out x in.
SHAPES = {QUERY: (6, 4), DOWN: (4, 8)}
RANK = 2


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with the weights of a small model."""
    folder = tmp_path / "model"
    folder.mkdir()
    weights: dict[str, Any] = {f"{module}.weight": np.zeros(shape, np.float32) for module, shape in SHAPES.items()}
    weights["model.embed_tokens.weight"] = np.zeros((9, 4), np.float32)
    weights["model.layers.0.input_layernorm.weight"] = np.zeros(4, np.float32)
    (folder / "model.safetensors").write_bytes(save_tensors(weights))
    (folder / "config.json").write_text(json.dumps({"hidden_size": 4}))
    return folder


def tensors() -> dict[str, Any]:
    random = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for module, (width_out, width_in) in SHAPES.items():
        found[f"base_model.model.{module}.lora_A.weight"] = random.normal(size=(RANK, width_in)).astype(np.float32)
        found[f"base_model.model.{module}.lora_B.weight"] = random.normal(size=(width_out, RANK)).astype(np.float32)
    return found


A, B = (f"base_model.model.{QUERY}.lora_{part}.weight" for part in "AB")


def form_of(**changed: Any) -> bytes:
    form = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": 4,
        "target_modules": ["q_proj", "down_proj"],
        "bias": "none",
        "init_lora_weights": True,
        "base_model_name_or_path": "/home/somebody/model",
        "peft_version": "0.21.2",
    }
    return json.dumps({**form, **changed}).encode()


def read(model: Path, weights: bytes | None = None, form: bytes | None = None) -> Adapter:
    return read_adapter(EXPERTS, weights or bytes(save_tensors(tensors())), form or form_of(), model, WHERE)


def test_an_adapter_for_some_modules_of_some_layers_is_read(model: Path) -> None:
    assert linear_shapes(model) == SHAPES
    found = read(model)
    assert (found.rank, found.modules) == (RANK, ("down_proj", "q_proj"))


def test_a_digest_follows_what_an_adapter_is_and_not_where_it_was_made(model: Path) -> None:
    same = form_of(base_model_name_or_path="", peft_version=None, target_modules=["down_proj", "q_proj"])
    marked = bytes(save_tensors(tensors(), {"format": "pt"}))
    assert read(model, marked, same).digest == read(model).digest
    others = {**tensors(), A: tensors()[A] + 1}
    assert read(model, bytes(save_tensors(others))).digest != read(model).digest
    assert read(model, form=form_of(lora_alpha=8)).digest != read(model).digest


def test_a_form_without_its_machine_is_the_same_whatever_order_peft_gave_it() -> None:
    one = clean_form(form_of(), WHERE)
    assert one == clean_form(form_of(target_modules=["down_proj", "q_proj"], peft_version="1"), WHERE)
    assert json.loads(one)["base_model_name_or_path"] == ""
    assert b"somebody" not in one


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_all_types_that_training_leaves_are_read(model: Path, dtype: torch.dtype) -> None:
    of_type = {name: torch.from_numpy(numbers).to(dtype) for name, numbers in tensors().items()}
    assert read(model, save_torch(of_type)).rank == RANK
    of_type[A][0, 0] = float("nan")
    with pytest.raises(DataError, match=f"{A} holds numbers that are not finite: train the adapter again"):
        read(model, save_torch(of_type))


@pytest.mark.parametrize("content", [b"\0", b"no tensors at all", b"\xff" * 64], ids=["short", "text", "noise"])
def test_what_is_no_safetensors_file_is_refused(model: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=rf"{WHERE} is no safetensors file \(.+\): restore it, or train"):
        read(model, content)


def test_a_file_that_was_cut_off_is_refused(model: Path) -> None:
    whole = bytes(save_tensors(tensors()))
    for kept in (4, 40, -1):
        with pytest.raises(DataError, match=f"{WHERE}(: .* cannot be read| is no safetensors file)"):
            read(model, whole[:kept])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"r": 4}, r"A of model\.\S+ has the shape \(2, \d\), and by its rank 4 and the language model it should be"),
        ({"target_modules": ["down_proj"]}, f"changes the module {QUERY}, which its form does not name"),
        ({"use_dora": True}, "is no plain LoRA adapter, by its use_dora"),
        ({"modules_to_save": ["lm_head"]}, "by its modules_to_save"),
        ({"bias": "all"}, "by its bias"),
        ({"init_lora_weights": "pissa"}, "by its init_lora_weights"),
        ({"rank_pattern": {"q_proj": 4}}, "by its rank_pattern"),
        ({"r": 1024}, "has the rank 1024, and the engine takes 1 to 512"),
        ({"r": 0}, "has the rank 0"),
        ({"peft_type": "PREFIX_TUNING"}, "are not those of a LoRA adapter"),
        ({"target_modules": "all-linear"}, "are not those of a LoRA adapter"),
    ],
)
def test_a_form_of_something_else_is_refused(model: Path, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read(model, form=form_of(**changed))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({A: np.zeros((RANK, 5), np.float32)}, rf"A of {QUERY} has the shape \(2, 5\), .* it should be \(2, 4\)"),
        ({B: np.zeros((6, 3), np.float32)}, rf"B of {QUERY} has the shape \(6, 3\)"),
        (
            {A.replace(".1.", ".7."): np.zeros((RANK, 4), np.float32)},
            "layers.7.self_attn.q_proj, which the language mo",
        ),
        ({A.replace("q_proj", "z_proj"): np.zeros((RANK, 4), np.float32)}, "z_proj, which the language model has not"),
        ({"base_model.model.lm_head.lora_A.weight": np.zeros((RANK, 4), np.float32)}, "module lm_head, which"),
        ({"base_model.model.lm_head.weight": np.zeros((9, 4), np.float32)}, "is no part of a LoRA adapter of peft's"),
        ({A: np.zeros((RANK, 4), np.int32)}, "cannot be read .*I32"),
    ],
)
def test_weights_that_do_not_fit_the_model_are_refused(model: Path, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read(model, bytes(save_tensors({**tensors(), **changed})))


def test_a_module_with_one_half_is_refused(model: Path) -> None:
    half = {name: numbers for name, numbers in tensors().items() if name != B}
    with pytest.raises(DataError, match=rf"B of {QUERY} has the shape None"):
        read(model, bytes(save_tensors(half)))


# --- a release that carries them


@pytest.fixture
def tuned(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a training of experts leaves."""
    settings = load_settings()
    engine = settings.engine.model_copy(update={"model": model})
    monkeypatch.setattr(release, "load_settings", lambda: settings.model_copy(update={"engine": engine}))
    folder = tmp_path / "experts"
    folder.mkdir()
    weights = bytes(save_tensors(tensors()))
    (folder / WEIGHTS).write_bytes(weights)
    (folder / FORM).write_bytes(form_of())
    say(folder, adapter=file_digest(weights), model=model_digest(model), users=2, trained_until="2017-09-07")
    return folder


def say(folder: Path, **changed: Any) -> None:
    record = folder / "experts.json"
    before = json.loads(record.read_text()) if record.is_file() else {}
    record.write_text(json.dumps({**before, **changed}))


def test_a_release_carries_experts_and_they_are_taken_over_from_it(tmp_path: Path, tuned: Path, model: Path) -> None:
    made = release.make(tmp_path / "releases", None, tuned)
    folder = tmp_path / "releases" / made.name
    assert made.name.startswith("experts-")
    assert made.adapters == {"expert": EXPERTS}
    assert made.training[EXPERTS]["trained_until"] == "2017-09-07"
    loaded, files = releases.load(folder)
    assert loaded == made
    assert sorted(files) == ["experts.adapter.json", "experts.adapter.safetensors"]
    assert not any(b"somebody" in content for content in files.values())
    assert release.make(tmp_path / "again", None, folder).name == made.name
    without = release.make(tmp_path / "releases", None)
    assert "adapters" not in without.document()
    assert without.name.startswith("base-")


def test_a_candidate_lies_on_the_lake_beside_the_champion(tmp_path: Path, tuned: Path, lake: Lake) -> None:
    champion = release.make(tmp_path / "releases", None)
    with pytest.raises(DataError, match=f"The release {champion.name} is not in"):
        release.candidate(lake, tmp_path / "candidates", champion.name, tuned)
    releases.install(lake, *releases.load(tmp_path / "releases" / champion.name))
    made = release.candidate(lake, tmp_path / "candidates", champion.name, tuned)
    assert made.adapters == {"expert": EXPERTS}
    assert releases.read(lake, made.name)[0] == made
    assert releases.load(tmp_path / "candidates" / made.name)[0] == made
    # Beside itself it is no other.
    assert release.candidate(lake, tmp_path / "candidates", made.name, tuned).name == made.name


def test_what_was_trained_is_found_again_by_its_work_and_only_whole(tuned: Path) -> None:
    assert train_experts.finished(tuned, "work") is None
    say(tuned, work="work")
    found = train_experts.finished(tuned, "work")
    assert found is not None
    assert found["users"] == 2
    assert train_experts.finished(tuned, "other work") is None
    (tuned / WEIGHTS).write_bytes(b"something else")
    assert train_experts.finished(tuned, "work") is None
    assert train_experts.finished(tuned / "nowhere", "work") is None


def test_several_roles_share_an_adapter(tmp_path: Path, tuned: Path) -> None:
    say(tuned, roles=["planner", "arbiter"])
    made = release.make(tmp_path / "releases", None, tuned)
    assert made.adapters == {"planner": EXPERTS, "arbiter": EXPERTS}
    assert len(made.files) == 2


def test_what_experts_learnt_from_is_kept_where_it_is_no_adaptors(tmp_path: Path, tuned: Path) -> None:
    width = Embedder(load_settings().embedder.model).dimensions
    own = References(np.eye(3, width, dtype=np.float32), 0.9).save()
    (tuned / REFERENCES).write_bytes(own)
    made = release.make(tmp_path / "releases", None, tuned)
    folder = tmp_path / "releases" / made.name
    assert (folder / EXPERTS_REFERENCES).read_bytes() == own
    assert release.make(tmp_path / "again", None, folder).name == made.name


def test_experts_of_another_model_are_refused(tmp_path: Path, tuned: Path) -> None:
    say(tuned, model="0123456789abcdef")
    with pytest.raises(DataError, match=r"was tuned on the language model 0123456789abcdef, and here .*train_exp"):
        release.make(tmp_path / "releases", None, tuned)


def test_experts_of_other_prompts_are_taken_with_a_warning(
    tmp_path: Path, tuned: Path, caplog: pytest.LogCaptureFixture
) -> None:
    say(tuned, prompts=role_digest("expert"))
    release.make(tmp_path / "releases", None, tuned)
    assert not caplog.records
    say(tuned, prompts="0123456789abcdef")
    release.make(tmp_path / "releases", None, tuned)
    assert "were tuned on other prompts of the expert than these" in caplog.text


def test_changed_experts_are_refused(tmp_path: Path, tuned: Path) -> None:
    (tuned / WEIGHTS).write_bytes(bytes(save_tensors({**tensors(), A: tensors()[A] + 1})))
    with pytest.raises(DataError, match=f"{WEIGHTS} is not the file of the training's record"):
        release.make(tmp_path / "releases", None, tuned)


@pytest.mark.parametrize("missing", [WEIGHTS, FORM, "experts.json"])
def test_a_folder_that_no_training_finished_is_refused(tmp_path: Path, tuned: Path, missing: str) -> None:
    (tuned / missing).unlink()
    with pytest.raises(UsageError, match=f"--experts {tuned} is no folder that a training has finished"):
        release.make(tmp_path / "releases", None, tuned)


def test_a_release_whose_document_names_an_adapter_that_it_has_not_is_none(tmp_path: Path, tuned: Path) -> None:
    made = release.make(tmp_path / "releases", None, tuned)
    document = tmp_path / "releases" / made.name / "release.json"
    document.write_text(json.dumps({**json.loads(document.read_text()), "adapters": {"expert": "other"}}))
    with pytest.raises(UsageError, match=r"has a role answered with 'other\.adapter\.safetensors', which is none"):
        releases.load(document.parent)
