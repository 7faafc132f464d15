"""Who runs Airflow in this AIRFLOW_HOME: at most one launcher, known by a lock that ends with its process."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.errors import InfrastructureError


@dataclass(frozen=True)
class Owner:
    """The launcher that holds the lock.

    Attributes:
        purpose: ``ui``, ``run``, ``backfill`` or ``calibrate``.
        overrides: the INTENTFLOW_ variables it was started with; its tasks see these and no others.
    """

    pid: int
    purpose: str
    port: int
    overrides: dict[str, str]


class Held(InfrastructureError):
    """Another launcher holds the lock."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(
            f"`make {owner.purpose}` (process {owner.pid}) is at work in this checkout: wait for it, "
            "or end it with `make stop`."
        )
        self.owner = owner


def lock_file(home: Path) -> Path:
    return home / "launcher.lock"


def overrides(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The settings that the environment overrides."""
    return {name: value for name, value in sorted(environment.items()) if name.startswith("INTENTFLOW_")}


@contextmanager
def hold(home: Path, purpose: str, port: int) -> Iterator[None]:
    """Hold the lock for the length of the block.

    Raises:
        Held: another launcher has it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with lock_file(home).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(_read(home)) from None
        file.truncate(0)
        json.dump(asdict(Owner(os.getpid(), purpose, port, overrides())), file)
        file.flush()
        yield


def owner(home: Path) -> Owner | None:
    """Who holds the lock; None when nobody does."""
    try:
        with lock_file(home).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _read(home)
    return None


def _read(home: Path) -> Owner:
    return Owner(**json.loads(lock_file(home).read_text()))
