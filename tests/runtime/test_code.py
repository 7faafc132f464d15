"""Every file that a step imports moves its digest, and no other does: tried on a copy of the sources."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from runtime import imports

ROOMS = ("evaluation", "lake", "model_steps", "representation", "runtime", "schemas", "spark_jobs")


def steps() -> list[str]:
    """The modules that name themselves a step."""
    return [
        imports.module_of(file)
        for room in ROOMS
        for file in sorted((imports.ROOT / room).rglob("*.py"))
        if any(
            isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Step(")
            for node in ast.parse(file.read_text()).body
        )
    ]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("code")
    for room in ROOMS:
        shutil.copytree(imports.ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(imports.ROOT / "settings", root / "settings", ignore=shutil.ignore_patterns("__pycache__"))
    return root


def change(files: list[Path], line: str) -> None:
    for file in files:
        file.write_bytes(file.read_bytes() + f"\n{line}\n".encode())


@pytest.mark.parametrize("step", steps())
def test_each_file_that_counts_moves_the_digest_and_no_other_does(tmp_path: Path, copy: Path, step: str) -> None:
    """All at once, for a file's digest is of that file alone."""
    root = shutil.copytree(copy, tmp_path / "code")
    before = imports.digests(step, root)
    assert before == imports.digests(step)
    assert len(before) > 10
    counting = [root / path for path in before]
    others = [path for room in ROOMS for path in (root / room).rglob("*.*") if path.is_file() and path not in counting]
    assert others
    change([path for path in counting if path.suffix == ".py"], "# A comment.")
    change(others, "x = 1")
    assert imports.digests(step, root) == before
    change(counting, "CHANGED = True")
    after = imports.digests(step, root)
    assert after.keys() == before.keys()
    assert not [path for path in before if after[path] == before[path]]
