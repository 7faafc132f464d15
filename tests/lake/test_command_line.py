"""``python -m lake`` as its users type it, on small real tables; and what it stands on: due days, cleaning."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.__main__ import main
from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.publish_day import DAY_TABLES, publish_day
from lake.registry import cleaning
from lake.registry.days import history_of, pinned_files, read_day, states
from lake.store.location import Lake
from runtime.atomic import TEMPORARY
from runtime.errors import DataError, RaceLost
from schemas import behaviors, days, entities, intents, personas, rollups
from schemas.table import Table

FIRST, SECOND = "2017-11-01", "2017-11-02"
HOURS = 3600.0

Approve = Callable[..., list[Batch]]
MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]
Said = tuple[int, str, str]
Run = Callable[..., Said]
PublishRows = Callable[..., None]


@pytest.fixture
def run(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line on the test's lake; returns exit code, stdout, stderr."""

    def typed(*arguments: str) -> Said:
        monkeypatch.setattr("sys.argv", ["lake", *arguments, *(["--lake", lake.root] if arguments else [])])
        code = main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return typed


@pytest.fixture
def publish_rows(lake: Lake, make_batch: MakeBatch, approve: Approve) -> PublishRows:
    """Publish rows of a table's day."""

    def add(table: Table, day: str, rows: Sequence[Mapping[str, Any]], fingerprint: str = "work") -> None:
        values = " ".join("infer" if name == "step" else day for name in table.partition_by)
        data = pa.Table.from_pylist(list(rows), table.file_schema)
        publish(lake, approve(make_batch({values: data}, table=table, fingerprint=fingerprint)))

    return add


def behavior_rows(day: str, *users: str) -> list[dict[str, Any]]:
    at = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    row = {"at": at, "action": "purchase", "entity_id": "milk", "quantity": 1}
    return [{**row, "user_id": user} for user in users]


@pytest.fixture
def two_days(lake: Lake, publish_rows: PublishRows) -> Lake:
    """Two published days: the log of two users and of one, no intents."""
    for day, users in ((FIRST, ("anna", "bert")), (SECOND, ("anna",))):
        publish_rows(behaviors.TABLE, day, behavior_rows(day, *users))
        for table in DAY_TABLES:
            if table is not behaviors.TABLE:
                publish_rows(table, day, [])
        publish_day(lake, day, "base-1", {})
    return lake


def age(lake: Lake, hours: float, *paths: str) -> None:
    """Make files of the lake, or all of them, older than they are."""
    then = time.time() - hours * HOURS
    for path in paths or [file.path for file in lake.files()]:
        os.utime(Path(lake.root, path), (then, then))


def paths(lake: Lake, hours: float = cleaning.RETENTION_HOURS) -> list[str]:
    return [file.path for file in cleaning.leftovers(lake, hours)]


def users(lake: Lake, day: str | None = None) -> list[str]:
    return [str(user) for user in tables.read(lake, rollups.TABLE, day)["user_id"].to_pylist()]


def data_files(lake: Lake, table: Table = rollups.TABLE) -> list[str]:
    return [path for path in lake.list(table.name) if path.endswith(".parquet") and "_delta_log" not in path]


# --- bad input


