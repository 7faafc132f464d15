"""A log's evaluation file: which one it is, what it gives, and what is said of a wrong one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lake.registry.evaluation_file import evaluation_path, read_rule
from lake.registry.splits import SplitRule
from runtime.errors import ConfigurationError
from settings import ROOT, SourceSettings

DEMO = SplitRule(days=("2017-09-06", "2017-10-04", "2017-11-01"), leave_out=("fuel", "miscellaneous"))


def rule_of(folder: Path, text: str) -> SplitRule:
    path = folder / "evaluation.toml"
    path.write_text(text)
    return read_rule(SourceSettings(evaluation=path))


def test_the_demo_log_has_its_own() -> None:
    assert read_rule(SourceSettings()) == DEMO


def test_a_described_log_has_it_beside_its_description(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "second_shop", tmp_path / "shop")
    source = SourceSettings(name=str(tmp_path / "shop" / "csv.toml"))
    assert evaluation_path(source) == tmp_path / "shop" / "evaluation.toml"
    rule = read_rule(source)
    assert (rule.days, rule.history_days, rule.leave_out) == (("2017-10-25",), 14, ())
    # Its thirty days hold the whole history and all outcomes, and a training day before them.
    assert rule.history_from(rule.days[0]) >= "2017-10-03"
    assert rule.outcomes_until(rule.days[0]) <= "2017-11-02"


def test_the_setting_names_another(tmp_path: Path) -> None:
    rule = rule_of(tmp_path, 'days = [2018-01-01]\nleave_out = ["gift cards"]\nholdout = 0.3\n')
    assert rule == SplitRule(days=("2018-01-01",), leave_out=("gift cards",), holdout=0.3)


def test_days_may_be_written_as_text(tmp_path: Path) -> None:
    assert rule_of(tmp_path, 'days = ["2018-01-01"]').days == ("2018-01-01",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("days = []", "days: Tuple should have at least 1 item"),
        ("leave_out = []", "days: Field required"),
        ("days = [2018-01-02, 2018-01-01]", "2018-01-01 stands after 2018-01-02: days are in order"),
        ("days = [2018-01-01, 2018-01-01]", "days are in order, a new one comes last"),
        ('days = ["yesterday"]', r"days\.0: Input should be a valid date"),
        ("days = [2018-01-01]\nholdout = 0.6\nvalidation = 0.4", "leave nobody to train on"),
        ("days = [2018-01-01]\nhold_out = 0.3", "hold_out: Extra inputs are not permitted"),
        ("days = [2018-01-01]\noutcome_days = 0", "outcome_days: Input should be greater than or equal to 1"),
        ("days = [", "cannot be read"),
    ],
)
def test_a_wrong_one_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        rule_of(tmp_path, text)
    assert str(tmp_path / "evaluation.toml") in str(refused.value)


def test_a_missing_one_says_where_it_belongs(tmp_path: Path) -> None:
    for source in (SourceSettings(name=str(tmp_path / "csv.toml")), SourceSettings(evaluation=tmp_path / "none.toml")):
        with pytest.raises(ConfigurationError, match=r"There is no evaluation file .* INTENTFLOW_SOURCE__EVALUATION"):
            read_rule(source)
