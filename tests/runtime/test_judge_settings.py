"""Settings of the judge: dimensions by their names, bands in order."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from runtime.errors import ConfigurationError
from schemas.judge_labels import DIMENSIONS
from settings import BandSettings, JudgeSettings, Settings, load_settings
from settings.judge import Dimension


def test_dimensions_are_those_of_the_labels() -> None:
    assert get_args(Dimension) == DIMENSIONS["tag"]


def test_rules_are_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTENTFLOW_JUDGE__RULES", '["specificity", "validity"]')
    monkeypatch.setenv("INTENTFLOW_JUDGE__BAD_BAND__HIGH", "0.4")
    settings = Settings().judge
    assert settings.rules == ("specificity", "validity")
    assert (settings.bad_band.low, settings.bad_band.high) == (0.0, 0.4)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RULES", '["beauty"]', "INTENTFLOW_JUDGE__RULES__0: .*'relevance'"),
        ("RULES", "validity", "judge"),
        ("THRESHOLD", "0", "INTENTFLOW_JUDGE__THRESHOLD: .*greater than 0"),
        ("BAD_BAND", '{"low": 0.5, "high": 0.2}', "BAD_BAND: .*begins at 0.5 and ends at 0.2"),
    ],
)
def test_a_bad_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv(f"INTENTFLOW_JUDGE__{name}", value)
    load_settings.cache_clear()
    with pytest.raises(ConfigurationError, match=words):
        load_settings()
    load_settings.cache_clear()


def test_bands_may_be_a_point() -> None:
    assert BandSettings(low=0.2, high=0.2).low == 0.2
    with pytest.raises(ValidationError, match="its low end is the lower one"):
        BandSettings(low=0.3, high=0.2)
    assert JudgeSettings().minimum_kappa == 0.4
