"""A release is used only where it belongs: its model, its embedder, the prompts of its roles, and its catalog."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import save as save_tensors

from lake.delta import writing as write
from lake.delta.staging import StagedPartition, stage
from lake.registry.releases import ADAPTOR, EXPERTS, EXPERTS_REFERENCES, REFERENCES, Release, adapter_files
from lake.store.location import Lake
from model_steps import embed
from model_steps.agents import prompt_files
from model_steps.agents.ranked_pool import Calibration, Scale
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.references import References
from model_steps.embedding.shown import SAMPLE
from model_steps.engine.model_digest import model_digest
from model_steps.serving import experts
from model_steps.serving.experts import Experts, calibration_of, choose_experts
from model_steps.serving.fit import refuse_foreign
from model_steps.serving.form import Form, choose_form
from runtime.errors import DataError, SourceMissing
from schemas import contexts, entities, entity_vectors

DAY = "2017-11-01"
ROLES = ("planner", "expert", "arbiter")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


@pytest.fixture
def release(model: Path) -> Release:
    return Release(model_digest(model), prompt_files.role_digests(), "embedder@1")


def test_a_release_of_what_is_here_passes(release: Release, model: Path) -> None:
    refuse_foreign(release, model, "embedder@1", ROLES)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"model": "other"}, "was made with the language model other, .*set INTENTFLOW_ENGINE__MODEL to"),
        ({"embedder": "other@1"}, "was made with the embedder other@1, .*set INTENTFLOW_EMBEDDER__MODEL to"),
    ],
)
def test_another_model_or_embedder_is_refused(
    release: Release, model: Path, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        refuse_foreign(replace(release, **changed), model, "embedder@1", ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_another_prompt_of_a_role_is_refused_where_the_role_is_asked(release: Release, model: Path, role: str) -> None:
    other = replace(release, prompts={**release.prompts, role: "other"})
    with pytest.raises(DataError, match=f"was made with the {role}'s prompts other, .*check out the code with those"):
        refuse_foreign(other, model, "embedder@1", ROLES)
    refuse_foreign(other, model, "embedder@1", [name for name in ROLES if name != role])


def test_a_prompt_that_comes_later_refuses_no_release_of_today(
    release: Release, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_files, "FILES", {**prompt_files.FILES, "judge": ("expert", "planner")})
    assert "judge" in prompt_files.role_digests()
    refuse_foreign(release, model, "embedder@1", ROLES)
    with pytest.raises(DataError, match="serves planner, expert, arbiter, and not the judge: promote one that does"):
        refuse_foreign(release, model, "embedder@1", ["judge"])


# --- the form of a day's histories


class TwoWide:
    """An embedder's name and width; the vectors stand in the lake."""

    name = "embedder@1"
    dimensions = 2


@pytest.fixture
def put_day(lake: Lake) -> Callable[..., None]:
    """Publish a day's contexts that show items, each with its embedding."""

    def put(near: int, far: int, embedded: bool = True, kind: str = "item") -> None:
        vectors = {f"{n:08x}": [1.0, 0.0] if n < near else [0.0, 1.0] for n in range(near + far)}
        catalog = [
            {"entity_id": name, "text": name, "kind": kind, "category": None, "category_path": None} for name in vectors
        ]
        write.insert_new(lake, entities.TABLE, pa.Table.from_pylist(catalog, entities.TABLE.schema))
        if embedded:
            rows = [{"entity_id": n, "embedder": TwoWide.name, "vector": v} for n, v in vectors.items()]
            write.insert_new(lake, entity_vectors.TABLE, pa.Table.from_pylist(rows, entity_vectors.TABLE.schema))
        publish(lake, [[*vectors], [*vectors][:1]])

    return put


def publish(lake: Lake, of_users: Sequence[Sequence[str]]) -> None:
    numbers = ("events", "active_days", "dropped_entries", "tokens_full_text", "tokens_text", "tokens_hybrid")
    rows = [
        {
            "user_id": f"u{number}",
            "periods": [
                {
                    "period": DAY,
                    "actions": [{"action": "purchase", "entities": [{"entity_id": i, "count": 1} for i in items]}],
                }
            ],
            "attributes": [],
            "interests": [],
            **dict.fromkeys(numbers, 9),
            "day": DAY,
            "first_day": DAY,
            "last_day": DAY,
            "digest": "d",
        }
        for number, items in enumerate(of_users)
    ]
    from lake.delta.publishing import _replace

    data = pa.Table.from_pylist(rows, contexts.TABLE.schema)
    file = stage(lake, contexts.TABLE, data, fingerprint="test", partition={"day": DAY})
    delta = write.create(lake, contexts.TABLE)
    _replace(delta, contexts.TABLE, [StagedPartition({"day": DAY}, "test", (file,))], {(DAY,): []})


