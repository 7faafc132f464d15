"""The reward model that is shipped belongs to the judge that is shipped, and to the prompt that is here.

Where this fails, the judge or the reward's prompt was changed: train it anew, measure it and ship that one
(docs/judge.md, the reward model).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model_steps import weights
from model_steps.judge.counting import FILE
from model_steps.training.reward import stored
from runtime.errors import DataError
from settings import ROOT, Settings

(FOLDER,) = sorted((ROOT / "releases").glob("reward-*"))


@pytest.fixture
def model(settings: Settings) -> Path:
    if not weights.is_complete(settings.engine.model):
        weights.convert(weights.find_gguf(), settings.engine.model)
    return settings.engine.model


def test_it_was_trained_from_the_judge_that_is_shipped(model: Path, settings: Settings) -> None:
    assert settings.judge.release is not None
    found = stored.read(FOLDER, model)
    assert found.record["settings"]["loss"] == "listwise"
    assert found.record["judge_name"] == settings.judge.release.name
    assert (FOLDER / FILE).read_bytes() == (settings.judge.release / FILE).read_bytes()
    assert FOLDER.name in (ROOT / "docs/judge.md").read_text()


def test_its_scores_are_between_nothing_and_one_and_not_all_alike(model: Path) -> None:
    """A list-wise loss leaves the level of scores open; without one fitted, all were 0.998."""
    level = stored.read(FOLDER, model).record["level"]
    assert level["scale"] > 0
    assert level["shift"] != 0


@pytest.mark.parametrize("name", [stored.HEAD, stored.WEIGHTS, stored.RECORD])
def test_a_changed_byte_is_refused(name: str, tmp_path: Path, model: Path) -> None:
    copy = shutil.copytree(FOLDER, tmp_path / FOLDER.name)
    content = bytearray((copy / name).read_bytes())
    at = len(content) // 2
    content[at] = ord("7") if content[at] != ord("7") else ord("8")
    (copy / name).write_bytes(bytes(content))
    with pytest.raises(DataError):
        stored.read(copy, model)