@pytest.mark.parametrize(
    ("typed", "code", "sentence"),
    [
        ((), 64, "the following arguments are required: WHAT"),
        (("look",), 64, "invalid choice: 'look'"),
        (("show",), 64, "the following arguments are required: TABLE"),
        (("show", "rollup"), 64, "argument TABLE: invalid choice: 'rollup'"),
        (("show", "rollups", "--day", "2017-11-31"), 64, "'2017-11-31' is no day; write it as YYYY-MM-DD"),
        (("show", "rollups", "--rows", "-1"), 64, "'-1' is no number of 0 or more"),
        (("show", "rollups", "--rows", "five"), 64, "'five' is no number of 0 or more"),
        (("show", "entities", "--day", FIRST), 64, "The table entities has no days: leave --day out."),
        (("show", "rollups", "--version", "9"), 65, "The table rollups has no version 9, or no longer: "),
        (("history", "rollups", "--last", "0.5"), 64, "'0.5' is no number of 0 or more"),
        (("restore", "rollups"), 64, "the following arguments are required: --version"),
        (("restore", "rollups", "--version", "-1"), 64, "'-1' is no number of 0 or more"),
        (("restore", "rollups", "--version", "9"), 65, "has no older version 9: its newest version is 1."),
        (("restore", "rollups", "--version", "1"), 65, "has no older version 1: its newest version is 1."),
        (("restore", "answers", "--version", "0"), 65, "has no older version 0: it was never written."),
        (("clean", "--older-than-hours", "-1"), 64, "--older-than-hours must be 0 or more, got -1."),
        (("clean", "--older-than-hours", "nan"), 64, "--older-than-hours must be 0 or more, got nan."),
        (("clean", "--older-than-hours", "soon"), 64, "invalid float value: 'soon'"),
        (("days", "--day", FIRST), 64, "unrecognized arguments: --day"),
        (("tables", "rollups"), 64, "unrecognized arguments: rollups"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    run: Run, publish_rows: PublishRows, typed: tuple[str, ...], code: int, sentence: str
) -> None:
    publish_rows(rollups.TABLE, FIRST, [])
    found, out, err = run(*typed)
    assert (found, out) == (code, "")
    assert sentence in err


@pytest.mark.parametrize("what", ["tables", "days", "clean"])
def test_a_place_without_a_lake_is_no_empty_lake(run: Run, lake: Lake, what: str) -> None:
    code, out, err = run(what)
    assert (code, out) == (66, "")
    assert err == f"There is no lake in {lake.root}: nothing was landed yet, or --lake names another place.\n"


def test_a_shell_gets_exit_codes_and_no_traceback(
    lake: Lake, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_module("lake", "tables", "--lake", "gs://bucket/lake")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "The lake 'gs://bucket/lake' is neither a folder nor s3://bucket/prefix.\n"


def test_whoever_stops_reading_hears_no_complaint(two_days: Lake) -> None:
    command = ["bash", "-c", f"set -o pipefail; python -m lake tables --lake {two_days.root} | head -1"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_log_that_is_damaged_is_told_in_a_sentence(run: Run, lake: Lake, publish_rows: PublishRows) -> None:
    publish_rows(rollups.TABLE, FIRST, [])
    Path(lake.root, "rollups/_delta_log/00000000000000000001.json").write_text("{")
    code, _, err = run("show", "rollups")
    assert code == 75
    assert err.startswith("Opening the table rollups failed: ")
    assert err.count("\n") == 1


# --- tables, show, history


def test_tables_are_listed(run: Run, two_days: Lake) -> None:
    code, out, _ = run("tables")
    assert code == 0
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()}
    assert lines["behaviors"].split(maxsplit=3) == ["2", "3", "2", "2017-11-01 to 2017-11-02 (2)"]
    assert lines["entities"].split(maxsplit=3) == ["-", "-", "-", "not written yet"]


def test_a_table_is_shown_with_rows_of_its_newest_day(run: Run, two_days: Lake) -> None:
    code, out, _ = run("show", "behaviors")
    assert code == 0
    assert out.startswith("behaviors: One action of one user on one entity at one time.\n")
    assert "  user_id              string                                   Pseudonym of the shop's user id.\n" in out
    assert "1 of the 1 rows of 2017-11-02:\n\n  day                  2017-11-02\n  user_id              anna\n" in out


def test_rows_are_shown_of_a_day_and_of_a_version(run: Run, two_days: Lake) -> None:
    assert "1 of the 2 rows of 2017-11-01:" in run("show", "behaviors", "--day", FIRST, "--rows", "1")[1]
    assert "0 of the 2 rows of 2017-11-01:\n" in run("show", "behaviors", "--day", FIRST, "--rows", "0")[1]
    assert "rows of 2017-11-01:" in run("show", "behaviors", "--version", "1")[1]
    assert "No rows; days with rows: none.\n" in run("show", "behaviors", "--version", "0")[1]
    said = run("show", "behaviors", "--day", "2017-11-05")[1]
    assert "No rows of 2017-11-05; days with rows: 2017-11-01 to 2017-11-02 (2).\n" in said
    assert run("show", "entities")[1].endswith("\nNo rows.\n")


def test_texts_cannot_steer_the_terminal(run: Run, lake: Lake) -> None:
    row = {"entity_id": "q", "text": "a\x1b[2Jb\nc\u202ed" + "x" * 500, "kind": "query"}
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist([row], schema=entities.TABLE.schema))
    (line,) = [line for line in run("show", "entities")[1].splitlines() if "[2J" in line]
    assert r"a\x1b[2Jb\nc\u202edxxx" in line
    assert line.endswith("...")


def test_history_says_what_each_version_changed(run: Run, publish_rows: PublishRows) -> None:
    row = {"action": "purchase", "entity_id": "milk", "count": 1}
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "anna"}, {**row, "user_id": "bert"}], "first-work")
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "carl"}], "second-work")
    code, out, _ = run("history", "rollups")
    assert code == 0
    head, *lines = [line.split() for line in out.splitlines()]
    assert head[0] == "version"
    # Without date and time, which stand second and third.
    assert [line[:1] + line[3:] for line in lines] == [
        ["2", "WRITE", "+1", "-1", "+1", FIRST, "second-work"],
        ["1", "WRITE", "+1", "-0", "+2", FIRST, "first-work"],
        ["0", "CREATE", "TABLE"],
    ]
    assert "2 older versions are not shown: --last 3 shows all." in run("history", "rollups", "--last", "1")[1]
    assert run("history", "answers")[1] == "answers was never written.\n"


