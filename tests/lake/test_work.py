"""The contract of a stage: what is due, what is reused, and what other code made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest

import spark_jobs.roll_up
from lake.delta import work
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.delta.work import Step, plan
from lake.registry.older_code import reasons
from lake.store import objects
from lake.store.location import Lake
from runtime.fingerprint import CODE_LENGTH, LENGTH, Code, asked_of
from schemas import rejected_behaviors, rollups

FIRST, SECOND = "2017-11-01", "2017-11-02"
STEP = Step("roll_up", str(spark_jobs.roll_up.__file__), (rollups.TABLE,))
Publish = Callable[..., None]


def name(content: str = "c", code: str = "") -> str:
    own = STEP.work({"behaviors": content}, {})
    return asked_of(own) + (code or STEP.code.digest)


OLDER = name(code="0" * CODE_LENGTH)


@pytest.fixture
def published(
    lake: Lake,
    make_batch: Callable[..., Batch],
    approve: Callable[..., list[Batch]],
    rollup_rows: Callable[..., pa.Table],
) -> Publish:
    """Publish a day under a fingerprint."""

    def put(day: str, fingerprint: str, files: int = 1) -> None:
        rows = [rollup_rows(f"user{number}") for number in range(files)]
        publish(lake, approve(make_batch({day: rows}, fingerprint=fingerprint)))

    return put


def test_what_is_missing_or_of_other_inputs_is_due_whoever_asked(lake: Lake, published: Publish) -> None:
    published(FIRST, name("before"))
    works = {FIRST: name(), SECOND: name()}
    assert plan(lake, STEP, works).due == works
    assert plan(lake, STEP, works, named=()).due == works


def test_code_alone_makes_due_what_was_named_and_nothing_else(lake: Lake, published: Publish) -> None:
    works = {FIRST: name(), SECOND: name()}
    for day in works:
        published(day, OLDER)
    planned = plan(lake, STEP, works, named=[SECOND])
    assert (planned.due, planned.reused, planned.older) == ({SECOND: name()}, (FIRST,), (FIRST,))
    assert plan(lake, STEP, works, named=[SECOND], older_code=True).due == works


def test_force_is_for_what_was_named(lake: Lake, published: Publish) -> None:
    works = {FIRST: name(), SECOND: name()}
    for day, work_name in works.items():
        published(day, work_name)
    assert not plan(lake, STEP, works).due
    assert plan(lake, STEP, works, named=[SECOND], force=True).due == {SECOND: name()}
    assert plan(lake, STEP, works, named=[SECOND], force=True, older_code=True).due == {SECOND: name()}


def test_a_partition_is_published_when_all_its_parts_and_tables_are(lake: Lake, published: Publish) -> None:
    works = {FIRST: name()}
    published(FIRST, name(), files=2)
    assert not plan(lake, STEP, works, parts=range(2)).due
    assert plan(lake, STEP, works, parts=range(3)).due == works
    # Its second table was never published: a run was killed between two commits.
    both = replace(STEP, tables=(rollups.TABLE, rejected_behaviors.TABLE))
    assert plan(lake, both, works).due == works


def test_days_of_other_code_are_told_with_step_and_change(lake: Lake, published: Publish) -> None:
    then = Code(STEP.code.entry, {**STEP.code.files, "schemas/behaviors.py": "other"}, STEP.code.libraries)
    objects.put(lake, f"{work.CODE_FOLDER}/{then.digest}.json", asdict(then))
    published(FIRST, name(code=then.digest))
    published(SECOND, name())
    STEP.remember(lake)
    assert reasons(lake, [FIRST, SECOND]) == {
        FIRST: "roll_up: schemas/behaviors.py changed",
        SECOND: "roll_up: schemas/behaviors.py changed since 1 days of its history were made",
    }


def test_a_library_of_another_version_is_told(lake: Lake, published: Publish) -> None:
    libraries = {**STEP.code.libraries, "polars": "0.1", "torch": "1.0"}
    then = Code(STEP.code.entry, STEP.code.files, libraries)
    objects.put(lake, f"{work.CODE_FOLDER}/{then.digest}.json", asdict(then))
    published(FIRST, name(code=then.digest))
    assert reasons(lake, [FIRST])[FIRST].startswith("roll_up: polars was 0.1 and is ")


def test_work_of_before_its_code_was_noted_is_told_and_copies_are_not(lake: Lake, published: Publish) -> None:
    published(FIRST, "f" * LENGTH)
    published(SECOND, "copy")
    assert reasons(lake, [FIRST]) == {FIRST: "rollups: made by code that nobody noted"}
    assert "copy" not in reasons(lake, [SECOND])[SECOND]
    assert plan(lake, STEP, {FIRST: name()}, named=()).due == {FIRST: name()}


def test_a_mark_tells_what_was_done_for_a_day(lake: Lake) -> None:
    assert work.marked(lake, "roll_up", FIRST) is None
    work.mark(lake, STEP, FIRST, name())
    assert work.marked(lake, "roll_up", FIRST) == name()
    assert list(work.marks(lake)) == [("roll_up", FIRST, name())]
    assert Path(lake.root, work.CODE_FOLDER, f"{STEP.code.digest}.json").is_file()
