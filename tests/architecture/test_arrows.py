"""Every arrow points down, and the page that draws them draws what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.rooms import HEAVY, OUTSIDE, ROOMS, complaint
from tests.architecture.source import ROOT, circle, files, imports, module_graph

PAGE = (ROOT / "docs/architecture.md").read_text()
# Libraries that the page's last column names where a room never imports them.
NAMED = sorted(HEAVY | {"airflow"})


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_every_arrow_points_down(name: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{imported.line} imports {imported.top}: {why}"
        for file in files(name)
        for imported in imports(file)
        if (why := complaint(name, file, imported.top))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_arrow_points_up() -> None:
    """The table itself: following the arrows never leads back."""
    assert circle({name: room.rooms for name, room in ROOMS.items()}) == []


@pytest.mark.parametrize("local", [False, True], ids=["when imported", "when called, too"])
def test_no_module_imports_itself_round_about(local: bool) -> None:
    assert circle(module_graph([*ROOMS, "bench"], local=local)) == []


def test_every_package_is_a_room() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    with_code = {name for name in folders if any((ROOT / name).rglob("*.py"))} - OUTSIDE
    loose = {path.stem for path in ROOT.glob("*.py")}
    assert with_code | loose == set(ROOMS), "say in tests/architecture/rooms.py what the new room may import"


# --- the page


def cells(heading: str) -> list[list[str]]:
    """The rows of the page's table whose first column has this heading."""
    _, table = PAGE.split(f"| {heading} |", 1)
    rows = table.splitlines()[2:]
    end = next(number for number, row in enumerate(rows) if not row.startswith("|"))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[:end]]


def quoted(cell: str) -> list[str]:
    """The names in backticks, a folder's without its slash."""
    return [name.rstrip("/") for name in re.findall(r"`([^`]+)`", cell)]


def test_the_page_has_every_room_with_its_arrows() -> None:
    shown = {quoted(name)[0].removesuffix(".py"): set(quoted(below)) for name, _, below, _ in cells("room")}
    assert shown == {name: set(room.rooms) for name, room in ROOMS.items()}


def test_what_the_page_says_is_never_imported_is_refused() -> None:
    for name, _, _, never in cells("room"):
        room = quoted(name)[0].removesuffix(".py")
        allowed = [library for library in NAMED if library in never and not complaint(room, Path("any.py"), library)]
        assert not allowed, f"{room} may import {allowed}"


def test_the_page_has_every_folder_of_a_room() -> None:
    shown = {name for folder, _ in cells("folder") for name in quoted(folder)}
    rooms = {Path(name).parts[0] for name in shown}
    there = {path.parent.relative_to(ROOT).as_posix() for room in rooms for path in (ROOT / room).glob("*/__init__.py")}
    assert shown == there


def test_the_page_names_everything_at_the_top() -> None:
    """Whoever looks into the checkout finds out here what a name is for; hidden files are the tools' own."""
    section = PAGE.partition("\n## The rooms")[2].partition("\n## ")[0]
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "__pycache__"))}
    assert there - set(quoted(section)) == set(), "name it under `The rooms`, or remove it"
