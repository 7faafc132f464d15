"""The judge that is shipped has passed its exam with the code, prompts and settings that are here.

Where this fails, something that decides a judgement was changed: examine the judge again, and ship the new record
(docs/judge.md, the exam).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lake.registry import judge_records
from lake.store.location import Lake
from model_steps.judge import shipped
from model_steps.judge.judge_release import choose_judge
from model_steps.judge.judge_standing import standing_of
from runtime.errors import CommandError, DataError
from settings import ROOT, Settings


@pytest.fixture
def folder(settings: Settings) -> Path:
    assert settings.judge.release is not None
    return settings.judge.release


def test_it_stands_on_a_new_lake_on_the_days_of_the_demo(lake: Lake, settings: Settings, folder: Path) -> None:
    name = shipped.give(lake, folder)
    judge = choose_judge(lake, name, settings.engine.model)
    assert set(judge.adapters) == {"judge", "one_shot"}
    assert judge.counting is not None
    stands = standing_of(lake, name, settings.judge, "2017-11-01")
    assert (stands.state, stands.reason) == ("valid", f"The judge {name} passed its exam as of 2017-12-31.")
    assert standing_of(lake, name, settings.judge, "2018-01-30").state == "expired"


def test_a_changed_byte_of_its_record_is_refused(lake: Lake, tmp_path: Path, folder: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / folder.name)
    (record,) = (copy / judge_records.SHIPPED).glob("*.json")
    content = json.loads(record.read_text())
    content["minimum_kappa"] = 0.0
    record.write_text(json.dumps(content))
    with pytest.raises(DataError, match="was changed since it was written"):
        shipped.give(lake, copy)


def test_a_changed_adapter_is_refused(lake: Lake, tmp_path: Path, folder: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / folder.name)
    (copy / "counting.json").write_text("{}")
    with pytest.raises(CommandError, match="is not the file that the release was made with"):
        shipped.give(lake, copy)


def test_docs_speak_of_this_judge(folder: Path) -> None:
    assert folder.name in (ROOT / "docs/judge.md").read_text()
