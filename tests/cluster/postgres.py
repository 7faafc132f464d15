"""PostgreSQL of the machine's packages, in a folder of its own, on this machine alone; never as root.

``python -m tests.cluster.postgres`` says what to install where there is none.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from runtime.errors import CommandError, ConfigurationError
from tests.cluster.guarded import guarded
from tests.end_to_end.airflow import free_port

# Debian and its kin keep the server's programs out of PATH, a folder a version.
VERSIONS = Path("/usr/lib/postgresql")
PROGRAMS = ("initdb", "postgres")
NAME = "airflow"
READY_SECONDS = 300.0


def programs(versions: Path = VERSIONS) -> Path:
    """The folder of the newest server's programs, or that on PATH.

    Raises:
        ConfigurationError: there is no server here.
    """
    found = [folder for folder in versions.glob("*/bin") if all((folder / name).exists() for name in PROGRAMS)]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    if on_path and all(Path(on_path).with_name(name).exists() for name in PROGRAMS):
        return Path(on_path).parent
    raise ConfigurationError(
        "The cluster's proof needs PostgreSQL's server, and this machine has none: install it, on Debian and Ubuntu "
        "with `apt-get install postgresql` (its own service need not run), elsewhere so that `initdb` is on PATH."
    )


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server with one database; gives its address in SQLAlchemy's form, with user and password."""
    found = programs()
    # Not below pytest's folder, into which nobody but its owner may look.
    with tempfile.TemporaryDirectory(prefix="cluster-postgres-", ignore_cleanup_errors=True) as name:
        folder, password = Path(name), secrets.token_hex(16)
        (folder / "password").write_text(password)
        rights = _without_root(folder)
        initdb = [str(found / "initdb"), "-D", str(folder / "data"), "-U", NAME, "-A", "scram-sha-256", "-E", "UTF8"]
        initdb += ["--locale=C.UTF-8", "--no-sync", f"--pwfile={folder / 'password'}"]
        made = subprocess.run([*rights, *initdb], cwd=folder, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        port = free_port()
        server = [str(found / "postgres"), "-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port)]
        server += ["-k", str(folder), "-c", "fsync=off", "-c", "max_connections=200"]
        log = folder / "log"
        with guarded([*rights, *server], log) as process:
            _create_database(process, port, password, log)
            yield f"postgresql+psycopg2://{NAME}:{password}@127.0.0.1:{port}/{NAME}"


def _without_root(folder: Path) -> list[str]:
    """What goes before a command so that it runs as somebody who may not do everything; nothing where we may not."""
    if os.getuid() != 0:
        return []
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    for path in (folder, folder / "password"):
        os.chown(path, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _create_database(process: subprocess.Popen[bytes], port: int, password: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            connection = psycopg2.connect(host="127.0.0.1", port=port, user=NAME, password=password, dbname="postgres")
            break
        except psycopg2.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL is not there: {error}\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
    with closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {NAME}")


if __name__ == "__main__":
    try:
        programs()
    except CommandError as missing:
        print(missing, file=sys.stderr)
        sys.exit(int(missing.exit_code))
