"""The last steps of a review and of a rollback, as their DAGs run them: a manifest, or a sentence."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from lake import promote, roll_back
from lake.registry import champions, evidence, releases
from lake.registry.evidence import Evidence
from lake.store.location import Lake
from runtime.errors import RaceLost, UsageError


@pytest.fixture
def approved(lake: Lake, shipped: Path, rivals: tuple[Path, Path]) -> str:
    """Evidence that says GO of a release, beside the champion."""
    first, _ = champions.take(lake, shipped)
    release, files = releases.load(rivals[0])
    releases.install(lake, release, files)
    made = Evidence(release.name, first.release, 1, "2017-11-01", "GO", ("Because.",), "shipped", {}, "now", "me")
    return evidence.put(lake, made, {}).name


def asked(lake: Lake, **values: object) -> argparse.Namespace:
    return argparse.Namespace(lake=lake.root, **values)


def test_what_was_approved_is_promoted_and_taken_back_in_somebodys_name(lake: Lake, approved: str) -> None:
    made = promote.main(asked(lake, evidence=approved, reviewer="anna", comment="two\nlines"))
    assert (made["number"], made["kind"], made["reviewer"], made["comment"]) == (2, "promote", "anna", "two\nlines")
    assert made["evidence"] == approved
    back = roll_back.main(asked(lake, reason="worse", record=2, reviewer="ben"))
    assert (back["number"], back["kind"], back["reviewer"], back["reason"]) == (3, "rollback", "ben", "worse")
    assert back["release"] == champions.log_of(lake)[0].release
    assert [record.document() for record in champions.log_of(lake)[1:]] == [made, back]


def test_a_rollback_of_what_is_no_longer_last_takes_nothing_back(
    lake: Lake, approved: str, rivals: tuple[Path, Path]
) -> None:
    promote.main(asked(lake, evidence=approved, reviewer="anna", comment=""))
    champions.promote(lake, rivals[1], "another one", kind="override")
    with pytest.raises(RaceLost):
        roll_back.main(asked(lake, reason="worse", record=2, reviewer=""))
    assert len(champions.log_of(lake)) == 3


def test_a_rollback_says_why(lake: Lake, approved: str) -> None:
    promote.main(asked(lake, evidence=approved, reviewer="anna", comment=""))
    with pytest.raises(UsageError, match="says why"):
        roll_back.main(asked(lake, reason=" ", record=None, reviewer=""))
    assert len(champions.log_of(lake)) == 2
