"""Runs one command and outlives nobody: ``python -I -S runtime/guard.py PARENT_PID COMMAND ...`` (process.py does).

A death signal reaches a direct child only, and a command has children of its own: Spark's JVM, that one's Python
workers (which leave the process group), an engine's workers. So this small process stands between: it adopts
whatever the command leaves behind (a Linux subreaper), and when the command ends, when its parent dies, or when the
parent asks by closing the pipe on stdin, it ends every descendant before it ends itself, like the command did.

A script of its own and standard library only: it starts in some 20 ms and must import nothing that could fail.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

# Linux, <linux/prctl.h>
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Between SIGTERM, which lets a JVM remove its temporary files, and SIGKILL. Airflow grants a stopped task 5 s.
GRACE_SECONDS = 2.0


def prctl(option: int, value: int) -> None:
    """Ask the kernel; on other systems than Linux the pipe and the process group must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants() -> list[int]:
    """All living processes below this one, whatever group or session they moved to; none known off Linux."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{int(name)}/stat", "rb") as file:
                # pid (name) state parent ...; the name may hold blanks and brackets.
                state, parent = file.read().rpartition(b")")[2].split()[:2]
            if state != b"Z":
                children.setdefault(int(parent), []).append(int(name))
    found: list[int] = []
    front = [os.getpid()]
    while front:
        front = [child for parent in front for child in children.get(parent, [])]
        found += front
    return found


def send(number: signal.Signals) -> bool:
    """Signal every descendant; False when there is none left."""
    if sys.platform != "linux":
        # The group includes this process, which has to see SIGTERM through and may die of SIGKILL.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, number)
        return number == signal.SIGTERM
    found = descendants()
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return bool(found)


class Guard:
    """Starts the command, waits, ends what is left."""

    def __init__(self, parent: int, command: list[str]) -> None:
        self.parent = parent
        self.status: int | None = None
        # Signals wake the select below; a signal that came before it leaves its byte in the pipe.
        self.wake, writer = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.stopping = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.child = self._start(command)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _start(self, command: list[str]) -> int:
        guard = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # Should somebody kill the guard itself, the command goes too (and process.py ends its group).
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard:
                os._exit(1)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]} cannot be started: {error.strerror}.\n".encode())
        finally:
            os._exit(127)

    def reap(self) -> None:
        """Collect ended children, adopted ones too, and remember how the command ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.child:
                    self.status = status

    def wait(self) -> None:
        """Until the command has ended, or nobody wants it any more."""
        while self.status is None and not self.stopping and os.getppid() == self.parent:
            ready, _, _ = select.select([0, self.wake], [], [], 5.0)
            if 0 in ready and not os.read(0, 64):
                return
            if self.wake in ready:
                os.read(self.wake, 64)
            self.reap()

    def clear(self) -> None:
        """End every descendant: SIGTERM, some time, SIGKILL until none is left."""
        deadline = time.monotonic() + GRACE_SECONDS
        if not send(signal.SIGTERM):
            return
        while descendants() and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.02)
        while send(signal.SIGKILL):
            self.reap()
            time.sleep(0.02)
        self.reap()

    def leave_like_the_command(self) -> None:
        """Exit with its code, or die of the same signal."""
        if self.status is None:
            os._exit(128 + signal.SIGTERM)
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(os.waitstatus_to_exitcode(self.status) & 0xFF)


if __name__ == "__main__":
    guard = Guard(int(sys.argv[1]), sys.argv[2:])
    guard.wait()
    guard.clear()
    guard.leave_like_the_command()
