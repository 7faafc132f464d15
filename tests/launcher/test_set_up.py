"""set_up.sh on machines that lack something, and on one that lacks nothing. No package is installed here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from settings import ROOT

TOOLS = ("sh", "dirname", "cat", "cmp", "awk", "tr", "grep", "rm", "mkdir", "touch")
FILES = ("requirements/cpu.in", "requirements.txt", "requirements/overrides.txt", "requirements/weights.txt")
UV_VERSION = re.search(r"^UV_VERSION=(\S+)", (ROOT / "launcher/set_up.sh").read_text(), re.MULTILINE)


class Machine:
    """A copy of the checkout's set-up, and a PATH that holds what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "check out"
        self.path = folder / "bin"
        self.path.mkdir()
        self._started = folder / "started"
        self._started.touch()
        for tool in TOOLS:
            real = shutil.which(tool)
            assert real
            self.add(tool, f'echo {tool} >> "{self._started}"; exec {real} "$@"')
        (self.checkout / "launcher").mkdir(parents=True)
        for name in ("set_up.sh", "package_sources.sh"):
            shutil.copy(ROOT / "launcher" / name, self.checkout / "launcher")
        (self.checkout / "requirements").mkdir()
        for name in FILES:
            shutil.copy(ROOT / name, self.checkout / name)

    def add(self, name: str, script: str) -> None:
        file = self.path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def started(self) -> list[str]:
        """The tools that have been started since one last asked, in order."""
        tools = self._started.read_text().split()
        self._started.write_text("")
        return tools

    def pretend_installed(self, python: str) -> None:
        """As after a successful set-up, with ``python`` as the script of the environment's Python."""
        binary = self.checkout / ".venv" / "bin" / "python"
        binary.parent.mkdir(parents=True)
        binary.write_text(f"#!/bin/sh\n{python}\n")
        binary.chmod(0o755)
        assert UV_VERSION
        stamp = f"uv {UV_VERSION[1]}\n" + "".join((self.checkout / name).read_text() for name in FILES[1:])
        (self.checkout / ".venv" / ".installed").write_text(stamp)

    def set_up(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / "launcher" / "set_up.sh"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={"PATH": str(self.path), **environment},
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def the_sentence(answer: subprocess.CompletedProcess[str]) -> str:
    """What stands on stderr, which must be one line, of a call that failed."""
    assert answer.returncode == 1
    lines = answer.stderr.splitlines()
    assert len(lines) == 1, answer.stderr
    return lines[0]


def test_no_python(machine: Machine) -> None:
    sentence = the_sentence(machine.set_up())

    assert "needs Python 3.11" in sentence
    assert "no Python on PATH" in sentence
    assert not (machine.checkout / ".venv").exists()


def test_another_python(machine: Machine) -> None:
    machine.add("python3", "echo 3.13")
    machine.add("python", "echo 2.7")

    sentence = the_sentence(machine.set_up())

    assert "python3 is 3.13, python is 2.7" in sentence


def test_disk_full(machine: Machine) -> None:
    machine.add("python3.11", "echo 3.11")
    machine.add("df", "echo Filesystem 1024-blocks Used Available; echo /dev/disk 100000000 97000000 3000000")

    sentence = the_sentence(machine.set_up())

    assert "needs 8 GiB" in sentence
    assert "2 GiB free" in sentence


def test_python_without_venv(machine: Machine) -> None:
    machine.add("python3.11", "case $1 in -c) echo 3.11;; *) exit 1;; esac")
    machine.add("df", "echo Filesystem 1024-blocks Used Available; echo /dev/disk 100000000 1 99000000")

    assert "venv module" in the_sentence(machine.set_up())


def test_a_second_call_starts_next_to_nothing(machine: Machine) -> None:
    machine.pretend_installed("echo nothing may run; exit 1")
    (machine.checkout / "var/models/smollm2-135m-instruct").mkdir(parents=True)
    (machine.checkout / "var/models/smollm2-135m-instruct/config.json").write_text("{}")

    answer = machine.set_up()

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    # Every target of the Makefile begins with it: one comparison, and no Python.
    tools = machine.started()
    assert "cmp" in tools
    assert len(tools) <= 6, tools


def test_a_changed_pin_installs_again(machine: Machine) -> None:
    machine.pretend_installed("exit 1")
    with (machine.checkout / "requirements.txt").open("a") as file:
        file.write("another-package==1.0\n")

    assert "needs Python 3.11" in the_sentence(machine.set_up())


def test_the_model_is_prepared_once(machine: Machine) -> None:
    model = "var/models/smollm2-135m-instruct"
    machine.pretend_installed(f'[ "$*" = "-m model_steps.weights" ] && mkdir -p {model} && touch {model}/config.json')

    first, second = machine.set_up(), machine.set_up()

    assert first.returncode == 0, first.stderr
    assert model in first.stdout
    assert (second.returncode, second.stdout) == (0, "")


def test_a_model_of_ones_own_is_left_alone(machine: Machine) -> None:
    machine.pretend_installed("exit 1")

    answer = machine.set_up(INTENTFLOW_ENGINE__MODEL="/models/mine")

    assert (answer.returncode, answer.stderr) == (0, "")
