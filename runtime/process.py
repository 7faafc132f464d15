"""Run a command as a child: lines live, the manifest at the end, and no process left whatever happens.

The child and all that it starts end when it is stopped, when it takes too long, when an exception leaves ``run``,
and when this process dies, by SIGKILL too: ``guard.py`` stands between and sees to it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import Exit, InfrastructureError
from runtime.guard import GRACE_SECONDS

GUARD = Path(__file__).with_name("guard.py")

# What runtime.entry writes: "2026-11-22 01:49:03,123 INFO 12 of 40 users, ...".
LEVELS = logging.getLevelNamesMapping()
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)")

# The last line of a traceback.
EXCEPTION_LINE = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Timeout)(: .*)?")

# Of one line, in bytes; what is longer comes in pieces. A manifest must fit.
LONGEST_LINE = 1 << 20

OnLine = Callable[[int, str], None]


@dataclass(frozen=True)
class Result:
    """How a command ended.

    ``exit_code`` is negative when a signal ended it; ``error`` is its sentence, empty when all went well.
    """

    exit_code: int
    manifest: Mapping[str, Any] | None
    error: str
    seconds: float


def run(
    arguments: Sequence[str],
    on_line: OnLine | None = None,
    *,
    timeout: float | None = None,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stop_when_orphaned: bool = False,
) -> Result:
    """Run a command to its end; for everything but ``Child.stop`` this is all there is.

    Args:
        arguments: program and arguments.
        on_line: called in this thread with each line's level (as in ``logging``) and text.
        timeout: seconds. directory: where it runs. environment: in place of this process's.
        stop_when_orphaned: also end when this process's own parent died.

    Raises:
        InfrastructureError: it took too long, or this process was orphaned.
    """
    child = Child(arguments, directory=directory, environment=environment)
    return child.wait(on_line, timeout=timeout, stop_when_orphaned=stop_when_orphaned)


class Child:
    """A command that runs. ``stop`` may be called by a signal handler while ``wait`` waits."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = _name(arguments)
        self._started = time.monotonic()
        self._tail = _Tail()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=directory,
            env=None if environment is None else dict(environment),
            # Its own group and session: a terminal's Ctrl+C or a group's signal comes to us, and we decide.
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ask for the end of the command and of all that it started; ``wait`` returns soon after."""
        if self._guard.stdin and not self._guard.stdin.closed:
            with contextlib.suppress(OSError):
                self._guard.stdin.close()

    def wait(
        self, on_line: OnLine | None = None, *, timeout: float | None = None, stop_when_orphaned: bool = False
    ) -> Result:
        """Read lines until the command ends. Whatever leaves here, an exception too, leaves no process behind."""
        parent = os.getppid() if stop_when_orphaned else None
        lines = _Lines(self._guard, on_line or _nowhere, self._tail)
        try:
            while lines.read(0.5):
                if timeout is not None and time.monotonic() - self._started > timeout:
                    raise InfrastructureError(f"{self.name} took longer than {timeout:g} s and was stopped.")
                if parent is not None and os.getppid() != parent:
                    raise InfrastructureError(f"{self.name} was stopped: who ran its task is gone.")
            code = self._guard.wait()
        finally:
            self._end()
        seconds = round(time.monotonic() - self._started, 3)
        lines.finish()
        if code == Exit.OK:
            return Result(code, _manifest(self._tail.output), "", seconds)
        return Result(code, None, self._error(code), seconds)

    def _end(self) -> None:
        self.stop()
        try:
            self._guard.wait(GRACE_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        finally:
            # For the case that the guard itself was killed: the group's number is the guard's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._guard.pid, signal.SIGKILL)
            for stream in (self._guard.stdout, self._guard.stderr):
                if stream:
                    stream.close()

    def _error(self, code: int) -> str:
        if code < 0:
            name = signal.Signals(-code).name
            hint = " (out of memory?)" if -code == signal.SIGKILL else ""
            return f"{self.name} was ended by {name}{hint}."
        sentence = self._tail.error or self._tail.last or f"{self.name} ended with exit code {code} and no message."
        if code == Exit.INTERNAL and self._tail.exception:
            sentence = f"{sentence}: {self._tail.exception}"
        return sentence


class _Tail:
    """What is remembered: the last error sentence, exception, line of stderr and line of stdout."""

    def __init__(self) -> None:
        self.error = self.exception = self.last = self.output = ""


class _Lines:
    """Splits the guard's stdout and stderr into lines while they come."""

    def __init__(self, guard: subprocess.Popen[bytes], on_line: OnLine, tail: _Tail) -> None:
        self._guard, self._on_line, self._tail = guard, on_line, tail
        self._selector = selectors.DefaultSelector()
        self._rest = {"out": b"", "err": b""}
        for name, stream in (("out", guard.stdout), ("err", guard.stderr)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, name)

    def read(self, seconds: float) -> bool:
        """Take what comes within some seconds; False when there will be no more."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            content = os.read(key.fd, 1 << 16)
            if not content:
                self._selector.unregister(key.fileobj)
                continue
            *lines, rest = (self._rest[key.data] + content).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            self._rest[key.data] = rest
            for line in lines:
                self._take(key.data, line)
        if not self._selector.get_map():
            return False
        # Off Linux a grandchild may hold the pipes open after the guard has gone.
        return bool(ready) or self._guard.poll() is None

    def finish(self) -> None:
        """Take last lines that have no line end."""
        for name, rest in self._rest.items():
            self._take(name, rest)
        self._selector.close()

    def _take(self, name: str, line: bytes) -> None:
        # A progress bar rewrites its line: the last state counts.
        text = line.decode(errors="replace").rstrip("\r").rsplit("\r", 1)[-1].rstrip()
        if not text:
            return
        if name == "out":
            # Only the last line is the manifest; any other is a line like those of stderr.
            text, self._tail.output = self._tail.output, text
            if text:
                self._on_line(logging.INFO, text)
            return
        found = LOG_LINE.fullmatch(text)
        level, message = (LEVELS[found[1]], found[2]) if found else (logging.INFO, text)
        self._tail.last = message
        if EXCEPTION_LINE.fullmatch(text):
            self._tail.exception = text
        if level >= logging.ERROR:
            self._tail.error = message
        self._on_line(level, message)


def _manifest(line: str) -> Mapping[str, Any] | None:
    try:
        manifest = json.loads(line)
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


def _name(arguments: Sequence[str]) -> str:
    """What a person calls the command: the module of ``python -m module``, else the program."""
    if "-m" in arguments[:-1]:
        return arguments[list(arguments).index("-m") + 1]
    return Path(arguments[0]).name


def _nowhere(level: int, text: str) -> None:
    """For who wants no lines."""
