"""What the agents of a shard left, counted and staged: rows of ``intents``, ``personas`` and ``failures``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lake.delta.staging import Batch, StagedPartition, stage
from lake.store.location import Lake
from model_steps.agents import inputs, rows
from model_steps.agents.hmas import Failed
from schemas import failures, intents, personas
from schemas.table import Table

TABLES = (intents.TABLE, failures.TABLE, personas.TABLE)


@dataclass
class Outputs:
    """What some users came to.

    Args:
        intents, personas: rows of these tables. failed: users without any.
    """

    intents: list[dict[str, Any]] = field(default_factory=list)
    personas: list[dict[str, Any]] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)

    def add(self, other: Outputs) -> None:
        """Take another chunk's in."""
        self.intents += other.intents
        self.personas += other.personas
        self.failed += other.failed

    def counts(self, users: int, tags: int) -> dict[str, int]:
        """What a manifest and the batch of ``intents`` state.

        Args:
            users: of the shard. tags: that each user should have.
        """
        return {
            "users_in": users,
            "users_published": len({row["user_id"] for row in self.intents}),
            "users_failed": sum(one.has_evidence for one in self.failed),
            "users_without_evidence": sum(not one.has_evidence for one in self.failed),
            "users_with_wrong_tags": rows.wrong_users(self.intents, tags),
            "tags": len(self.intents),
        }


def stage_outputs(
    lake: Lake,
    step: str,
    day: str,
    part: int,
    work: str,
    outputs: Outputs,
    counts: dict[str, int],
    served_by: Callable[[str], str],
) -> list[str]:
    """Stage a shard's part of all tables; an empty partition is staged too. Returns the batches' paths.

    Args:
        step: as batches and failures name it. part: the shard's number, from 0. work: the fingerprint.
        counts: ``Outputs.counts``.
        served_by: the release that serves a user, by their id, whatever the shard took for its own.
    """
    of_day, of_step = {"day": day}, {"day": day, "step": step}
    of_personas = {
        "personas": len(outputs.personas),
        "tags_without_persona": rows.tags_without_persona(outputs.intents, outputs.personas),
    }
    of_others = rows.users_of_another_release([*outputs.intents, *outputs.personas], served_by)
    staged: tuple[tuple[Table, dict[str, str], Sequence[dict[str, Any]], dict[str, int]], ...] = (
        (intents.TABLE, of_day, outputs.intents, {**counts, "users_of_another_release": of_others}),
        (failures.TABLE, of_step, rows.failure_rows(outputs.failed, step), {}),
        (personas.TABLE, of_day, outputs.personas, of_personas),
    )
    paths = []
    for table, partition, table_rows, metrics in staged:
        data = inputs.rows_of(table, table_rows, day)
        file = stage(lake, table, data, fingerprint=work, partition=partition, part=part)
        paths.append(Batch(table.name, step, (StagedPartition(partition, work, (file,), metrics),)).save(lake))
    return paths
