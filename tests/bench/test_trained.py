"""A release that learnt from users is judged only where the same people are held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.lakes import landed, trained
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.training.catalog import population_digest
from runtime.errors import UsageError

DAY = "2017-08-23"


def release(**training: object) -> Release:
    return Release("m", "p", "e", {}, training)


def test_one_that_learnt_from_nobody_may_be_judged_anywhere(tmp_path: Path) -> None:
    trained.refuse_other_people(Lake.open(tmp_path), release())
    trained.refuse_other_people(Lake.open(tmp_path), release(users=0, day=DAY, population="other"))


def test_one_of_another_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Preparing a day is Spark's work and tested elsewhere; an empty day has a population too.
    monkeypatch.setattr(landed, "prepare_day", lambda _lake, _day: None)
    lake = Lake.open(tmp_path)
    trained.refuse_other_people(lake, release(users=3, day=DAY, population=population_digest(lake, DAY)))
    with pytest.raises(UsageError, match="learnt from users of 2017-08-23 who are others"):
        trained.refuse_other_people(lake, release(users=3, day=DAY, population="of another key"))
