"""Infer what each user intends to buy next: ``python -m model_steps.infer --day D --shard i/n``.

Reads the day's contexts and signals, lets planner, experts and arbiter work chunk by chunk, and stages ``intents``,
``personas`` and ``failures`` of this shard, all with one release (default: the lake's champion). Then the same engine
writes captions for items of the best tags, ``explanations``, where the settings want any. Answers are cached by what
was asked: a killed run goes on at the chunk it was in, and a user for whom nothing changed costs no model call.
"""

from __future__ import annotations

import argparse
import logging
import time
from typing import Any, get_args

from lake.delta.work import Step
from lake.registry import champions
from lake.registry.canary import Canary, of_record
from lake.store.location import Lake
from model_steps.agents import selection
from model_steps.agents.outputs import TABLES, Outputs, stage_outputs
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.explaining.outputs import stage_explanations, stage_none
from model_steps.inferring.agents import Agents
from model_steps.inferring.work import Work
from model_steps.serving.sides import served_by
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.processor import NumberType
from runtime.progress import Progress
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

STEP = Step("infer", __file__, TABLES)


def infer(
    lake: Lake,
    day: str,
    shard: str,
    settings: Settings,
    users: int,
    force: bool = False,
    release: str | None = None,
    start: StartsModel | None = None,
    canary: Canary | None = None,
) -> dict[str, Any]:
    """Infer one shard of a day and stage it; returns the manifest.

    Args:
        shard: ``i/n``, from 1; ``canary-i/n`` where the users of a shard are the canary's.
        users: how many are drawn for the day, 0 for all.
        force: also when nothing changed.
        release: name of the release to use (default: the lake's champion).
        start: gives the model (default: the engine of the settings, started when the first answer is missing).
        canary: that runs on the day: its two releases serve, each some of the users, whatever ``release`` says.

    Raises:
        UsageError: there is no such shard.
        SourceMissing: contexts, signals or vectors are missing.
        DataError: the release is for another model, embedder or prompts.
        InfrastructureError: the engine failed.
    """
    started = time.monotonic()
    work = Work.of(STEP, lake, day, shard, settings, users, release, canary)
    if not work.is_due(force):
        log.info("The intents of %s are published already; nothing changed.", day)
        return {**work.manifest(), "batches": [], "reused": True}
    start = start or LazyEngine(work.settings.engine, work.adapters)
    agents = Agents(work, start)
    ready = time.monotonic()
    outputs = Outputs()
    progress = Progress(len(work.users), "users", every_seconds=0)
    for chunk in agents.chunks():
        outputs.add(agents.infer(chunk))
        tokens = agents.cache.counts.total("computed_tokens") + agents.cache.counts.total("output_tokens")
        progress.advance(len(chunk), f"{tokens / max(time.monotonic() - ready - start.seconds, 1e-9):.0f} tokens/s")
    working = time.monotonic() - ready - start.seconds
    explained = agents.explain(outputs.intents) if settings.explanations.tags else None
    counts = outputs.counts(len(work.users), settings.inference.tags)
    batches = stage_outputs(
        lake, STEP.name, day, work.number, work.name, outputs, counts, served_by(work.release.name, canary)
    )
    named = (lake, day, work.number, work.name)
    if explained:
        batches += stage_explanations(*named, explained.explained, explained.counts)
    else:
        batches += stage_none(*named)
    return {
        **work.manifest(),
        **counts,
        "batches": batches,
        "reused": False,
        **agents.figures(),
        "chosen_by": selection.shares([row["chosen_by"] for row in outputs.intents]),
        **work.form.figures(),
        **work.experts.figures(),
        **({"explanations": explained.figures, "seconds_explanations": explained.seconds} if explained else {}),
        "seconds_fixed": round(ready - started + start.seconds, 3),
        "seconds_engine_start": round(start.seconds, 3),
        "seconds_users": round(working, 3),
        "seconds_per_user": round(working / len(work.users), 3) if work.users else 0.0,
        "digests": {
            "model": work.release.model,
            "prompts": work.release.prompts,
            "categories": work.categories_digest,
        },
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    users = settings.inference.users if arguments.users is None else arguments.users
    if users < 0:
        raise UsageError("--users is the number of users, or 0 for all.")
    lake = Lake.open(arguments.lake or settings.lake.uri)
    if arguments.dtype:
        engine = settings.engine.model_copy(update={"dtype": arguments.dtype})
        settings = settings.model_copy(update={"engine": engine})
    canary = None if arguments.canary is None else of_record(champions.log_of(lake), arguments.canary)
    asked = (arguments.day, arguments.shard, settings, users, arguments.force, arguments.release)
    return infer(lake, *asked, canary=canary)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.infer", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="the day whose contexts are read")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--shard", default="1/1", help="i/n: shard i (from 1) of n (default: 1/1, all users)")
    parser.add_argument("--users", type=int, help="users drawn by a stable hash, 0 for all (default: the setting)")
    parser.add_argument("--release", help="name of a release on the lake (default: the champion)")
    parser.add_argument(
        "--canary", type=int, help="number of the record whose canary runs on the day, as `lake.champion --day` says it"
    )
    parser.add_argument("--dtype", choices=get_args(NumberType), help="the engine's number type (default: the setting)")
    parser.add_argument("--force", action="store_true", help="infer again even when nothing changed")
    run_command(main, parser)
