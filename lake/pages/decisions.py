"""What gates decided: the heads of all evidence, and the checks of some. Evidence that was changed is said to be so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from lake.registry import evidence
from lake.registry.evidence import Evidence
from lake.store.location import Lake
from runtime.errors import DataError

DECISION = "decision.json"
POLICY = "policy.yaml"


@dataclass(frozen=True)
class Decision:
    """One decision of a gate.

    Args:
        name: of the evidence.
        evidence: what its document says; None where it was changed. problem: then a sentence.
    """

    name: str
    evidence: Evidence | None
    problem: str = ""


def decisions_of(lake: Lake) -> list[Decision]:
    """All decisions, newest first; those whose evidence was changed before all others."""
    found = [_decision(lake, name) for name in evidence.names(lake)]
    broken = [one for one in found if one.evidence is None]
    whole = sorted((one for one in found if one.evidence), key=lambda one: (_at(one), one.name), reverse=True)
    return [*broken, *whole]


def _decision(lake: Lake, name: str) -> Decision:
    try:
        return Decision(name, evidence.head(lake, name))
    except DataError as error:
        return Decision(name, None, str(error))


def _at(decision: Decision) -> str:
    return decision.evidence.at if decision.evidence else ""


def checks_of(lake: Lake, decision: Decision) -> Sequence[Mapping[str, Any]]:
    """The checks of a decision; none where they cannot be believed or read, which its report then says."""
    content = _file(lake, decision, DECISION)
    try:
        document = json.loads(content or b"{}")
        return [check for check in document.get("checks", []) if isinstance(check, dict)]
    except (ValueError, AttributeError, TypeError):
        return []


def holdout_openings(lake: Lake, decisions: Sequence[Decision]) -> tuple[int, str] | None:
    """How many openings a holdout day is good for, and the policy that says so: the one that was used last.

    None where no gate decided yet, or its policy says nothing of it.
    """
    newest = next((one for one in decisions if one.evidence), None)
    if newest is None or newest.evidence is None:
        return None
    try:
        document = yaml.safe_load(_file(lake, newest, POLICY) or b"")
    except yaml.YAMLError:
        return None
    openings = document.get("holdout_openings") if isinstance(document, dict) else None
    return (openings, newest.evidence.policy) if isinstance(openings, int) else None


def _file(lake: Lake, decision: Decision, file: str) -> bytes | None:
    """A file of some evidence; None where it is missing or was changed."""
    wanted = decision.evidence.files.get(file) if decision.evidence else None
    content = lake.read(f"{evidence.FOLDER}/{decision.name}/{file}") if wanted else None
    return content if content is not None and hashlib.sha256(content).hexdigest() == wanted else None
