"""A file is written whole or not at all, and only one place renames files."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime import atomic
from settings import ROOT

# Ends like a power cut at a moment that a test chooses: as the target would get its name, or as the draft is synced.
KILLED = """
import os, pathlib, signal, sys
from runtime import atomic

def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)

moment, action, target = sys.argv[1:]
if moment == "at the rename":
    pathlib.Path.replace = os.link = end
else:
    os.fsync = end
if action == "folder":
    with atomic.draft_of(pathlib.Path(target)) as draft:
        draft.mkdir()
        (draft / "weights").write_bytes(b"new")
else:
    getattr(atomic, action)(pathlib.Path(target), b"new")
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("moment", ["at the rename", "at the sync"])
@pytest.mark.parametrize("action", ["write", "write_once", "folder"])
def test_who_is_killed_leaves_the_target_as_it_was_and_a_draft(tmp_path: Path, action: str, moment: str) -> None:
    target = tmp_path / "target"
    if action == "write":
        target.write_bytes(b"old")
    command = [sys.executable, "-c", KILLED, moment, action, str(target)]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (target.read_bytes() if target.exists() else None) == (b"old" if action == "write" else None)
    (draft,) = [path for path in tmp_path.iterdir() if path != target]
    assert draft.name.startswith(atomic.TEMPORARY)
    if action != "folder":
        assert getattr(atomic, action)(target, b"newer") in (None, True)
        assert target.read_bytes() == b"newer"


def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, sync = [], os.fsync

    def fsync(descriptor: int) -> None:
        seen.append((Path(f"/proc/self/fd/{descriptor}").readlink().name[:9], (tmp_path / "a/b").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    atomic.write(tmp_path / "a/b", "text")
    assert seen == [(atomic.TEMPORARY, False), ("a", True)]
    seen.clear()
    assert not atomic.write_once(tmp_path / "a/b", "other")
    with atomic.draft_of(tmp_path / "model") as draft:
        (draft / "deep").mkdir(parents=True)
        (draft / "deep/file").write_bytes(b"")
    assert {name for name, _ in seen[1:-1]} == {"deep", "file", atomic.TEMPORARY}
    assert seen[-1][0] == tmp_path.name[:9]


def test_what_is_there_is_replaced_or_kept(tmp_path: Path) -> None:
    path = tmp_path / "folder/file"
    atomic.write(path, "ä")
    atomic.write(path, b"second", mode=0o700)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"second", 0o700)
    assert not atomic.write_once(path, b"third")
    assert atomic.write_once(path.with_name("other"), "fourth", mode=0o600)
    assert path.read_bytes() == b"second"
    assert names(path.parent) == ["file", "other"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def half(target: Path) -> None:
        with atomic.draft_of(target) as draft:
            draft.mkdir()
            (draft / "half").write_bytes(b"")
            raise ValueError("the disk is full")

    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_bytes(b"")
    with pytest.raises(ValueError, match="full"):
        half(tmp_path / "target")
    # A file never takes a folder's place.
    with pytest.raises(OSError, match="directory"):
        atomic.write(tmp_path / "kept", b"")
    with pytest.raises(FileNotFoundError), atomic.draft_of(tmp_path / "nothing"):
        pass
    assert names(tmp_path) == ["kept"]


def test_of_racing_writers_exactly_one_writes(tmp_path: Path) -> None:
    barrier = threading.Barrier(8, timeout=30)

    def race(number: int) -> bool:
        barrier.wait()
        return atomic.write_once(tmp_path / "first", str(number))

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(race, range(8)))
    assert sum(won) == 1
    assert (tmp_path / "first").read_text() == str(won.index(True))
    assert names(tmp_path) == ["first"]


# Methods of frames, which are spelt alike: columns get other names, values others in their place.
FRAMES = {
    ("spark_jobs/landing/sources/completejourney.py", "rename"),
    ("spark_jobs/landing/sources/raw_rows.py", "replace"),
    ("spark_jobs/landing/sources/readable_labels.py", "replace"),
}
RENAMING = {"rename", "renames", "link", "hardlink_to", "move", "mkstemp", "mkdtemp", "NamedTemporaryFile"}


def renames(tree: ast.AST) -> Iterator[str]:
    """The calls that give a file its name; ``path.replace`` takes one value where a text's takes two."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_os = isinstance(node.func.value, ast.Name) and node.func.value.id == "os"
            replaces = node.func.attr == "replace" and (of_os or (len(node.args) == 1 and not node.keywords))
            if replaces or node.func.attr in RENAMING:
                yield node.func.attr


def test_no_other_file_renames_by_itself() -> None:
    rooms = [path for path in ROOT.iterdir() if path.is_dir() and path.name not in ("tests", "var", ".venv", ".git")]
    files = [file for room in rooms for file in room.rglob("*.py")]
    assert ROOT / "runtime/atomic.py" in files
    found = {(f"{file.relative_to(ROOT)}", name) for file in files for name in renames(ast.parse(file.read_text()))}
    assert {name for file, name in found if file == "runtime/atomic.py"} == {"replace", "link"}
    assert {(file, name) for file, name in found if file != "runtime/atomic.py"} == FRAMES, (
        "Write it with runtime.atomic."
    )


@pytest.mark.parametrize(
    "line", ["draft.replace(path)", "os.replace(a, b)", "shutil.move(a, b)", "os.link(a, b)", "path.rename(other)"]
)
def test_a_ninth_one_would_be_seen(line: str) -> None:
    assert list(renames(ast.parse(line)))
    assert not list(renames(ast.parse("text.replace('a', 'b'); moment.replace(day=1); moment.replace(tzinfo=UTC)")))
