"""Map a model step over shards of the users: as many tasks as the run or the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule, get_current_context, task

from settings import load_settings
from tasks.command import Command, outcome
from tasks.policy import MODEL_TIMEOUT, model_pool


def shard_names(shards: int, own: int = 0) -> list[str]:
    """``1/3``, ``2/3``, ``canary-3/3``: the number of a shard, from 1, of how many.

    Args:
        own: how many, the last ones, are those of the canary's users.
    """
    return [f"{'canary-' if number > shards - own else ''}{number}/{shards}" for number in range(1, shards + 1)]


def names_of(shards: int, canary: Mapping[str, Any] | None) -> list[str]:
    """The names of a day's shards.

    Args:
        shards: how many are asked for; with a canary at least two, for a release starts one engine.
        canary: that runs on the day, as the task ``champion`` found it.
    """
    if not canary:
        return shard_names(shards)
    # Imported here: the DAG file that imports this one is parsed every few seconds.
    from lake.registry.canary import own_shards

    shards = max(shards, 2)
    return shard_names(shards, own_shards(canary["share"], shards))


class ShardCommand(Command):
    """Runs a command on one shard.

    Args:
        shard: its name, handed on as ``--shard``.
    """

    template_fields: Sequence[str] = ("arguments", "shard")

    def __init__(self, *, shard: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def execute(self, context: Context) -> dict[str, Any]:
        return self.report(outcome(self.command(self.module, [*self.arguments, "--shard", self.shard])))


@task(trigger_rule=TriggerRule.NONE_FAILED)
def split(champion: Mapping[str, Any]) -> list[str]:
    """Name the shards of this run.

    Args:
        champion: what ``take_champion`` returned.
    """
    asked = get_current_context()["params"]["shards"] or load_settings().inference.shards
    return names_of(asked, champion.get("canary"))


def sharded_model_step(step: str, *arguments: str, shards: Any, task_id: str = "shard") -> Any:
    """A step of ``model_steps/`` on every shard; returns all manifests.

    Args:
        shards: what ``split`` returned.
    """
    return (
        ShardCommand.partial(
            task_id=task_id,
            module=f"model_steps.{step}",
            arguments=list(arguments),
            pool=model_pool(),
            execution_timeout=MODEL_TIMEOUT,
            map_index_template="shard {{ task.shard | replace('/', ' of ') }}",
        )
        .expand(shard=shards)
        .output
    )
