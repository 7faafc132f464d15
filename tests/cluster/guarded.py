"""A server of a test's own: it and all that it started end with the test, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from runtime.process import GUARD

ENDS_SECONDS = 30.0


@contextmanager
def guarded(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command below a guard, and end both at the end of the block.

    Args:
        log: what it says goes there. environment: in place of this process's.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(ENDS_SECONDS)


def below(process: int) -> list[psutil.Process]:
    """All that a process has started and that still runs, parents first."""
    try:
        return list(psutil.Process(process).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def lose(guard: int) -> list[str]:
    """SIGKILL all that runs below a guard, parents first, as when a machine is lost; returns their command lines."""
    lost = {process: " ".join(words(process)) for process in below(guard)}
    for process in lost:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    return list(lost.values())


def words(process: psutil.Process) -> list[str]:
    """The command line of a process; nothing of one that has just ended."""
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