def test_what_a_few_users_show_and_the_catalogs_sample_are_embedded(lake: Lake) -> None:
    names = [f"{number:08x}" for number in range(2 * SAMPLE + 500)]
    catalog = [{"entity_id": n, "text": n, "kind": "item", "category": None, "category_path": None} for n in names]
    write.insert_new(lake, entities.TABLE, pa.Table.from_pylist(catalog, entities.TABLE.schema))
    publish(lake, [names, names[-1:]])
    wanted = embed.wanted(lake, DAY, ["u1"])["entity_id"].to_pylist()
    assert sorted(wanted) == [*names[: 2 * SAMPLE], names[-1]]
    assert sorted(embed.wanted(lake, DAY)["entity_id"].to_pylist()) == names


def chosen(lake: Lake, setting: Any = "auto", files: dict[str, bytes] | None = None) -> Form:
    held = References(np.array([[1, 0]], np.float32), 0.9).save()
    kept = {ADAPTOR: b"adaptor", REFERENCES: held} if files is None else files
    release = Release("m", {}, TwoWide.name, dict.fromkeys(kept, "digest"))
    embedder: Embedder = TwoWide()  # type: ignore[assignment]
    return choose_form(setting, lake, DAY, release, kept, embedder)


def test_slots_where_the_catalog_is_near_and_text_where_it_is_another(
    lake: Lake, put_day: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    put_day(6, 4)
    assert chosen(lake) == Form("hybrid", 0.6)
    assert chosen(lake).figures() == {"hybrid_form": 1.0, "share_near_training": 0.6}
    assert not caplog.records


def test_text_where_the_catalog_is_another(
    lake: Lake, put_day: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    put_day(4, 6)
    with caplog.at_level(logging.WARNING):
        assert chosen(lake) == Form("text", 0.4)
    assert "Only 40 % of the catalog is near to what the adaptor of adaptor-" in caplog.text
    assert chosen(lake).figures() == {"hybrid_form": 0.0, "share_near_training": 0.4}
    # Whoever knows better says so.
    assert chosen(lake, "hybrid") == Form("hybrid")
    assert chosen(lake, "text") == Form("text")


def test_of_a_large_catalog_a_sample_is_looked_at(lake: Lake, put_day: Callable[..., None]) -> None:
    put_day(SAMPLE, SAMPLE)
    assert chosen(lake) == Form("hybrid", 1.0)


def test_a_release_without_an_adaptor_shows_text(lake: Lake) -> None:
    assert chosen(lake, files={}) == Form("text")
    assert chosen(lake, files={}).figures() == {"hybrid_form": 0.0}


def test_an_adaptor_that_does_not_say_which_catalog_it_knows_is_used_only_when_told(lake: Lake) -> None:
    with pytest.raises(DataError, match="does not say which catalog its entity adaptor was trained on: set INTENT"):
        chosen(lake, files={ADAPTOR: b"adaptor"})
    assert chosen(lake, "hybrid", {ADAPTOR: b"adaptor"}) == Form("hybrid")


def test_a_day_that_was_not_embedded_is_told(lake: Lake, put_day: Callable[..., None]) -> None:
    put_day(2, 1, embedded=False)
    with pytest.raises(SourceMissing, match=r"3 of 3 entities have no vector of embedder@1.*model_steps\.embed"):
        chosen(lake)


def test_a_day_without_items_keeps_the_adaptor(lake: Lake, put_day: Callable[..., None]) -> None:
    put_day(0, 3, kind="query")
    assert chosen(lake) == Form("hybrid", 1.0)


# --- what tuned roles are answered with


NEAR = References(np.array([[1, 0]], np.float32), 0.9).save()
FAR = References(np.array([[-1, 0]], np.float32), 0.9).save()


@pytest.fixture
def tuned(model: Path) -> dict[str, bytes]:
    """Files of a release with an adapter for the model, whose experts know the near items."""
    module = "model.layers.0.self_attn.q_proj"
    (model / "model.safetensors").write_bytes(save_tensors({f"{module}.weight": np.zeros((4, 4), np.float32)}))
    form = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["q_proj"]}
    halves = {"A": np.ones((1, 4), np.float32), "B": np.ones((4, 1), np.float32)}
    weights = {f"base_model.model.{module}.lora_{part}.weight": half for part, half in halves.items()}
    return dict(zip(adapter_files(EXPERTS), (save_tensors(weights), json.dumps(form).encode()), strict=True))


def answered(
    lake: Lake, model: Path, files: dict[str, bytes], setting: Any = "auto", form: Form | None = None
) -> Experts:
    adapters = {"expert": EXPERTS} if adapter_files(EXPERTS)[0] in files else {}
    release = Release("m", {}, TwoWide.name, dict.fromkeys(files, "digest"), {}, adapters)
    embedder: Embedder = TwoWide()  # type: ignore[assignment]
    return choose_experts(setting, lake, DAY, release, files, embedder, model, form or Form("text"))


def test_tuned_experts_where_the_catalog_is_near(
    lake: Lake, model: Path, tuned: dict[str, bytes], put_day: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    put_day(6, 4)
    found = answered(lake, model, {**tuned, EXPERTS_REFERENCES: NEAR, REFERENCES: FAR})
    assert (found.name, found.share_near, list(found.adapters)) == ("tuned", 0.6, ["expert"])
    assert found.figures() == {"tuned_experts": 1.0, "share_near_experts": 0.6}
    digest = found.adapters["expert"].digest
    assert found.manifest() == {"experts": "tuned", "adapters": {"expert": digest}, "adapters_applied": "lora"}
    assert not caplog.records


@pytest.mark.parametrize("default", ["tuned", "base"])
def test_on_another_catalog_it_is_said_with_what_trains_on_this_one(
    lake: Lake,
    model: Path,
    tuned: dict[str, bytes],
    put_day: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    default: str,
) -> None:
    monkeypatch.setattr(experts, "ON_FOREIGN", default)
    put_day(4, 6)
    files = {**tuned, REFERENCES: NEAR}
    with caplog.at_level(logging.WARNING):
        found = answered(lake, model, files)
    assert (found.name, bool(found.adapters)) == (default, default == "tuned")
    assert found.figures() == {"tuned_experts": float(default == "tuned"), "share_near_experts": 0.4}
    assert "Only 40 % of the catalog is near to what the experts of experts-" in caplog.text
    assert f"the {default} ones serve" in caplog.text
    assert f"`python -m model_steps.train_experts --lake {lake.root}`" in caplog.text
    # Whoever knows better says so.
    assert answered(lake, model, files, "tuned").name == "tuned"
    assert answered(lake, model, files, "base") == Experts("base")


def test_the_share_that_the_form_was_chosen_by_is_taken_where_both_learnt_from_one_catalog(
    lake: Lake, model: Path, tuned: dict[str, bytes]
) -> None:
    # No day is published: nobody looks again.
    assert answered(lake, model, {**tuned, REFERENCES: NEAR}, form=Form("hybrid", 0.7)).share_near == 0.7


def test_experts_that_do_not_say_which_catalog_they_know_are_used(
    lake: Lake, model: Path, tuned: dict[str, bytes]
) -> None:
    found = answered(lake, model, tuned)
    assert (found.name, found.share_near) == ("tuned", None)
    assert found.figures() == {"tuned_experts": 1.0}


def test_a_release_without_adapters_has_base_experts(lake: Lake, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert answered(lake, model, {}) == Experts("base")
    assert answered(lake, model, {}).manifest() == {"experts": "base", "adapters": {}}
    assert not caplog.records
    assert answered(lake, model, {}, "tuned") == Experts("base")
    assert "has no tuned experts" in caplog.text


def test_an_adapter_that_does_not_fit_the_model_stops_the_day(lake: Lake, model: Path, tuned: dict[str, bytes]) -> None:
    (model / "model.safetensors").write_bytes(save_tensors({"model.layers.0.mlp.up_proj.weight": np.zeros((4, 4))}))
    with pytest.raises(DataError, match=r"experts-\w+/experts\.adapter\.safetensors changes the module"):
        answered(lake, model, tuned)


def test_experts_bring_their_calibration_along(release: Release) -> None:
    said = {"own": {"intercept": 2.0, "slope": 0.7}, "other": {"intercept": 0.5, "slope": 0.6}}
    trained = replace(release, training={EXPERTS: {"calibration": said}})
    assert calibration_of(trained) == Calibration(Scale(2.0, 0.7), Scale(0.5, 0.6))
    assert calibration_of(replace(release, training={EXPERTS: {}})) is None
    for wrong in ({"slope": 0}, {"slope": "2"}, {"intercept": float("nan")}, {"power": 1.0}):
        bad = {**said, "own": {**said["own"], **wrong}}
        with pytest.raises(DataError, match="an intercept and a positive slope for own and for other"):
            calibration_of(replace(release, training={EXPERTS: {"calibration": bad}}))
    with pytest.raises(DataError, match="an intercept and a positive slope"):
        calibration_of(replace(release, training={EXPERTS: {"calibration": {"own": said["own"]}}}))


def test_a_judge_needs_vectors_of_categories_alone_also_where_no_day_is_compressed(lake: Lake) -> None:
    rows = [
        {"entity_id": kind, "text": kind, "kind": kind, "category": None, "category_path": None}
        for kind in ("item", "category")
    ]
    write.insert_new(lake, entities.TABLE, pa.Table.from_pylist(rows, entities.TABLE.schema))
    assert embed.wanted(lake, None, categories_alone=True)["entity_id"].to_pylist() == ["category"]
    assert embed.missing(lake, "embedder", None, categories_alone=True)[0]["entity_id"].to_pylist() == ["category"]
