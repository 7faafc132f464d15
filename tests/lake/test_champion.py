"""The champion log only grows, and of racing writers one wins."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lake.__main__ import main
from lake.registry import champions, cleaning, releases
from lake.registry.champions import Record, current, log_of, promote, take
from lake.registry.releases import ADAPTOR
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost, UsageError

ROOT = Path(__file__).resolve().parents[2]

Said = tuple[int, str, str]
Run = Callable[..., Said]
EverythingIn = Callable[[Lake, str], dict[str, tuple[int, int, bytes]]]


def test_a_new_lake_has_no_champion(lake: Lake) -> None:
    assert current(lake) is None
    assert log_of(lake) == []


def test_the_first_champion_of_a_new_lake_is_the_shipped_release(lake: Lake, shipped: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    record, first = take(lake, shipped)
    assert first
    assert (record.number, record.release, record.reason) == (1, shipped.name, champions.SHIPPED)
    assert record.by == getpass.getuser()
    at = datetime.strptime(record.at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert before <= at <= datetime.now(UTC)
    assert releases.read(lake, record.release) == releases.load(shipped)
    # From then on the log alone counts.
    shutil.rmtree(shipped)
    assert take(lake, shipped) == (record, False)
    assert log_of(lake) == [record]


def test_a_lake_with_a_champion_keeps_it(lake: Lake, shipped: Path, rivals: tuple[Path, Path]) -> None:
    record = promote(lake, rivals[0], "better")
    assert take(lake, shipped) == (record, False)
    assert not list(lake.list(f"_releases/{shipped.name}"))


def test_a_first_champion_that_is_no_release_leaves_no_record(lake: Lake, shipped: Path) -> None:
    (shipped / ADAPTOR).write_bytes(b"")
    with pytest.raises(UsageError, match="is not the file that the release was made with"):
        take(lake, shipped)
    assert lake.files() == []


def test_a_promotion_adds_a_record_and_changes_no_old_one(
    lake: Lake, shipped: Path, rivals: tuple[Path, Path], everything_in: EverythingIn
) -> None:
    folders = [shipped, *rivals, shipped, rivals[0], rivals[0]]
    before: dict[str, tuple[int, int, bytes]] = {}
    for number, folder in enumerate(folders, start=1):
        record = promote(lake, folder, f"reason {number}")
        assert (record.number, record.release, record.reason) == (number, folder.name, f"reason {number}")
        assert current(lake) == record
        now = everything_in(lake, "_champion") | everything_in(lake, "_releases")
        assert {path: now[path] for path in before} == before
        before = now
    assert [record.release for record in log_of(lake)] == [folder.name for folder in folders]
    assert list(lake.list("_champion")) == [f"_champion/{number:06}.json" for number in range(1, 7)]


def test_the_log_is_in_the_order_of_its_numbers(lake: Lake) -> None:
    for number in (999_999, 1_000_000, 2, 10):
        record = Record(number, "base-0", "why", "who", "when")
        lake.write(f"_champion/{number:06}.json", json.dumps(vars(record)).encode())
    assert [record.number for record in log_of(lake)] == [2, 10, 999_999, 1_000_000]


def test_what_a_killed_promotion_left_is_no_record(lake: Lake, shipped: Path) -> None:
    """Installed and not recorded, and in the middle of writing the record."""
    releases.install(lake, *releases.load(shipped))
    Path(lake.root, "_champion").mkdir()
    Path(lake.root, "_champion/.writing-1-2").write_bytes(b'{"number')
    assert current(lake) is None
    assert take(lake, shipped)[1]


def test_a_decision_upon_an_older_record_loses(lake: Lake, shipped: Path, rivals: tuple[Path, Path]) -> None:
    take(lake, shipped)
    promote(lake, rivals[0], "better", after=1)
    with pytest.raises(RaceLost) as lost:
        promote(lake, rivals[1], "better", after=1)
    assert str(lost.value) == "Somebody else wrote the record 2 of the champion log: look at it and decide again."
    assert [record.release for record in log_of(lake)] == [shipped.name, rivals[0].name]


def test_cleaning_spares_champions_and_releases(lake: Lake, shipped: Path, rivals: tuple[Path, Path]) -> None:
    take(lake, shipped)
    promote(lake, rivals[0], "better")
    long_ago = time.time() - 10_000 * 3600
    for file in lake.files():
        os.utime(Path(lake.root, file.path), (long_ago, long_ago))
    assert cleaning.leftovers(lake) == []


# --- races


@pytest.fixture
def overlap(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Hold writers back until all have looked at the log, so that they decide upon the same record."""

    def hold(writers: int) -> None:
        barrier = threading.Barrier(writers, timeout=30)
        put_if_absent = objects.put_if_absent

        def wait_then_put(*arguments: Any) -> bool:
            barrier.wait()
            return put_if_absent(*arguments)

        monkeypatch.setattr(objects, "put_if_absent", wait_then_put)

    return hold


