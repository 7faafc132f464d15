"""Child processes for real: what is captured, and that nothing survives, whoever is killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.errors import Exit, InfrastructureError
from runtime.process import Child, run

ROOT = Path(__file__).resolve().parents[2]

# A command with a child in its group and one that left it, as Spark's Python workers do; it names all three.
# None ends by itself, so that whoever waits for one of them waits for ever.
FAMILY = "sleep infinity & a=$!; setsid sleep infinity & echo family $$ $a $! >&2; wait"
# Seconds after which a test that hangs fails; no good run comes near.
HANGS = 120.0


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + HANGS
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def family(line: str) -> list[int]:
    return [int(word) for word in line.split()[1:]]


class Lines:
    """Remembers lines."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []

    def __call__(self, level: int, text: str) -> None:
        self.seen.append((level, text))

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.seen]


def test_last_line_of_stdout_is_the_manifest_and_all_else_is_shown() -> None:
    lines = Lines()
    code = (
        "import sys; print('a stray line'); print('{\"rows\": 3}');"
        "sys.stderr.write('2026-11-22 01:49:03,123 WARNING 20 % of rows\\n10%\\r50%\\r100%\\nbroken \\xff no line end')"
    )
    result = run(python(code), lines)
    assert (result.exit_code, result.manifest, result.error) == (Exit.OK, {"rows": 3}, "")
    assert (logging.INFO, "a stray line") in lines.seen
    assert (logging.WARNING, "20 % of rows") in lines.seen
    assert "100%" in lines.texts
    assert not any("50%" in text or 'rows": 3' in text for text in lines.texts)
    assert lines.texts[-1].startswith("broken")
    assert lines.texts[-1].endswith("no line end")


def test_no_manifest_when_the_last_line_is_none() -> None:
    assert run(python("print('done')")).manifest is None
    assert run(python("print('[1]')")).manifest is None
    assert run(python("pass")).manifest is None


def test_lines_come_while_the_command_runs(tmp_path: Path) -> None:
    """The command ends only when somebody has seen its line."""
    seen = tmp_path / "seen"
    command = ["sh", "-c", f"echo now >&2; until [ -e {seen} ]; do sleep 0.01; done"]
    assert run(command, lambda level, text: seen.touch(), timeout=HANGS).exit_code == Exit.OK


def test_error_is_the_commands_last_error_sentence() -> None:
    code = (
        "import sys; sys.stderr.write('2026-11-22 01:49:03,123 ERROR The disk is full: make room.\\n"
        "26/11/22 01:49:04 INFO ShutdownHookManager: bye\\n'); sys.exit(75)"
    )
    result = run(python(code))
    assert (result.exit_code, result.error) == (Exit.INFRASTRUCTURE, "The disk is full: make room.")


def test_error_of_a_mistake_of_ours_names_the_exception() -> None:
    code = (
        "import logging, sys; logging.basicConfig(format='%(asctime)s %(levelname)s %(message)s')\n"
        "try: {}['day']\n"
        "except KeyError: logging.exception('land failed in a way it should not'); sys.exit(70)"
    )
    assert run(python(code)).error == "land failed in a way it should not: KeyError: 'day'"


def test_real_commands_usage_is_one_sentence() -> None:
    result = run([sys.executable, "-m", "lake.publish"], directory=ROOT)
    assert result.exit_code == Exit.USAGE
    assert result.error.endswith("the following arguments are required: --batch")


def test_program_that_is_not_there() -> None:
    result = run(["/no/such/program"])
    assert (result.exit_code, result.error) == (127, "/no/such/program cannot be started: No such file or directory.")


def test_death_by_signal_is_told() -> None:
    result = run(python("import os; os.kill(os.getpid(), 9)"))
    assert result.exit_code == -signal.SIGKILL
    assert "SIGKILL (out of memory?)" in result.error


def test_millions_of_characters_without_a_line_end() -> None:
    lines = Lines()
    result = run(python("import sys; sys.stderr.write('x' * 3_000_000); print('{}')"), lines)
    assert result.manifest == {}
    assert sum(map(len, lines.texts)) == 3_000_000


def test_environment_and_directory(tmp_path: Path) -> None:
    code = "import os, json; print(json.dumps({**os.environ, 'here': os.getcwd()}))"
    result = run(python(code), directory=tmp_path, environment={"X": "1"})
    assert result.manifest is not None
    assert result.manifest["here"] == str(tmp_path)
    assert result.manifest["X"] == "1"
    assert "HOME" not in result.manifest


def test_stdin_is_empty() -> None:
    assert run(python("import sys; print('{\"read\": %d}' % len(sys.stdin.read()))")).manifest == {"read": 0}