# --- restore


def test_a_restored_version_is_read_again(run: Run, lake: Lake, publish_rows: PublishRows) -> None:
    row = {"action": "purchase", "entity_id": "milk", "count": 1}
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "anna"}], "first")
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "bert"}], "second")
    publish_rows(rollups.TABLE, SECOND, [{**row, "user_id": "carl"}], "third")
    said = run("restore", "rollups", "--version", "1")
    assert said == (0, "rollups is as it was in version 1 again; this is version 4.\n", "")
    assert users(lake) == ["anna"]
    assert run("restore", "rollups", "--version", "3")[0] == 0
    assert users(lake) == ["bert", "carl"]
    # Work that was restored away is published anew when it is done again.
    run("restore", "rollups", "--version", "0")
    assert users(lake) == []
    publish_rows(rollups.TABLE, SECOND, [{**row, "user_id": "carl"}], "third")
    assert users(lake) == ["carl"]


def test_restoring_says_which_published_days_still_read_otherwise(
    run: Run, two_days: Lake, publish_rows: PublishRows
) -> None:
    code, out, _ = run("restore", "behaviors", "--version", "1")
    assert code == 0
    assert out.splitlines()[1] == (
        "Published with other rows of behaviors, and still read so by whoever reads through `days`: 2017-11-02. "
        "Restore `days` too, or make them again."
    )
    assert read_day(two_days, behaviors.TABLE, SECOND)["user_id"].to_pylist() == ["anna"]
    assert "2017-11-02  due" in run("days")[1]


def test_a_version_whose_files_were_cleaned_cannot_be_restored(run: Run, lake: Lake, publish_rows: PublishRows) -> None:
    row = {"action": "purchase", "entity_id": "milk", "count": 1}
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "anna"}], "first")
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "bert"}], "second")
    age(lake, 400)
    assert run("clean", "--apply")[0] == 0
    code, _, err = run("restore", "rollups", "--version", "1")
    assert code == 65
    assert err == "Version 1 of the table rollups cannot be restored: its files were cleaned away.\n"
    assert users(lake) == ["bert"]
    code, _, err = run("show", "rollups", "--version", "1")
    assert (code, err.count("\n")) == (75, 1)
    assert "a data file is gone" in err


def test_a_restore_that_meets_a_writer_says_so(
    lake: Lake, publish_rows: PublishRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"action": "purchase", "entity_id": "milk", "count": 1}
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "anna"}], "first")
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "bert"}], "second")
    stale = tables.open_table(lake, rollups.TABLE)
    publish_rows(rollups.TABLE, FIRST, [{**row, "user_id": "carl"}], "third")
    monkeypatch.setattr(tables, "open_table", lambda *_arguments, **_options: stale)
    with pytest.raises(RaceLost, match="Another run wrote the table rollups meanwhile: look at it and restore again"):
        writing.restore(lake, rollups.TABLE, 1)


# --- days


def test_days_are_listed_with_their_state(run: Run, two_days: Lake, publish_rows: PublishRows) -> None:
    publish_rows(behaviors.TABLE, "2017-11-03", behavior_rows("2017-11-03", "anna"))
    assert run("days")[1].splitlines() == [
        "2017-11-01  published         0 users  base-1",
        "2017-11-02  published         0 users  base-1",
        "2017-11-03  landed",
        "2 days are published, 0 are due again, 1 only landed.",
    ]
    assert run("days", "--due")[1] == "No published day is due.\n"


