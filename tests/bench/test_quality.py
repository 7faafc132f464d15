"""The benchmark of quality is the step, prepared and plotted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import quality
from bench.lakes import landed
from lake.registry.releases import Release, save
from lake.store.location import Lake
from tests.evaluation.conftest import SMALL

DAY = SMALL.days[0]


def figures() -> dict[str, object]:
    metric = {name: {"value": value, "low": value, "high": value} for name, value in (("intents", 0.1), ("all", 0.2))}
    return {"users": 7, "day": DAY, **dict.fromkeys(quality.TITLES, metric)}


def test_the_plot_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    first, second = (quality.plot(figures(), tmp_path / name) for name in ("first", "second"))
    assert first.name == f"quality-{DAY}.svg"
    assert first.read_bytes() == second.read_bytes()
    assert b"<svg" in first.read_bytes()


@pytest.mark.parametrize(("training", "extra"), [({}, []), ({"users": 3, "day": "2017-02-01"}, ["2017-02-01"])])
def test_what_shows_whom_a_release_knows_is_prepared_too(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: dict[str, object], extra: list[str]
) -> None:
    # Preparing a day is Spark's work and tested elsewhere.
    prepared: list[str] = []
    monkeypatch.setattr(landed, "prepare_day", lambda _lake, day: prepared.append(day))
    folder = save(tmp_path / "releases", Release("model", {}, "embedder", {}, training), {})
    # Two rungs of one release need no day twice.
    assert quality.prepare_releases(lake, SMALL, DAY, [folder, folder]) == [folder.name] * 2
    assert sorted(prepared) == sorted([*extra, SMALL.training_days("2017-01-01")[0], DAY])
