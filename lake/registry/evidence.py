"""Evidence: all that a gate decided on, in a folder that never changes.

``_evidence/<digest>/`` holds files and ``evidence.json``, which names the digest of each, what the decision is on,
and what it was. The folder's name is the digest of that document, so what is changed, missing or added is noticed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lake.store.location import Lake
from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest

FOLDER = "_evidence"
DOCUMENT = "evidence.json"
# The report that stands alone, among the files.
REPORT = "report.html"
GO = "GO"
_NAME = re.compile(r"[0-9a-f]{16}")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Evidence:
    """What the document of some evidence says.

    Args:
        candidate: name of the release that was decided on.
        champion: name of the release that was champion; empty where nobody was.
        record: number of the champion log's last record when it was decided; 0 where there was none.
        day: the evaluation day.
        verdict: GO, NO-GO or INCONCLUSIVE. why: sentences.
        policy: name of the policy.
        digests: of policy, data, prompts, releases, judge and code, by name.
        at: when, as YYYY-MM-DDTHH:MM:SSZ. by: who ran the gate.
        files: digest of each file, by name.
    """

    candidate: str
    champion: str
    record: int
    day: str
    verdict: str
    why: tuple[str, ...]
    policy: str
    digests: Mapping[str, Any]
    at: str
    by: str
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Digest of all that it says, and so of all files."""
        return digest({**asdict(self), "why": list(self.why)})


def put(lake: Lake, evidence: Evidence, files: Mapping[str, bytes]) -> Evidence:
    """Keep evidence with its files; returns it with their digests.

    Raises:
        ValueError: a file has a name that none can have.
    """
    if bad := [name for name in files if not _FILE.fullmatch(name) or name == DOCUMENT]:
        raise ValueError(f"{bad[0]!r} is no name of a file of evidence.")
    sealed = Evidence(**{**vars(evidence), "files": {name: _digest(files[name]) for name in sorted(files)}})
    for name, content in files.items():
        lake.write_if_absent(f"{FOLDER}/{sealed.name}/{name}", content)
    # The document last: evidence that has it is whole.
    document = json.dumps(asdict(sealed), sort_keys=True, indent=1, ensure_ascii=False).encode()
    lake.write_if_absent(f"{FOLDER}/{sealed.name}/{DOCUMENT}", document)
    return sealed


def read(lake: Lake, name: str) -> tuple[Evidence, dict[str, bytes]]:
    """Evidence with all its files, each as it was written.

    Raises:
        SourceMissing: there is none of this name.
        DataError: a byte was changed, a file is missing, or one was added.
    """
    place = f"{FOLDER}/{name}"
    found = head(lake, name)
    files = {}
    for file, wanted in found.files.items():
        content = lake.read(f"{place}/{file}")
        if content is None or _digest(content) != wanted:
            what = "is missing" if content is None else "was changed"
            raise DataError(f"{lake.uri(f'{place}/{file}')} {what} since the gate decided: run the gate again.")
        files[file] = content
    there = {path.removeprefix(f"{place}/") for path in lake.list(place)}
    if added := sorted(there - set(files) - {DOCUMENT}):
        raise DataError(f"{lake.uri(f'{place}/{added[0]}')} was added since the gate decided: remove it.")
    return found, files


def head(lake: Lake, name: str) -> Evidence:
    """What the document of evidence says, its files unread.

    Raises:
        SourceMissing: there is none of this name. DataError: it was changed.
    """
    content = lake.read(f"{FOLDER}/{name}/{DOCUMENT}") if _NAME.fullmatch(name) else None
    if content is None:
        raise SourceMissing(f"There is no evidence {name!r} in {lake.root}: `python -m model_steps.gate` makes it.")
    place = lake.uri(f"{FOLDER}/{name}/{DOCUMENT}")
    try:
        document = json.loads(content)
        found = Evidence(**{**document, "why": tuple(document["why"])})
        named = found.name
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{place} is no evidence ({error}): run the gate again.") from None
    # The name is of what is said, so the bytes are held against how it is written.
    if named != name or content != json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False).encode():
        raise DataError(f"{place} was changed since the gate decided: run the gate again.")
    return found


def names(lake: Lake) -> list[str]:
    """All evidence of a lake, by name."""
    parts = (path.split("/") for path in lake.list(FOLDER))
    return sorted({part[1] for part in parts if len(part) == 3 and part[2] == DOCUMENT})


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
