"""The contract of a stage: what a step stages, under which fingerprint, and what of it is due. Every step uses it.

A published partition tells by its files' names whose work it is. The half that names the code leads to a record in the
lake (``_code/``), which outlives the files, of what that code was: so a later one can say what has changed since.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lake.delta import tables
from lake.delta.live import LiveFile
from lake.store import objects
from lake.store.location import Lake
from runtime import imports
from runtime.fingerprint import Code, asked_of, code_digest_of, code_of, fingerprint
from schemas.table import Table

log = logging.getLogger("intentflow")

CODE_FOLDER = "_code"
MARKS_FOLDER = "_work"
# The partition of a table that has none.
WHOLE = ""


@dataclass(frozen=True)
class Step:
    """A command that stages or publishes tables.

    Args:
        name: as batches and failures name it. file: the ``__file__`` of its entry module, whose imports are its code.
        tables: those that it replaces by partition, each under the work's fingerprint.
    """

    name: str
    file: str
    tables: tuple[Table, ...] = ()

    @property
    def code(self) -> Code:
        return code_of(imports.module_of(Path(self.file)))

    def work(self, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
        """The fingerprint of work.

        Args:
            inputs: digests of what is read. parameters: every other value that can shape a row.
        """
        return fingerprint(self.name, inputs, parameters, self.code.digest)

    def remember(self, lake: Lake) -> None:
        """Note in the lake what this step's code is; steps of one entry module share it."""
        objects.put_if_absent(lake, f"{CODE_FOLDER}/{self.code.digest}.json", asdict(self.code))


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Args:
        due: fingerprint by partition (day, or ``WHOLE``). reused: partitions that are published as they should be.
        older: those of the reused that older code made, and that nobody asked to make again.
    """

    due: Mapping[str, str]
    reused: tuple[str, ...]
    older: tuple[str, ...]


def plan(
    lake: Lake,
    step: Step,
    works: Mapping[str, str],
    *,
    named: Collection[str] | None = None,
    force: bool = False,
    older_code: bool = False,
    parts: Collection[int] | None = None,
) -> Plan:
    """Decide which partitions of a step are due.

    A named partition is due when anything about it has changed, or by force. Another one, which the step would only
    bring up to date along the way, is due when it is missing or what it was made of has changed, but not for its code
    alone: a changed line must not make months again unasked.

    Args:
        works: fingerprint by partition, of all that should be there.
        named: those that were asked for (default: all).
        older_code: also those that were not, when other code than this made them.
        parts: the parts that a whole partition has (default: any).
    """
    live = [_files(lake, step, table) for table in step.tables]
    due: dict[str, str] = {}
    older = []
    for partition, name in works.items():
        of_partition = [files.get(partition, []) for files in live]
        is_named = named is None or partition in named
        if _holds(of_partition, name, parts, whole=True):
            if force and is_named:
                due[partition] = name
        elif is_named or older_code or not _holds(of_partition, name, parts, whole=False):
            due[partition] = name
        else:
            older.append(partition)
    if due:
        step.remember(lake)
    if older:
        log.info(
            "%d earlier partitions of %s were made by other code and stay as they are: `python -m lake days --due` "
            "lists the days that rest on them.",
            len(older),
            step.name,
        )
    return Plan(due, tuple(partition for partition in works if partition not in due), tuple(older))


def _files(lake: Lake, step: Step, table: Table) -> dict[str, list[LiveFile]]:
    """A table's live files by the partitions of a step."""
    found: dict[str, list[LiveFile]] = {}
    for file in tables.live_files(tables.open_table(lake, table), table):
        if file.partition.get("step", step.name) == step.name:
            found.setdefault(file.partition.get("day", WHOLE), []).append(file)
    return found


def _holds(of_tables: Collection[list[LiveFile]], name: str, parts: Collection[int] | None, *, whole: bool) -> bool:
    """Whether every table of a partition holds the result of this very work, all parts of it.

    Args:
        whole: compare the fingerprint's halves both, or what was asked alone.
    """
    return all(
        (works := {work for file in files for work in file.works}) == {name}
        or (not whole and len(works) == 1 and asked_of(*works) == asked_of(name))
        for files in of_tables
    ) and (parts is None or all({part for file in files for part in file.parts} == set(parts) for files in of_tables))


def mark(lake: Lake, step: Step, key: str, name: str) -> None:
    """Note that work was done which replaces no partition.

    Args:
        key: what it was done for, a day as a rule. name: its fingerprint.
    """
    step.remember(lake)
    objects.put(lake, _mark(step.name, key), {"step": step.name, "fingerprint": name})


def marked(lake: Lake, step: str, key: str) -> str | None:
    """The fingerprint of what was done for a key, or None."""
    found = objects.get(lake, _mark(step, key))
    return None if found is None else str(found["fingerprint"])


def marks(lake: Lake) -> Iterator[tuple[str, str, str]]:
    """Step, key and fingerprint of all that is marked."""
    for path in lake.list(MARKS_FOLDER):
        _, step, file = path.split("/")
        if found := marked(lake, step, key := file.removesuffix(".json")):
            yield step, key, found


def _mark(step: str, key: str) -> str:
    return f"{MARKS_FOLDER}/{step}/{key}.json"


def code_record(lake: Lake, name: str) -> Code | None:
    """The code that a fingerprint's work was done with, None where nobody noted it."""
    found = objects.get(lake, f"{CODE_FOLDER}/{code_digest_of(name)}.json") if code_digest_of(name) else None
    return None if found is None else Code(found["entry"], found["files"], found["libraries"])
