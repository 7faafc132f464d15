"""A benchmark lands in lakes of its own only, under a key that makes its figures the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.lakes import landed, steps
from lake.store.location import Lake
from runtime.errors import UsageError
from runtime.steps import StepFailed
from spark_jobs.landing.pseudonyms import load_key

Land = Callable[[Sequence[tuple[str, str, str, str]], Sequence[str]], Lake]


def test_somebody_elses_lake_is_refused(land: Land) -> None:
    lake = land([("ann", "2017-03-09T10:00:00", "purchase", "milk")], ["2017-03-09"])
    with pytest.raises(UsageError, match="was not made by a benchmark"):
        landed.claim(lake)


def test_its_own_lake_is_known_again(lake: Lake, land: Land) -> None:
    landed.claim(lake)
    land([("ann", "2017-03-09T10:00:00", "purchase", "milk")], ["2017-03-09"])
    landed.claim(lake)


def test_the_public_log_has_a_public_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landed, "FOLDER", tmp_path)
    monkeypatch.delenv(landed.KEY_SETTING, raising=False)
    path = Path(landed.environment()[landed.KEY_SETTING])
    assert load_key(path) == landed.DEMO_KEY


def test_a_key_that_was_chosen_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(landed.KEY_SETTING, "mine")
    assert landed.environment() == {}


def test_a_failed_step_says_which_and_why() -> None:
    with pytest.raises(StepFailed, match=r"`python -m lake` failed: .") as caught:
        steps.run_step("lake", "show", "nothing")
    assert caught.value.exit_code == 64