def test_late_data_make_their_day_and_later_ones_due_until_they_are_published_again(
    run: Run, two_days: Lake, publish_rows: PublishRows
) -> None:
    publish_rows(behaviors.TABLE, FIRST, behavior_rows(FIRST, "anna", "bert", "late"), "later")
    assert run("days", "--due")[1].splitlines() == [
        "2017-11-01  due               0 users  base-1  its behaviors changed",
        "2017-11-02  due               0 users  base-1  its history changed",
    ]
    # Until then the day is read as it was published.
    assert read_day(two_days, behaviors.TABLE, FIRST)["user_id"].to_pylist() == ["anna", "bert"]
    publish_day(two_days, FIRST, "base-1", {})
    assert [state.day for state in states(two_days) if state.state == "due"] == [SECOND]
    publish_day(two_days, SECOND, "base-1", {})
    assert run("days", "--due")[1] == "No published day is due.\n"
    assert read_day(two_days, behaviors.TABLE, FIRST)["user_id"].to_pylist() == ["anna", "bert", "late"]


def test_a_day_is_due_when_behaviors_were_landed_while_it_was_made(two_days: Lake, publish_rows: PublishRows) -> None:
    rolled_up = history_of(two_days, SECOND)
    publish_rows(behaviors.TABLE, FIRST, behavior_rows(FIRST, "late"), "later")
    publish_day(two_days, SECOND, "base-1", {}, rolled_up)
    assert [state.why_due for state in states(two_days)] == ["its behaviors changed", "its history changed"]


def test_landing_the_same_content_again_makes_nothing_due(two_days: Lake, publish_rows: PublishRows) -> None:
    publish_rows(behaviors.TABLE, FIRST, behavior_rows(FIRST, "bert", "anna"), "other-code")
    assert [state.state for state in states(two_days)] == ["published", "published"]


def test_a_day_is_read_even_when_its_version_is_forgotten(two_days: Lake) -> None:
    """Nothing of the day changed, so the newest version serves."""
    row = tables.read(two_days, behaviors.TABLE).num_rows
    log = Path(two_days.root, "behaviors/_delta_log")
    delta = tables.open_table(two_days, behaviors.TABLE)
    assert delta
    delta.create_checkpoint()
    for version in range(delta.version()):
        (log / f"{version:020d}.json").unlink()
    with pytest.raises(DataError, match="has no version 1, or no longer"):
        tables.read(two_days, behaviors.TABLE, version=1)
    assert read_day(two_days, behaviors.TABLE, FIRST).num_rows + 1 == row


def test_a_day_from_before_personas_were_kept_is_read_without(two_days: Lake, publish_rows: PublishRows) -> None:
    (row,) = tables.read(two_days, days.TABLE, FIRST).to_pylist()
    kept = [entry for entry in row["versions"] if entry["table"] != personas.TABLE.name]
    older = {name: value for name, value in {**row, "versions": kept}.items() if name != "day"}
    publish_rows(days.TABLE, FIRST, [older], "older")
    with pytest.raises(DataError, match="was published before personas were kept: run daily_refresh for it again"):
        read_day(two_days, personas.TABLE, FIRST)
    assert read_day(two_days, personas.TABLE, SECOND).num_rows == 0
    assert read_day(two_days, behaviors.TABLE, FIRST).num_rows == 2
    assert [day.state for day in states(two_days)] == ["published", "published"]


def test_a_day_that_is_not_published_cannot_be_read(two_days: Lake) -> None:
    with pytest.raises(DataError, match="The day 2017-11-09 is not published"):
        read_day(two_days, intents.TABLE, "2017-11-09")
    with pytest.raises(DataError, match="The table entities is no part of a day"):
        read_day(two_days, entities.TABLE, FIRST)


# --- clean


@pytest.fixture
def untidy(lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows) -> Lake:
    """A published day, one replaced day, one staged and not published; nothing in it is young."""
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna")})))
    publish(lake, approve(make_batch({SECOND: rollup_rows("old")})))
    publish(lake, approve(make_batch({SECOND: rollup_rows("new")}, fingerprint="again")))
    make_batch({FIRST: rollup_rows("staged")}, fingerprint="never")
    age(lake, 400)
    return lake


