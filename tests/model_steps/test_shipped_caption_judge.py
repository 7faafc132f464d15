"""The caption judge that is shipped was examined with the code, words, prompts, settings and labels that are here.

Where this fails, something that decides a caption's verdict was changed, or the labelled set: run
`python -m model_steps.calibrate_caption_judge` and ship its record (docs/caption_judge.md).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lake.registry.judge_records import SHIPPED
from model_steps.caption_judge.material import Material
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.caption_judge.record import read_record
from runtime.errors import DataError
from settings import ROOT, Settings


@pytest.fixture
def ready(settings: Settings) -> ReadyCaptionJudge:
    return ReadyCaptionJudge.of(settings)


def test_it_stands_on_the_days_of_the_demo(ready: ReadyCaptionJudge) -> None:
    stands = ready.standing("2017-11-01")
    assert (stands.state, stands.record) == ("valid", ready.record.name if ready.record else None), stands.reason
    assert ready.standing("2017-12-01").state == "expired"


def test_it_was_examined_on_the_labels_that_are_here(ready: ReadyCaptionJudge, settings: Settings) -> None:
    assert ready.record is not None
    material = Material.read(corruptions=settings.caption_judge.corruptions)
    assert {name: ready.record.data[name] for name in material.digests} == dict(material.digests)


def test_a_changed_byte_of_its_record_is_refused(settings: Settings, tmp_path: Path) -> None:
    copy = shutil.copytree(settings.caption_judge.release, tmp_path / "judge")
    (record,) = (copy / SHIPPED).glob("*.json")
    record.write_text(record.read_text().replace('"minimum_kappa": 0.4', '"minimum_kappa": 0.0'))
    with pytest.raises(DataError, match="was changed since it was written"):
        read_record(copy)


def test_docs_say_what_it_is_worth(ready: ReadyCaptionJudge) -> None:
    """Docs name this judge, and of each dimension what its record says."""
    docs = (ROOT / "docs/caption_judge.md").read_text()
    assert ready.judged_by.name in docs
    assert ready.record is not None
    for dimension, said in ready.record.figures["calibrated"].items():
        assert any(line.startswith(f"| {dimension} |") and f"`{said}`" in line for line in docs.splitlines()), dimension
