"""Which files a glob means: those that are delivered, and not what lies beside them."""

from __future__ import annotations

from pathlib import Path

# Names that programs give to what is no delivery (yet), and endings of files that are still written or leftovers.
HIDDEN = (".", "_")
UNFINISHED = (".tmp", ".temp", ".crc", ".part", ".partial", ".filepart", ".inprogress", ".swp", ".lock", "~")
_WILD = "*?["


def files_of(folder: Path, pattern: str) -> list[Path]:
    """The files of a glob, sorted; of a folder that it names all files at any depth.

    Hidden and unfinished files are none, unless the pattern itself spells such a name out.

    Args:
        pattern: absolute, or below ``folder``.
    """
    parts = Path(pattern).parts
    fixed = next((number for number, part in enumerate(parts) if any(sign in part for sign in _WILD)), len(parts))
    base = folder.joinpath(*parts[:fixed])
    rest = "/".join(parts[fixed:])
    spelt = parts[-1][:1] if parts and parts[-1][:1] in HIDDEN else None
    if not rest:
        found = [base] if base.exists() else []
    else:
        found = [path for path in base.glob(rest) if _is_delivered(path, base, spelt)]
    files = [file for path in found for file in (_all_below(path) if path.is_dir() else [path])]
    return sorted(set(files))


def _all_below(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and _is_delivered(file, folder, None)]


def _is_delivered(path: Path, base: Path, spelt: str | None) -> bool:
    *folders, name = path.relative_to(base).parts
    if any(part.startswith(HIDDEN) for part in folders) or name.endswith(UNFINISHED):
        return False
    return not name.startswith(tuple(sign for sign in HIDDEN if sign != spelt))
