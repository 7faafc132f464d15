"""Champions on an S3 server: of eight who promote, and of eight who roll back, one gets through; the rest are told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lake.registry import champions, evidence, releases
from lake.registry.champions import Record
from lake.registry.evidence import Evidence
from lake.registry.promotion import promote_reviewed
from lake.registry.releases import ADAPTOR, Release, file_digest
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost

WRITERS = 8


def release(place: Path, content: bytes) -> Path:
    """The folder of a release below a place."""
    files = {ADAPTOR: file_digest(content)}
    made = Release("model-1", {"planner": "p-1", "expert": "e-1"}, "embedder@1", files, {"made": "by hand"})
    return releases.save(place, made, {ADAPTOR: content})


@pytest.fixture
def champion(lake: Lake, tmp_path: Path) -> str:
    """The first champion's name."""
    return champions.take(lake, release(tmp_path, b"first"))[0].release


@pytest.fixture
def approved(lake: Lake, champion: str, tmp_path: Path) -> str:
    """Name of the evidence that says GO of another release."""
    candidate, files = releases.load(release(tmp_path, b"second"))
    releases.install(lake, candidate, files)
    made = Evidence(candidate.name, champion, 1, "2017-11-01", "GO", ("Because.",), "shipped", {}, "now", "me")
    return evidence.put(lake, made, {"policy.yaml": b"name: x\n"}).name


def race(act: Callable[[int], Record]) -> tuple[list[Record], list[str]]:
    """What became of eight at once: the records that were written, and what the others were told."""

    def attempt(number: int) -> Record | str:
        try:
            return act(number)
        except RaceLost as lost:
            return str(lost)

    with ThreadPoolExecutor(WRITERS) as pool:
        found = list(pool.map(attempt, range(WRITERS)))
    return [one for one in found if isinstance(one, Record)], [one for one in found if isinstance(one, str)]


def test_of_eight_promotions_one_wins_and_of_eight_rollbacks_one(lake: Lake, champion: str, approved: str) -> None:
    won, told = race(lambda number: promote_reviewed(lake, approved, f"reviewer {number}"))
    assert (len(won), len(told)) == (1, WRITERS - 1)
    assert all("again" in sentence for sentence in told)
    assert champions.current(lake) == won[0]
    assert won[0].release == evidence.read(lake, approved)[0].candidate

    back, told = race(lambda number: champions.roll_back(lake, "worse", won[0].number, f"reviewer {number}"))
    assert (len(back), len(told)) == (1, WRITERS - 1)
    assert all("decide again" in sentence for sentence in told)
    assert champions.current(lake) == back[0]
    assert (back[0].release, back[0].kind, back[0].number) == (champion, "rollback", 3)
    assert len(champions.log_of(lake)) == 3


def test_evidence_with_a_changed_byte_promotes_nobody_there(lake: Lake, approved: str) -> None:
    path = f"_evidence/{approved}/policy.yaml"
    lake.write(path, b"name: y\n")
    with pytest.raises(DataError, match=r"policy\.yaml"):
        promote_reviewed(lake, approved, "reviewer")
    assert len(champions.log_of(lake)) == 1