def outcome(lake: Lake, folder: Path, after: int | None) -> str:
    try:
        return f"record {promote(lake, folder, 'better', after).number}"
    except RaceLost as error:
        return "lost" if "Somebody else wrote the record 2" in str(error) else str(error)


@pytest.mark.parametrize("after", [None, 1], ids=["after the last record", "after the first record"])
def test_of_two_promotions_after_the_same_record_one_wins(
    lake: Lake,
    shipped: Path,
    rivals: tuple[Path, Path],
    overlap: Callable[[int], None],
    everything_in: EverythingIn,
    after: int | None,
) -> None:
    take(lake, shipped)
    before = everything_in(lake, "_champion")
    overlap(2)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda folder: outcome(lake, folder, after), rivals))
    assert sorted(outcomes) == ["lost", "record 2"]
    winner = rivals[outcomes.index("record 2")]
    assert [record.release for record in log_of(lake)] == [shipped.name, winner.name]
    now = everything_in(lake, "_champion")
    assert {path: now[path] for path in before} == before
    assert releases.read(lake, winner.name) == releases.load(winner)


def taken(lake: Lake, shipped: Path, callers: int) -> list[tuple[Record, bool]]:
    """What as many callers at once get from a lake."""
    barrier = threading.Barrier(callers, timeout=30)

    def one(_number: int) -> tuple[Record, bool]:
        barrier.wait()
        return take(lake, shipped)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(one, range(callers)))


def check_taken(lake: Lake, shipped: Path, found: Sequence[tuple[Record, bool]]) -> None:
    (record,) = log_of(lake)
    assert record.release == shipped.name
    assert [one for one, _ in found] == [record] * 8
    assert [first for _, first in found].count(True) == 1
    assert releases.read(lake, record.release) == releases.load(shipped)
    # Nobody left a half-written file.
    assert len(lake.files()) == 3


def test_eight_runs_that_begin_on_a_new_lake_have_one_champion(tmp_path: Path, shipped: Path) -> None:
    for attempt in range(20):
        lake = Lake.open(tmp_path / f"lake{attempt}")
        check_taken(lake, shipped, taken(lake, shipped, 8))


def test_eight_runs_that_all_saw_no_champion_have_one(
    lake: Lake, shipped: Path, overlap: Callable[[int], None]
) -> None:
    overlap(8)
    check_taken(lake, shipped, taken(lake, shipped, 8))


def test_processes_that_promote_at_once_lose_or_follow_one_another(
    lake: Lake, shipped: Path, rivals: tuple[Path, Path]
) -> None:
    take(lake, shipped)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "lake", "promote", str(folder), "--reason", "race", "--lake", lake.root],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in rivals
    ]
    said = [process.communicate(timeout=120) for process in processes]
    codes = [process.returncode for process in processes]
    assert codes in ([0, 0], [0, 76], [76, 0]), said
    records = log_of(lake)
    assert [record.number for record in records] == list(range(1, 2 + codes.count(0)))
    won = {folder.name for folder, code in zip(rivals, codes, strict=True) if code == 0}
    assert {record.release for record in records[1:]} == won


