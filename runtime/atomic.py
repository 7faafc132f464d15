"""Files that appear whole or not at all, and stay through a power cut: the only place where they are renamed.

A draft beside the target is written and synced, put in the target's place, and the folder is synced. Whoever is
killed before leaves a draft, whose name begins with ``TEMPORARY``, and the target as it was.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".writing-"


def write(path: Path, content: bytes | str, *, mode: int = 0o666) -> None:
    """Write a file, replacing what is there.

    Args:
        path: the file; its folder is made where it is missing.
        content: text is written as UTF-8.
        mode: permissions, less those that the umask takes away.

    Raises:
        OSError: the disk refused; the target is as it was.
    """
    with draft_of(path) as draft:
        _fill(draft, content, mode)


def write_once(path: Path, content: bytes | str, *, mode: int = 0o666) -> bool:
    """Write a file unless its name is taken. Of several racing writers exactly one gets True.

    Args:
        path, content, mode: as of ``write``.

    Raises:
        OSError: the disk refused.
    """
    draft = _draft(path)
    try:
        _fill(draft, content, mode)
        _sync(draft)
        # A hard link is made whole or not at all, and never over an existing name.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)
    return True


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A path to write a file or a folder to, which takes the target's place at the end of the block.

    After an error in the block nothing has changed.

    Args:
        path: the target: a file, there or not, or a folder that is not there.

    Raises:
        OSError: the disk refused, or the target is a folder that holds something.
    """
    draft = _draft(path)
    try:
        yield draft
        for written in (*draft.rglob("*"), draft):
            _sync(written)
        draft.replace(path)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
        else:
            draft.unlink(missing_ok=True)
    _sync(path.parent)


def _draft(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{os.urandom(6).hex()}")


def _fill(draft: Path, content: bytes | str, mode: int) -> None:
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def _sync(path: Path) -> None:
    """Wait until the disk holds a file's content, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some mounted file systems sync no folders; there is nothing to wait for.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
