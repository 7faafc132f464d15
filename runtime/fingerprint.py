"""A fingerprint names a piece of work by content (DESIGN.md's third idea): equal fingerprint, equal result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

LENGTH = 16


def digest(value: Any) -> str:
    """Digest of a JSON-like value, independent of the order of its keys."""
    encoded = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False).encode()
    return hashlib.sha256(encoded).hexdigest()[:LENGTH]


def bytes_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:LENGTH]


def fingerprint(step: str, inputs: Mapping[str, Any], parameters: Mapping[str, Any], code: str) -> str:
    """Name the work of a step: what it reads (digests), its parameters, and its own code."""
    return digest({"step": step, "inputs": inputs, "parameters": parameters, "code": code})


def code_digest(*modules: ModuleType | str | Path) -> str:
    """Digest of the source files of modules, packages (all their files) or paths."""
    return digest([_source_digest(_source_path(module)) for module in modules])


def _source_path(module: ModuleType | str | Path) -> Path:
    if not isinstance(module, ModuleType):
        return Path(module)
    path = Path(str(module.__file__ or next(iter(module.__path__))))
    return path.parent if path.name == "__init__.py" else path


@cache
def _source_digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in (".py", ".md"))
    return digest([[file.name, bytes_digest(file.read_bytes())] for file in files])
