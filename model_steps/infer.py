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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

from lake.delta import tables
from lake.delta.work import Step, marked, plan
from lake.registry import champions
from lake.registry.canary import Canary, of_record
from lake.registry.releases import ADAPTOR, Release
from lake.store.location import Lake
from model_steps.agents import arbiter, expert, flows, inputs, planner, population, rows, selection
from model_steps.agents.eligible import eligible
from model_steps.agents.hmas import User
from model_steps.agents.outputs import TABLES, Outputs, stage_outputs
from model_steps.agents.words import Categories
from model_steps.embedding.adaptor import Adaptor
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.slots import read_slots
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.cache_capacity import tokens_that_fit
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.engine.untuned import Untuned
from model_steps.engine.vllm_engine import engine_name
from model_steps.explaining.explained_shard import (
    Day,
    ExplainedShard,
    explain_shard,
    inputs_of,
    owners_of,
    parameters_of,
)
from model_steps.explaining.outputs import stage_explanations, stage_none
from model_steps.serving.experts import Experts
from model_steps.serving.fit import adaptor_of
from model_steps.serving.form import Form
from model_steps.serving.served import Served
from model_steps.serving.sides import PREFIX, Side, name_of_day, place_of, served_by, sides_of
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.fingerprint import code_of
from runtime.processor import NumberType
from runtime.progress import Progress
from schemas import contexts, explanations, signals
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

STEP = Step("infer", __file__, TABLES)
WITH_EXPLANATIONS = (*TABLES, explanations.TABLE)
EMBED = "embed"
ENGINE = "model_steps.engine.vllm_engine"
ROLES = (planner.ROLE, expert.ROLE, arbiter.ROLE)


def name_of_work(
    lake: Lake, day: str, settings: Settings, users: Sequence[str], shards: int, made_with: Release, categories: str
) -> str:
    """Fingerprint of inference for these users by one release."""
    return STEP.work(
        {
            "contexts": tables.partition_digest(lake, contexts.TABLE, day),
            "signals": tables.partition_digest(lake, signals.TABLE, day),
            "categories": categories,
            "vectors": marked(lake, EMBED, day),
            "users": list(users),
            "release": made_with.name,
            **inputs_of(lake, settings.explanations),
        },
        {
            "day": day,
            "shards": shards,
            "engine": engine_name(settings.engine),
            "window": settings.engine.maximum_tokens,
            "cache_tokens": tokens_that_fit(settings.engine),
            "history_tokens": inputs.cap_of(settings),
            # Ranked prompts end with a block, and show personas as the experts' examples do.
            "block": settings.engine.block_tokens,
            "personas_shown": [settings.examples.personas, settings.examples.categories, settings.examples.tokens],
            **settings.inference.model_dump(exclude={"users", "shards"}),
            **parameters_of(settings.explanations),
        },
    )


@dataclass(frozen=True)
class Work:
    """One shard of a day's inference: for whom, with what, under which name.

    Args:
        number: of the shard, from 0.
        shards: how many there are.
        users: whose intents this shard infers, sorted.
        release: what answers are made with.
        form: how histories are shown.
        experts: with what tuned roles are answered.
        settings: with what ``auto`` came to for these two: all that follows reads it from here.
        adaptor: entities to slots; none when histories are text.
        categories_digest: of the catalog's categories.
        name: the day's fingerprint, the same for all shards.
        side: of the canary that runs on the day; all there is where none does. canary: none where none does.
    """

    lake: Lake
    day: str
    number: int
    shards: int
    users: Sequence[str]
    release: Release
    form: Form
    experts: Experts
    settings: Settings
    embedder: Embedder
    adaptor: Adaptor | None
    categories: Categories
    categories_digest: str
    name: str
    side: Side
    canary: Canary | None

    @classmethod
    def of(
        cls,
        lake: Lake,
        day: str,
        shard: str,
        settings: Settings,
        users: int,
        release_name: str | None,
        canary: Canary | None = None,
    ) -> Work:
        """Read what the work depends on.

        Raises:
            As ``infer``.
        """
        number, shards = population.parse_shard(shard.removeprefix(PREFIX))
        everybody = eligible(lake, day, settings.inference, users)
        release_name = release_name or champions.take(lake, settings.lake.first_release)[0].release
        sides = sides_of(everybody, shards, release_name, canary)
        place = place_of(shard, sides)
        embedder = Embedder(settings.embedder.model)
        # Of both sides, since a day has one name: where anything of either changes, all of it is made again.
        served = [Served.by(lake, day, side.release, settings, embedder, ROLES) for side in sides]
        categories = inputs.read_categories(lake, embedder.name)
        categories_digest = inputs.categories_digest(categories)
        names = [
            name_of_work(lake, day, by.settings, side.users, shards, by.release, categories_digest)
            for side, by in zip(sides, served, strict=True)
        ]
        side, own, model = sides[place], served[place], settings.engine.model
        return cls(
            lake=lake,
            day=day,
            number=number,
            shards=shards,
            users=side.users_of(number),
            release=own.release,
            form=own.form,
            experts=own.experts,
            settings=own.settings,
            embedder=embedder,
            adaptor=adaptor_of(own.release, own.files, model, embedder) if own.form.name == "hybrid" else None,
            categories=categories,
            categories_digest=categories_digest,
            name=name_of_day(STEP, day, names, canary),
            side=side,
            canary=canary,
        )

    @property
    def untuned(self) -> Untuned:
        """What answers the roles that the release has no adapter for, or whose adapters are not taken."""
        release = self.release
        adaptor = f"{release.embedder}/{release.files[ADAPTOR]}" if self.adaptor else None
        return Untuned(frozenset(self.experts.adapters), release.model, adaptor)

    def is_due(self, force: bool) -> bool:
        """Whether what is published of the day is not, all shards of it, the result of this very work."""
        step = replace(STEP, tables=WITH_EXPLANATIONS) if self.settings.explanations.tags else STEP
        return bool(plan(self.lake, step, {self.day: self.name}, force=force, parts=range(self.shards)).due)

    def manifest(self) -> dict[str, Any]:
        """What every manifest of this work begins with."""
        return {
            "day": self.day,
            "shard": self.side.shard_name(self.number, self.shards),
            "release": self.release.name,
            "fingerprint": self.name,
            "representation": self.form.name,
            **self.experts.manifest(),
            **({"side": self.side.name} if self.canary else {}),
        }


