"""Which files a glob means: those that are delivered, and not what lies beside them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath

from runtime.errors import ConfigurationError
from spark_jobs.landing.sources.stored_files import S3, ObjectFile, SourceFile, bucket_of

# Names that programs give to what is no delivery (yet), and endings of files that are still written or leftovers.
HIDDEN = (".", "_")
UNFINISHED = (".tmp", ".temp", ".crc", ".part", ".partial", ".filepart", ".inprogress", ".swp", ".lock", "~")
_WILD = "*?["


def files_of(folder: Path, pattern: str) -> list[SourceFile]:
    """The files of a glob, sorted; of a folder that it names all files at any depth.

    Hidden and unfinished files are none, unless the pattern itself spells such a name out.

    Args:
        pattern: absolute, below ``folder``, or ``s3://bucket/...``.

    Raises:
        ConfigurationError, InfrastructureError: a bucket cannot be read.
    """
    if pattern.startswith(S3):
        return list(_objects_of(pattern))
    parts = Path(pattern).parts
    fixed = _fixed(parts)
    base = folder.joinpath(*parts[:fixed])
    rest = "/".join(parts[fixed:])
    spelt = parts[-1][:1] if parts and parts[-1][:1] in HIDDEN else None
    if not rest:
        found = [base] if base.exists() else []
    else:
        found = [path for path in base.glob(rest) if _is_delivered(path.relative_to(base), spelt)]
    files = {file for path in found for file in (_all_below(path) if path.is_dir() else [path])}
    return sorted(files)


def _fixed(parts: Sequence[str]) -> int:
    """How many of a pattern's parts are before the first that has a wild card."""
    return next((number for number, part in enumerate(parts) if any(sign in part for sign in _WILD)), len(parts))


def _objects_of(pattern: str) -> list[ObjectFile]:
    """The same in a bucket, which has no folders: there an object is below each beginning of its key."""
    name, _, rest = pattern.removeprefix(S3).partition("/")
    if not name or any(sign in name for sign in _WILD) or not rest.strip("/"):
        raise ConfigurationError(f"{pattern!r} names no files in a bucket: write it as s3://bucket/folder/*.csv.")
    parts = PurePosixPath(rest).parts
    fixed, wild = _fixed(parts), re.search(f"[{re.escape(_WILD)}]", rest)
    spelt = parts[-1][:1] if parts[-1][:1] in HIDDEN else None
    chosen = re.compile("".join("(?:[^/]+/)*" if part == "**" else _one_part(part) for part in parts[fixed:]))
    found = []
    for listed in bucket_of(name).beginning_with(rest[: wild.start()] if wild else "/".join(parts)):
        if not listed.path.endswith("/") and PurePosixPath(listed.path).parts[:fixed] == parts[:fixed]:
            below = PurePosixPath(*PurePosixPath(listed.path).parts[fixed:])
            if _is_chosen(below, chosen, spelt, named=fixed == len(parts)):
                found.append(ObjectFile(name, listed.path, listed))
    return sorted(found)


def _one_part(part: str) -> str:
    """A part of a pattern as a regular expression, with the separator after it."""
    pieces = re.findall(r"\[[^\]]+\]|.", part, re.DOTALL)
    signs = {"*": "[^/]*", "?": "[^/]"}
    return "".join(signs.get(p) or (fnmatch.translate(p)[4:-3] if len(p) > 1 else re.escape(p)) for p in pieces) + "/"


def _is_chosen(below: PurePosixPath, chosen: re.Pattern[str], spelt: str | None, named: bool) -> bool:
    """Whether a file is one of a pattern, or below a folder that is.

    Args:
        below: its path below the part of the pattern without a wild card. named: there is no other part.
    """
    parts = below.parts
    for number in range(len(parts) + 1):
        folder, rest = PurePosixPath(*parts[:number]), PurePosixPath(*parts[number:])
        begins = chosen.fullmatch("".join(f"{part}/" for part in parts[:number]))
        own = not number or named or _is_delivered(folder, spelt)
        if begins and own and (number == len(parts) or _is_delivered(rest, None)):
            return True
    return False


def _all_below(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and _is_delivered(file.relative_to(folder), None)]


def _is_delivered(path: PurePath, spelt: str | None) -> bool:
    """Args: path: below what the pattern names for certain. spelt: the sign of hidden names that it spells out."""
    if not path.parts:
        return True
    *folders, name = path.parts
    if any(part.startswith(HIDDEN) for part in folders) or name.endswith(UNFINISHED):
        return False
    return not name.startswith(tuple(sign for sign in HIDDEN if sign != spelt))
