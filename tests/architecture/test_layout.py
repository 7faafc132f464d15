"""Where a file lies and how long it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.rooms import ROOMS
from tests.architecture.source import ROOT, circle, files, module_graph

# Rooms of commands with libraries in folders behind them.
COMMAND_ROOMS = ("lake", "spark_jobs", "model_steps")
LONGEST = 349


def is_command(file: Path) -> bool:
    """Whether ``python -m`` runs it: it does something when it is the main module."""
    body = ast.parse(file.read_text()).body
    return any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in body)


@pytest.mark.parametrize("name", COMMAND_ROOMS)
def test_a_room_of_commands_has_nothing_else_at_its_top(name: str) -> None:
    top = [file for file in (ROOT / name).glob("*.py") if file.name != "__init__.py"]
    assert top
    assert [file.name for file in top if not is_command(file)] == []


@pytest.mark.parametrize("name", COMMAND_ROOMS)
def test_no_command_hides_in_a_folder(name: str) -> None:
    assert [str(file) for file in files(name) if is_command(file) and file.parent != ROOT / name] == []


def folder_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("name", COMMAND_ROOMS)
def test_folders_of_a_room_import_each_other_in_one_direction(name: str) -> None:
    """Commands stand above all folders; of two folders one stands above the other."""
    folders: dict[str, frozenset[str]] = {}
    for module, imported in module_graph([name], local=True).items():
        folder = folder_of(module)
        others = {folder_of(other) for other in imported} - {folder, name}
        folders[folder] = folders.get(folder, frozenset()) | others
    assert circle(folders) == []
    commands = {folder for folder in folders if not (ROOT / folder.replace(".", "/")).is_dir()}
    upward = {folder: below & commands for folder, below in folders.items() if folder not in commands}
    assert {folder: names for folder, names in upward.items() if names} == {}


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lines = {file: len(file.read_text().splitlines()) for name in (*ROOMS, "bench", "examples") for file in files(name)}
    assert {str(file.relative_to(ROOT)): number for file, number in lines.items() if number > LONGEST} == {}


def test_nothing_is_called_after_nothing() -> None:
    """A file's name says which one thing it holds."""
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    named = [file for name in (*ROOMS, "bench", "tests") for file in files(name) if file.stem in vague]
    assert not named