@pytest.fixture
def family_lines() -> Iterator[Lines]:
    """Lines of a ``FAMILY``; fails when one of it still lives at the end."""
    lines = Lines()
    yield lines
    members = [pid for text in lines.texts if text.startswith("family") for pid in family(text)]
    assert len(members) == 3
    assert wait_until(lambda: not any(map(alive, members)))


def test_what_a_command_leaves_behind_ends_with_it(family_lines: Lines) -> None:
    result = run(["sh", "-c", FAMILY.replace("wait", "echo '{}'")], family_lines, timeout=HANGS)
    assert result.manifest == {}


def started(folder: Path, script: str) -> Child:
    """A command that has come to its first ``wait``."""
    here = folder / "here"
    child = Child(["sh", "-c", script.replace("wait", f"touch {here}; wait", 1)])
    assert wait_until(here.exists)
    return child


def test_time_out_ends_all(family_lines: Lines, tmp_path: Path) -> None:
    child = started(tmp_path, FAMILY)
    with pytest.raises(InfrastructureError, match=r"sh took longer than 0 s and was stopped"):
        child.wait(family_lines, timeout=0.0)


def test_who_ignores_sigterm_is_killed(family_lines: Lines, tmp_path: Path) -> None:
    child = started(tmp_path, f"trap '' TERM; {FAMILY}")
    with pytest.raises(InfrastructureError):
        child.wait(family_lines, timeout=0.0)


def test_who_heeds_sigterm_can_tidy_up(family_lines: Lines, tmp_path: Path) -> None:
    tidy = tmp_path / "tidy"
    child = started(tmp_path, f"trap 'mkdir {tidy}; touch {tidy}/up; exit' TERM; {FAMILY}")
    with pytest.raises(InfrastructureError):
        child.wait(family_lines, timeout=0.0)
    assert (tidy / "up").exists()


def test_exception_from_a_line_ends_all(family_lines: Lines) -> None:
    def angry(level: int, text: str) -> None:
        family_lines(level, text)
        raise ValueError(text)

    with pytest.raises(ValueError, match="family"):
        run(["sh", "-c", FAMILY], angry)


def test_stop_from_a_signal_handler(family_lines: Lines) -> None:
    """As Airflow does: SIGTERM comes to the main thread while it waits, and on_kill calls ``stop``."""
    child = Child(["sh", "-c", FAMILY])
    airflow = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM))

    def stop_once_it_runs(level: int, text: str) -> None:
        family_lines(level, text)
        airflow.start()

    before = signal.signal(signal.SIGTERM, lambda *_: child.stop())
    try:
        result = child.wait(stop_once_it_runs, timeout=HANGS)
        airflow.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == -signal.SIGTERM


def test_killed_guard_takes_the_command_along() -> None:
    lines = Lines()

    def kill_the_guard(level: int, text: str) -> None:
        lines(level, text)
        if text.startswith("family"):
            shell = family(text)[0]
            guard = int(Path(f"/proc/{shell}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(guard, signal.SIGKILL)

    # Without the one that left the group: nobody is left who knows of it.
    result = run(["sh", "-c", FAMILY.replace("setsid ", "")], kill_the_guard)
    assert result.exit_code == -signal.SIGKILL
    assert wait_until(lambda: not any(map(alive, family(lines.texts[0]))))


RUNS_FAMILY = """
import sys
sys.path.insert(0, {root!r})
from runtime.process import run
run(["sh", "-c", {family!r}], lambda level, text: print(text, flush=True), stop_when_orphaned={orphaned})
"""


def runs_family(orphaned: bool = False) -> str:
    return RUNS_FAMILY.format(root=str(ROOT), family=FAMILY, orphaned=orphaned)


def test_sigkill_of_the_parent_leaves_nobody() -> None:
    with subprocess.Popen(python(runs_family()), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        members = family(parent.stdout.readline())
        assert all(map(alive, members))
        parent.kill()
    assert wait_until(lambda: not any(map(alive, members)))


def test_sigkill_of_the_parents_group_leaves_nobody() -> None:
    with subprocess.Popen(python(runs_family()), stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout
        members = family(parent.stdout.readline())
        os.killpg(parent.pid, signal.SIGKILL)
    assert wait_until(lambda: not any(map(alive, members)))


def test_orphaned_parent_stops() -> None:
    """Airflow's supervisor is killed: its task process notices and ends the command and itself."""
    supervisor = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    command = [*python(supervisor), runs_family(orphaned=True)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        members = family(parent.stdout.readline())
        parent.kill()
        # Its end of the pipe is held by the task process; the pipe ends when that one does.
        assert parent.stdout.read() == ""
    assert wait_until(lambda: not any(map(alive, members)))