class Agents:
    """Planner, experts and arbiter ready for the users of a shard, chunk by chunk.

    Args:
        start: gives the model when the first answer is missing.
    """

    def __init__(self, work: Work, start: StartsModel) -> None:
        settings = work.settings
        people = inputs.read_contexts(work.lake, work.day, work.users) if work.users else []
        entities = inputs.read_entities(work.lake, people) if people else {}
        slots = read_slots(work.lake, work.adaptor, sorted(entities)) if work.adaptor else None
        # Answers are kept by what was asked, by what answers, and by the code that asks the engine.
        engine = f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}"
        self._work, self._start = work, start
        owners = owners_of(work.users, settings.explanations)
        self.cache = AnswerCache(
            work.lake, owners, work.day, work.release.name, engine, partial(start, slots), work.untuned
        )
        self.chat = chat = Chat(settings.engine.model)
        of_day = (work.lake, work.day, settings, self.cache.ask, chat)
        if settings.inference.asking == "ranked":
            self._flow = flows.ranked(*of_day, work.categories, people, work.experts.calibration)
        else:
            self._flow = flows.written(*of_day, work.embedder, work.categories)
        self.prepared = inputs.prepare(people, entities, chat.count, self._flow.history_tokens, work.form.name)
        self.capacity = tokens_that_fit(settings.engine)

    def chunks(self) -> Iterator[Sequence[User]]:
        """The shard's users in the fixed groups that are done, and after a kill done again, as a whole."""
        settings = self._work.settings.inference
        users = self.prepared.users
        yield from population.chunks_of(users, settings.chunk_users, self._flow.tokens_of, self.capacity)

    def infer(self, chunk: Sequence[User]) -> Outputs:
        """What a chunk's users come to."""
        self.cache.begin_chunk()
        inferred, failed = self._flow.run(chunk)
        self.cache.end_chunk()
        work = self._work
        release, maximum_why = work.release.name, work.settings.inference.maximum_why
        of_intents = rows.intents_rows(inferred, work.categories, work.embedder, release, maximum_why)
        return Outputs(of_intents, rows.persona_rows(inferred, release), failed)

    def explain(self, tags: Sequence[dict[str, Any]]) -> ExplainedShard:
        """Captions for items of the users' best tags.

        Args:
            tags: rows of ``intents``.
        """
        work = self._work
        serves = served_by(work.release.name, work.canary)
        day = Day(work.lake, work.day, work.settings, work.embedder, work.release.name, serves, self.capacity)
        return explain_shard(day, self.cache, self.chat, self._start, tags)

    def figures(self) -> dict[str, Any]:
        """What was asked, what was found in the caches, what histories lost."""
        return {
            "model_calls": self.cache.counts.total("calls"),
            "cached_answers": self.cache.counts.total("cached_answers"),
            "users_without_model_call": len(set(self._work.users) - self.cache.asked_users),
            "roles": self.cache.counts.as_dict(),
            "cut_users": self.prepared.cut_users,
            "dropped_periods": self.prepared.dropped_periods,
            # Fractions, so that they are not added up over shards.
            "block_tokens": float(self._work.settings.engine.block_tokens),
            "cache_tokens": float(self.capacity),
            **vars(self._flow.statistics),
        }


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
    work = Work.of(lake, day, shard, settings, users, release, canary)
    if not work.is_due(force):
        log.info("The intents of %s are published already; nothing changed.", day)
        return {**work.manifest(), "batches": [], "reused": True}
    start = start or LazyEngine(work.settings.engine, work.experts.adapters)
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
