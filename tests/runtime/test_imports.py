"""What code a command runs, read from small trees of sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runtime import imports

Write = Callable[..., None]

STEP = '''"""A step."""

import logging

from room.library import work
from runtime.errors import DataError

log = logging.getLogger("x")


class Refused(ValueError):
    pass


def run(rows: list[int]) -> int:
    """Run."""
    if not rows:
        raise DataError(f"No rows in {len(rows)}.")
    if rows == [1]:
        raise Refused("one")
    log.info("%d rows", len(rows))
    return work(rows)
'''


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files of a tree, by path."""

    def write(**files: str) -> None:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_py", ".py").replace("_md", ".md")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    write(
        room__step_py=STEP,
        room__library_py="from room import deeper\n\n\ndef work(rows):\n    return deeper.total(rows)\n",
        room__deeper_py="def total(rows):\n    from other.late import add\n\n    return add(rows)\n",
        other__late_py="def add(rows):\n    return sum(rows)\n",
        other__beside_py="x = 1\n",
        runtime__errors_py="class DataError(Exception):\n    pass\n",
    )
    (tmp_path / "room" / "__init__.py").write_text('"""A room."""\n')
    return write


def names(root: Path) -> set[str]:
    return set(imports.closure("room.step", root))


def test_imports_are_followed_wherever_they_stand(tmp_path: Path, write: Write) -> None:
    assert names(tmp_path) == {"room", "room.step", "room.library", "room.deeper", "other.late", "runtime.errors"}


def test_an_entry_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"no module room\.nothing"):
        imports.closure("room.nothing", tmp_path)


def test_what_is_imported_for_type_checkers_alone_does_not_count(tmp_path: Path, write: Write) -> None:
    checked = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from other import beside\n"
    write(other__late_py=f"{checked}\n\ndef add(rows):\n    return sum(rows)\n")
    assert "other.beside" not in names(tmp_path)
    before = imports.digests("room.step", tmp_path)
    write(
        other__late_py=checked.replace("from other import beside", "x: int")
        + "\n\ndef add(rows):\n    return sum(rows)\n"
    )
    assert imports.digests("room.step", tmp_path) == before


def test_a_package_counts_with_its_module(tmp_path: Path, write: Write) -> None:
    before = imports.digests("room.step", tmp_path)
    (tmp_path / "room" / "__init__.py").write_text("LIMIT = 3\n")
    assert imports.digests("room.step", tmp_path) != before


def test_relative_imports_and_whole_paths_are_understood(tmp_path: Path, write: Write) -> None:
    write(room__library_py="import other.late\nfrom . import deeper\nfrom .deeper import total\n\nwork = total\n")
    assert {"room.deeper", "other.late"} <= names(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        ("return work(rows)", "return work(rows) + 1"),
        ("rows == [1]", "rows == [2]"),
        ("if not rows", "if rows"),
        ("rows: list[int]", "rows: list[int] = []"),
        # What a room's own exception says may be kept in a row.
        ('Refused("one")', 'Refused("two")'),
        ("raise DataError", "raise ValueError"),
        ("len(rows)}.", "max(rows)}."),
        ('log.info("%d rows", len(rows))', 'log.info("%d rows", rows.pop())'),
    ],
)
def test_what_a_step_does_changes_its_digest(tmp_path: Path, write: Write, change: tuple[str, str]) -> None:
    assert change[0] in STEP
    before = imports.digests("room.step", tmp_path)
    write(room__step_py=STEP.replace(*change))
    assert imports.digests("room.step", tmp_path) != before


@pytest.mark.parametrize(
    "change",
    [
        ('"""A step."""', '"""Another sentence."""  # and a comment'),
        ('    """Run."""\n', ""),
        ("def run(rows: list[int]) -> int:", "def run(\n    rows: list[int],\n) -> int:"),
        ("No rows in {len(rows)}.", "Nothing among {len(rows)}: repair the source."),
        ('"%d rows"', '"%d rows of the day"'),
    ],
)
def test_comments_formatting_and_the_words_of_errors_do_not(
    tmp_path: Path, write: Write, change: tuple[str, str]
) -> None:
    assert change[0] in STEP
    before = imports.digests("room.step", tmp_path)
    write(room__step_py=STEP.replace(*change))
    assert imports.digests("room.step", tmp_path) == before


def test_files_beside_an_imported_module_count(tmp_path: Path, write: Write) -> None:
    before = imports.digests("room.step", tmp_path)
    write(room__prompts__planner_md="Be kind.")
    prompted = imports.digests("room.step", tmp_path)
    assert set(prompted) - set(before) == {"room/prompts/planner.md"}
    write(room__prompts__planner_md="Be terse.")
    assert imports.digests("room.step", tmp_path) != prompted
    # Of a folder that is imported by itself, what nobody imports does not.
    write(room__prompts__planner_md="Be kind.", room__aside__file_py="", room__aside__notes_md="?")
    (tmp_path / "room" / "__pycache__").mkdir()
    (tmp_path / "room" / "__pycache__" / "step.pyc").write_bytes(b"?")
    (tmp_path / "room" / ".step.py.swp").write_bytes(b"?")
    assert imports.digests("room.step", tmp_path) == prompted


def test_rooms_that_cannot_shape_a_row_are_left_out(tmp_path: Path, write: Write) -> None:
    before = imports.digests("room.step", tmp_path)
    assert "runtime/errors.py" not in before
    write(runtime__errors_py="class DataError(Exception):\n    exit_code = 65\n")
    assert imports.digests("room.step", tmp_path) == before
    # What they import in turn is run all the same.
    write(runtime__errors_py="from other import beside\n\n\nclass DataError(Exception):\n    pass\n")
    assert "other/beside.py" in imports.digests("room.step", tmp_path)


def test_libraries_are_told_from_the_repository(tmp_path: Path, write: Write) -> None:
    write(
        other__late_py="def add(rows):\n    import numpy as np\n"
        "    from pyarrow.compute import sum\n    return sum(np.array(rows))\n"
    )
    assert imports.libraries("room.step", tmp_path) == {"logging", "numpy", "pyarrow"}
