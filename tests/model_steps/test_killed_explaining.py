"""Killed while it explains and run again, a day has the same captions; with a model that is told, and the real one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lake.delta import tables
from lake.registry.days import read_day
from lake.store.location import Lake
from model_steps.engine.vllm_engine import Engine
from model_steps.explaining import prompt_files
from runtime.errors import InfrastructureError
from schemas import answers, explanations
from tests.model_steps.explained_shop import Model, Shop, built, shop
from tests.model_steps.test_real_model import DAY, Counting

__all__ = ["built", "shop"]


def test_killed_while_it_explains_and_run_again_the_rows_are_the_same(shop: Shop, tmp_path: Path) -> None:
    undisturbed = replace(shop, lake=Lake.open(shutil.copytree(shop.lake.root, tmp_path / "undisturbed")))
    model = Model()
    whole = undisturbed.infer(model)
    for written in (0, len(model.asked) // 2):
        other = replace(shop, lake=Lake.open(shutil.copytree(shop.lake.root, tmp_path / f"killed-{written}")))
        killed, next_ = Model(written=written), Model()
        with pytest.raises(InfrastructureError, match="killed"):
            other.infer(killed)
        kept = tables.read(other.lake, answers.TABLE, columns=["key", "role"]).to_pylist()
        again = other.infer(next_)
        assert again["batches"] == whole["batches"]
        assert next_.ranked == 0
        # Chunks that were done are asked nothing again; the one that was under way is asked again whole.
        written_before = sum(row["role"] in prompt_files.FILES for row in kept)
        assert len(next_.asked) == len(model.asked) - written_before
        assert set(killed.keys) | set(next_.keys) == set(model.keys)


def test_the_real_model_killed_in_the_second_chunk_gives_the_same_rows(
    shop: Shop, tmp_path: Path, engine: Engine
) -> None:
    other = replace(shop, lake=Lake.open(shutil.copytree(shop.lake.root, tmp_path / "killed")))
    model = Counting(engine)
    whole = shop.infer(model)
    rows = shop.staged(whole)["explanations"]
    assert len(rows) == 6
    assert all(row["caption"] and row["style"] for row in rows)
    assert model.starts == 1
    calls = model.calls
    # Each user takes two waves of the agents, and two of a style and a caption.
    asked = whole["roles"]
    assert calls == sum(counts["calls"] for counts in asked.values())
    model.waves_left = 3 * 2 + 3
    with pytest.raises(InfrastructureError, match="killed"):
        other.infer(model)
    model.waves_left = -1
    kept = tables.read(other.lake, answers.TABLE, columns=["role"])["role"].to_pylist()
    assert (
        0 < sum(role in prompt_files.FILES for role in kept) < asked["stylist"]["calls"] + asked["explainer"]["calls"]
    )
    resumed = other.infer(model)
    assert resumed["model_calls"] == calls - len(kept)
    assert resumed["batches"] == whole["batches"]
    shop.publish(whole)
    assert read_day(shop.lake, explanations.TABLE, DAY).to_pylist() == [{"day": DAY, **row} for row in rows]