def test_cleaning_spares_what_is_live(run: Run, untidy: Lake) -> None:
    code, out, _ = run("clean")
    assert code == 0
    *listed, last = out.splitlines()
    assert [line.split("/")[0] for line in listed] == ["_batches"] * 4 + ["_contents"] * 2 + ["rollups"] * 2
    assert all("bytes, 400 hours old" in line for line in listed)
    assert last == "8 files, 0.0 MiB, would be deleted; add --apply."
    assert len(data_files(untidy)) == 4

    assert run("clean", "--apply")[1].splitlines()[-1] == "8 files, 0.0 MiB, deleted."
    assert len(data_files(untidy)) == 2
    assert users(untidy) == ["anna", "new"]
    assert tables.version(untidy, rollups.TABLE) == 3
    assert run("clean")[1] == "0 files, 0.0 MiB, would be deleted.\n"


def test_cleaning_spares_what_is_young(run: Run, untidy: Lake) -> None:
    for path in data_files(untidy):
        age(untidy, 10, path)
    assert all(path.startswith(("_batches/", "_contents/")) for path in paths(untidy))
    assert len([path for path in paths(untidy, 9) if path.startswith("rollups/")]) == 2
    age(untidy, 10)
    assert paths(untidy, 11) == []


def test_files_of_a_batch_that_may_yet_be_published_are_spared(
    untidy: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    """Staged long ago, described lately: an audit takes its time, a person even more."""
    batch = make_batch({FIRST: rollup_rows("waiting")}, fingerprint="patient")
    (file,) = batch.partitions[0].files
    age(untidy, 400, f"rollups/{file.path}")
    found = cleaning.leftovers(untidy)
    assert f"rollups/{file.path}" not in [one.path for one in found]
    cleaning.delete(untidy, found)
    publish(untidy, approve(batch))
    assert users(untidy, FIRST) == ["waiting"]


def test_a_version_that_was_replaced_lately_can_be_restored(
    run: Run, untidy: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    """What counts is when a file was replaced, not when it was written."""
    publish(untidy, approve(make_batch({FIRST: rollup_rows("mistake")}, fingerprint="mistake")))
    run("clean", "--apply")
    assert users(untidy, FIRST) == ["mistake"]
    assert run("restore", "rollups", "--version", "3")[0] == 0
    assert users(untidy) == ["anna", "new"]
    # And so is what a restore took away.
    assert not [path for path in paths(untidy) if "mistake" in path]


def test_files_that_a_published_day_pins_are_spared(two_days: Lake, publish_rows: PublishRows) -> None:
    (pinned,) = [path for path in data_files(two_days, behaviors.TABLE) if FIRST in path]
    publish_rows(behaviors.TABLE, FIRST, behavior_rows(FIRST, "late"), "later")
    age(two_days, 400)
    assert list(pinned_files(two_days)) == [pinned]
    cleaning.delete(two_days, cleaning.leftovers(two_days))
    assert read_day(two_days, behaviors.TABLE, FIRST)["user_id"].to_pylist() == ["anna", "bert"]
    publish_day(two_days, FIRST, "base-1", {})
    assert pinned in paths(two_days)


def test_what_a_kill_left_between_staging_and_publishing_goes(
    lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    """Killed before the batch was described, and in the middle of a write."""
    batch = make_batch({FIRST: rollup_rows("anna")})
    lake.delete(batch.path)
    half = f"rollups/day={FIRST}/{TEMPORARY}1-2"
    Path(lake.root, half).write_bytes(b"PAR1")
    Path(lake.root, "_log").mkdir()
    Path(lake.root, f"_log/{TEMPORARY}1-3").write_bytes(b"{")
    assert paths(lake) == []
    age(lake, 400)
    assert paths(lake) == [f"_log/{TEMPORARY}1-3", half, f"rollups/{batch.partitions[0].files[0].path}"]
    cleaning.delete(lake, cleaning.leftovers(lake))
    assert lake.files() == []


def test_cleaning_touches_neither_logs_nor_verdicts_nor_what_it_does_not_know(untidy: Lake) -> None:
    for path in ("notes.txt", "mine/data.parquet", "_releases/base.json"):
        untidy.write(path, b"mine")
    age(untidy, 4000)
    assert {path.split("/")[0] for path in paths(untidy)} == {"_batches", "_contents", "rollups"}
    assert not [path for path in paths(untidy) if "_delta_log" in path]


def test_a_file_that_goes_while_the_lake_is_listed_is_left_out(untidy: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = os.walk

    def walk_and_lose(*arguments: Any) -> Any:
        for entry in walk(*arguments):
            shutil.rmtree(Path(untidy.root, "_audits"), ignore_errors=True)
            yield entry

    monkeypatch.setattr(os, "walk", walk_and_lose)
    assert len(paths(untidy)) == 8
