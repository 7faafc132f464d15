"""The record of a caption judge: kept under its content, and holding for one judge, model, code, and time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model_steps.caption_judge import decides as deciding
from model_steps.caption_judge.combination import NUMBERS, RULE
from model_steps.caption_judge.decides import decides
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.exam import AS_RULE, JUDGED, NOT_CALIBRATED, standing_of
from model_steps.caption_judge.record import COMBINATION, CaptionRecord, read_judge, read_record, ship, standing
from runtime.errors import DataError, SourceMissing, UsageError
from settings import CaptionJudgeSettings, ExplanationsSettings
from tests.model_steps.caption_cases import by

JUDGE = by(NUMBERS, "clarity")


def record(low: float | None = 0.6, **changed: Any) -> CaptionRecord:
    figures = {
        "written": {"passes": {"judge": {"kappa": {"value": 0.7, "low": low, "high": 0.8}}}},
        "calibrated": {**dict.fromkeys(DIMENSIONS, JUDGED), "safety": NOT_CALIBRATED, "relevance": AS_RULE},
    }
    own = CaptionRecord(JUDGE.name, "m1", "d1", {"written.jsonl": "x"}, "2017-11-01", 0.4, figures)
    return replace(own, **changed)


def stands(of: CaptionRecord | None, **changed: Any) -> str:
    asked = {"judge": JUDGE.name, "model": "m1", "decides": "d1", "day": "2017-11-05", "valid_days": 30}
    return standing(of, **{**asked, "minimum_kappa": 0.4, **changed}).state


def test_a_record_holds_for_one_judge_model_code_and_time() -> None:
    assert stands(record()) == "valid"
    assert stands(None) == "missing"
    assert stands(record(), judge=by(RULE).name) == "outdated"
    assert stands(record(), model="m2") == "outdated"
    assert stands(record(), decides="d2") == "outdated"
    assert stands(record(0.4)) == "failing"
    assert stands(record(None)) == "failing"
    assert stands(record(), minimum_kappa=0.6) == "failing"
    assert stands(record(), day="2017-11-30") == "valid"
    assert stands(record(), day="2017-12-01") == "expired"
    assert stands(record(), day="2017-10-01") == "valid"


def test_it_says_which_dimensions_are_not_calibrated() -> None:
    assert record().not_calibrated == ("safety",)
    assert record(figures={}).not_calibrated == DIMENSIONS


def figures(majority: float | None, rule: float | None) -> dict[str, Any]:
    def less(low: float | None) -> dict[str, Any]:
        return {"accuracy": {"value": 0.1, "low": low, "high": 0.2}}

    return {"captions": 9, "less": {"judge-majority": less(majority), "judge-rule": less(rule)}}


def test_a_dimension_is_judged_when_it_beats_both_rivals_by_whole_intervals() -> None:
    assert standing_of(figures(0.01, 0.01)) == JUDGED
    assert standing_of(figures(0.01, 0.0)) == AS_RULE
    assert standing_of(figures(0.0, 0.01)) == NOT_CALIBRATED
    assert standing_of(figures(None, 0.01)) == NOT_CALIBRATED
    assert standing_of({"captions": 0}) == NOT_CALIBRATED


def test_it_is_shipped_in_the_place_of_older_ones_and_read(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="There is no caption judge in"):
        read_judge(tmp_path)
    assert read_record(tmp_path) is None
    older = ship(tmp_path, JUDGE, record(0.5))
    file = ship(tmp_path, JUDGE, record())
    assert not older.exists()
    assert read_record(tmp_path) == record()
    assert read_judge(tmp_path).document() == JUDGE.document()
    assert file.name == f"{record().name}.json"


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    file = ship(tmp_path, JUDGE, record(0.1))
    content = json.loads(file.read_text())
    content["figures"]["written"]["passes"]["judge"]["kappa"]["low"] = 0.9
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="was changed since it was written, by its content it is"):
        read_record(tmp_path)
    file.write_text("{}")
    with pytest.raises(DataError, match="is no record of a caption judge"):
        read_record(tmp_path)


def test_a_changed_regression_has_another_name(tmp_path: Path) -> None:
    ship(tmp_path, JUDGE, record())
    file = tmp_path / COMBINATION
    file.write_text(file.read_text().replace('"clarity": "numbers"', '"clarity": "rule"'))
    assert stands(read_record(tmp_path), judge=read_judge(tmp_path).name) == "outdated"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        ship(tmp_path / "file", JUDGE, record())


def test_code_words_prompts_and_settings_decide_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    own, explanations = CaptionJudgeSettings(), ExplanationsSettings()
    here = decides(own, explanations)
    assert decides(own, explanations) == here
    assert decides(own.model_copy(update={"chunk_captions": 1, "valid_days": 3}), explanations) == here
    assert decides(own, explanations.model_copy(update={"tags": 9, "form": "free"})) == here
    assert decides(own.model_copy(update={"threshold": 0.9}), explanations) != here
    assert decides(own, explanations.model_copy(update={"most_words": 30})) != here
    code = deciding.code_of(deciding.MODULE)
    decisive = {path for path in code.files if path.endswith(".py") or path.startswith(deciding.LISTS)}
    assert "model_steps/caption_judge/words.toml" in decisive
    assert "model_steps/explaining/lexicon/words.toml" in decisive
    assert "model_steps/explaining/rules.py" in decisive
    # How captions are written, tables look and the exam is taken decides no verdict.
    foreign = ("explaining/frames", "explaining/styles", "schemas/explanations", "caption_judge/exam", "labelled/")
    assert not [path for path in decisive if any(part in path for part in foreign)]
    changed = {**code.files, "model_steps/caption_judge/words.toml": "other"}
    monkeypatch.setattr(deciding, "code_of", lambda _: replace(code, files=changed))
    assert decides(own, explanations) != here