# --- the command lines


@pytest.fixture
def run(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``python -m lake`` on the test's lake; returns exit code, stdout, stderr."""
    Path(lake.root).mkdir()

    def typed(*arguments: str) -> Said:
        monkeypatch.setattr("sys.argv", ["lake", *arguments, "--lake", lake.root])
        code = main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return typed


def test_a_promoted_release_is_the_champion_that_is_listed(
    run: Run, lake: Lake, shipped: Path, rivals: tuple[Path, Path]
) -> None:
    said = run("champions")
    assert said == (
        0,
        "Nobody is champion yet: the first refresh installs the release that is shipped with the code.\n",
        "",
    )
    take(lake, shipped)
    code, out, err = run("promote", str(rivals[0]), "--reason", "better on the holdout")
    assert (code, err) == (0, "")
    assert out == f"{rivals[0].name} is champion by record 2: refreshes that begin from now on use it.\n"
    assert releases.read(lake, rivals[0].name) == releases.load(rivals[0])
    code, out, err = run("champions")
    assert (code, err) == (0, "")
    user = getpass.getuser()
    lines = [line.split(maxsplit=5) for line in out.splitlines()]
    # No gate was asked, so the second one is a person's own act.
    assert [line[:1] + line[2:] for line in lines] == [
        ["2", "override", rivals[0].name, user, "better on the holdout"],
        ["1", "promote", shipped.name, user, champions.SHIPPED],
    ]
    assert [line[1] for line in lines] == [record.at for record in reversed(log_of(lake))]


def test_a_reason_cannot_steer_the_terminal(run: Run, lake: Lake, shipped: Path) -> None:
    assert run("promote", str(shipped), "--reason", "a\x1b[2Jb\nc")[0] == 0
    (line,) = run("champions")[1].splitlines()
    assert line.endswith(r"a\x1b[2Jb\nc")
    assert log_of(lake)[0].reason == "a\x1b[2Jb\nc"


def test_a_folder_that_is_no_release_is_told_in_a_sentence(run: Run, lake: Lake, shipped: Path, tmp_path: Path) -> None:
    take(lake, shipped)
    before = {file.path for file in lake.files()}
    code, out, err = run("promote", str(tmp_path), "--reason", "why")
    assert (code, out) == (64, "")
    assert err.startswith(f"{tmp_path} is no release: ")
    assert err.count("\n") == 1
    (shipped / ADAPTOR).write_bytes(b"changed")
    code, out, err = run("promote", str(shipped), "--reason", "why")
    assert (code, out) == (64, "")
    assert err == f"{shipped}/{ADAPTOR} is not the file that the release was made with: restore it.\n"
    assert {file.path for file in lake.files()} == before


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("promote",), "the following arguments are required: FOLDER, --reason"),
        (("promote", "releases"), "the following arguments are required: --reason"),
        (("promote", "--reason", "why"), "the following arguments are required: FOLDER"),
        (("champions", "1"), "unrecognized arguments: 1"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(run: Run, lake: Lake, typed: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(*typed)
    assert (code, out) == (64, "")
    assert sentence in err
    assert lake.files() == []


def test_a_place_without_a_lake_has_no_champions(run: Run, lake: Lake) -> None:
    Path(lake.root).rmdir()
    code, out, err = run("champions")
    assert (code, out) == (66, "")
    assert err == f"There is no lake in {lake.root}: nothing was landed yet, or --lake names another place.\n"


def test_a_damaged_record_is_told_in_a_sentence(lake: Lake) -> None:
    for content in (b"{", b"{}", b"[1]"):
        lake.write("_champion/000001.json", content)
        with pytest.raises(DataError, match=r"_champion/000001.json is no record of the champion log"):
            champions.log_of(lake)
