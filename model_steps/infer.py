"""Infer what each user intends to buy next: ``python -m model_steps.infer --day D --shard i/n``.

Reads the day's contexts and signals, lets planner, experts and arbiter work chunk by chunk, and stages ``intents``
and ``failures`` of this shard, all with one release (default: the lake's champion). Answers are cached by what was
asked: a killed run goes on at the chunk it was in, and a user for whom nothing changed costs no model call.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, get_args

from lake.delta import tables
from lake.delta.staging import Batch, StagedPartition, stage
from lake.delta.work import Step, marked, plan
from lake.registry import champions, releases
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.agents import arbiter, expert, inputs, planner, population
from model_steps.agents.hmas import Failed, Hmas, Intents
from model_steps.agents.words import Categories, WordFinder
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.slots import EntitySlots, read_slots
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.asking import Model
from model_steps.engine.cache_capacity import tokens_that_fit
from model_steps.engine.chat import Chat
from model_steps.engine.vllm_engine import Engine, engine_name, prepare_environment
from model_steps.serving.fit import adaptor_of, refuse_foreign
from model_steps.serving.form import Form, choose_form
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.fingerprint import code_of
from runtime.processor import NumberType
from runtime.progress import Progress
from schemas import contexts, failures, intents, signals
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

STEP = Step("infer", __file__, (intents.TABLE, failures.TABLE))
EMBED = "embed"
ENGINE = "model_steps.engine.vllm_engine"
ROLES = (planner.ROLE, expert.ROLE, arbiter.ROLE)


class StartsModel(Protocol):
    """Gives a model when it is needed, and says how long that took.

    Args of a call:
        slots: the vectors of the entities that prompts have slots for; none when all prompts are text.
    """

    seconds: float

    def __call__(self, slots: EntitySlots | None) -> Model: ...


class LazyEngine:
    """Starts the engine when the first answer is missing, and knows what that cost."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seconds = 0.0

    def __call__(self, slots: EntitySlots | None) -> Model:
        started = time.monotonic()
        engine = Engine(self._settings.engine, slots)
        self.seconds += time.monotonic() - started
        return engine


def intents_rows(
    done: Sequence[Intents], categories: Categories, embedder: Embedder, release_name: str, maximum_why: int
) -> list[dict[str, Any]]:
    """Rows of ``intents`` of a chunk."""
    texts = sorted({chosen.tag.text for one in done for chosen in one.chosen})
    nearest = dict(zip(texts, categories.nearest(embedder.embed(texts)), strict=True))
    rows = []
    for one in done:
        for rank, chosen in enumerate(one.chosen, start=1):
            persona = one.personas[chosen.tag.expert]
            facts = "; ".join(fact.fact for fact in persona.evidence)
            category, similarity = nearest[chosen.tag.text]
            rows.append(
                {
                    "user_id": one.user_id,
                    "rank": rank,
                    "tag": chosen.tag.text,
                    "category": category,
                    # Beyond four digits it depends on which texts shared a batch.
                    "category_similarity": round(similarity, 4),
                    "persona": persona.name,
                    "why": f"{persona.need} Bought: {facts}."[:maximum_why],
                    "expert": chosen.tag.expert + 1,
                    "chosen_by": chosen.chosen_by,
                    "release": release_name,
                }
            )
    return rows


def failure_rows(failed: Sequence[Failed]) -> list[dict[str, Any]]:
    """Rows of ``failures``."""
    return [
        {"step": STEP.name, "key": one.user_id, "reason": one.reason, "attempts": one.attempts}
        for one in sorted(failed, key=lambda one: one.user_id)
    ]


def wrong_users(rows: Sequence[dict[str, Any]], tags: int) -> int:
    """Users without exactly ``tags`` distinct tags under the ranks 1 to ``tags``."""
    by_user: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_user.setdefault(row["user_id"], []).append(row)
    wanted = list(range(1, tags + 1))
    return sum(
        sorted(row["rank"] for row in own) != wanted or len({row["tag"] for row in own}) != tags
        for own in by_user.values()
    )


def name_of_work(
    lake: Lake, day: str, settings: Settings, users: Sequence[str], shards: int, made_with: Release, categories: str
) -> str:
    """Fingerprint of the day's inference. All shards share it, and so agree on whether there is anything to do."""
    return STEP.work(
        {
            "contexts": tables.partition_digest(lake, contexts.TABLE, day),
            "signals": tables.partition_digest(lake, signals.TABLE, day),
            "categories": categories,
            "vectors": marked(lake, EMBED, day),
            "users": list(users),
            "release": made_with.name,
        },
        {
            "day": day,
            "shards": shards,
            "engine": engine_name(settings.engine),
            "window": settings.engine.maximum_tokens,
            "cache_tokens": tokens_that_fit(settings.engine),
            "history_tokens": inputs.cap_of(settings),
            **settings.inference.model_dump(exclude={"users", "shards"}),
        },
    )


def shown_as(settings: Settings, form: Form) -> Settings:
    """The settings with the form that ``auto`` came to: the work is named by it, and all that follows reads it."""
    inference = settings.inference.model_copy(update={"representation": form.name})
    return settings.model_copy(update={"inference": inference})


def infer(
    lake: Lake,
    day: str,
    shard: str,
    settings: Settings,
    users: int,
    force: bool = False,
    release: str | None = None,
    start: StartsModel | None = None,
) -> dict[str, Any]:
    """Infer one shard of a day and stage it; returns the manifest.

    Args:
        release: name of the release to use (default: the lake's champion).
        start: gives the model (default: the engine of the settings, started when the first answer is missing).

    Raises:
        SourceMissing: contexts, signals or vectors are missing. DataError: the release is for another model, embedder
        or prompts. InfrastructureError: the engine failed.
    """
    started = time.monotonic()
    number, shards = population.parse_shard(shard)
    everybody = inputs.eligible(lake, day, settings.inference, users)
    embedder = Embedder(settings.embedder.model)
    release = release or champions.take(lake, settings.lake.first_release)[0].release
    made_with, files = releases.read(lake, release)
    refuse_foreign(made_with, settings.engine.model, embedder.name, ROLES)
    form = choose_form(settings.inference.representation, lake, day, made_with, files, embedder)
    settings = shown_as(settings, form)
    adaptor = adaptor_of(made_with, files, settings.engine.model, embedder) if form.name == "hybrid" else None
    categories = inputs.read_categories(lake, embedder.name)
    digest = inputs.categories_digest(categories)
    name = name_of_work(lake, day, settings, everybody, shards, made_with, digest)
    head = {"day": day, "shard": f"{number + 1}/{shards}", "release": made_with.name, "fingerprint": name}
    if not plan(lake, STEP, {day: name}, force=force, parts=range(shards)).due:
        log.info("The intents of %s are published already; nothing changed.", day)
        return {**head, "batches": [], "reused": True}
    own = population.shard_of(everybody, number, shards)
    start = start or LazyEngine(settings)
    people = inputs.read_contexts(lake, day, own) if own else []
    known = inputs.read_entities(lake, people) if people else {}
    slots = read_slots(lake, adaptor, sorted(known)) if adaptor else None
    # Answers are kept by what was asked, and by the code that asks the engine.
    engine = f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}"
    cache = AnswerCache(lake, own, day, made_with.name, engine, partial(start, slots))
    chat = Chat(settings.engine.model)
    words = WordFinder(categories, embedder.vocabulary, settings.inference.word_categories)
    signals_shown = inputs.signals_text(lake, day)
    hmas = Hmas(settings.inference, cache.ask, embedder.embed, chat.render, words, signals_shown, settings.engine.seed)
    limit = inputs.history_limit(
        hmas, chat.count, settings.inference, inputs.cap_of(settings), settings.engine.maximum_tokens
    )
    prepared = inputs.prepare(people, known, chat.count, limit, settings.inference.representation)
    capacity = tokens_that_fit(settings.engine)
    taken = partial(inputs.tokens_of_user, hmas=hmas, count=chat.count, settings=settings.inference)
    fixed = time.monotonic() - started
    rows: list[dict[str, Any]] = []
    failed: list[Failed] = []
    progress = Progress(len(own), "users", every_seconds=0)
    for chunk in population.chunks_of(prepared.users, settings.inference.chunk_users, taken, capacity):
        cache.begin_chunk()
        done, lost = hmas.run(chunk)
        cache.end_chunk()
        rows += intents_rows(done, categories, embedder, made_with.name, settings.inference.maximum_why)
        failed += lost
        elapsed = max(time.monotonic() - started - fixed - start.seconds, 1e-9)
        tokens = cache.counts.total("computed_tokens") + cache.counts.total("output_tokens")
        progress.advance(len(chunk), f"{tokens / elapsed:.0f} tokens/s")
    working = time.monotonic() - started - fixed - start.seconds
    counts = {
        "users_in": len(own),
        "users_published": len({row["user_id"] for row in rows}),
        "users_failed": len(failed),
        "users_with_wrong_tags": wrong_users(rows, settings.inference.tags),
        "tags": len(rows),
    }
    batches = _stage(lake, day, name, number, rows, failed, counts)
    by = [row["chosen_by"] for row in rows]
    return {
        **head,
        **counts,
        "batches": batches,
        "reused": False,
        "model_calls": cache.counts.total("calls"),
        "cached_answers": cache.counts.total("cached_answers"),
        "users_without_model_call": len(set(own) - cache.asked_users),
        "roles": cache.counts.as_dict(),
        "chosen_by": {kind: round(by.count(kind) / len(by), 4) if by else 0.0 for kind in ("arbiter", "completion")},
        "cut_users": prepared.cut_users,
        "dropped_periods": prepared.dropped_periods,
        "representation": form.name,
        **form.figures(),
        # Fractions, so that they are not added up over shards.
        "block_tokens": float(settings.engine.block_tokens),
        "cache_tokens": float(capacity),
        **vars(hmas.happened),
        "seconds_fixed": round(fixed + start.seconds, 3),
        "seconds_engine_start": round(start.seconds, 3),
        "seconds_users": round(working, 3),
        "seconds_per_user": round(working / len(own), 3) if own else 0.0,
        "digests": {"model": made_with.model, "prompts": made_with.prompts, "categories": digest},
    }


def _stage(
    lake: Lake,
    day: str,
    name: str,
    part: int,
    rows: Sequence[dict[str, Any]],
    failed: Sequence[Failed],
    counts: dict[str, int],
) -> list[str]:
    """Stage both tables; an empty partition is staged too. Returns the batches' paths."""
    found = inputs.rows_of(intents.TABLE, rows, day)
    good = stage(lake, intents.TABLE, found, fingerprint=name, partition={"day": day}, part=part)
    lost = inputs.rows_of(failures.TABLE, failure_rows(failed), day)
    where = {"day": day, "step": STEP.name}
    bad = stage(lake, failures.TABLE, lost, fingerprint=name, partition=where, part=part)
    return [
        Batch(intents.TABLE.name, STEP.name, (StagedPartition({"day": day}, name, (good,), counts),)).save(lake),
        Batch(failures.TABLE.name, STEP.name, (StagedPartition(where, name, (bad,), {}),)).save(lake),
    ]


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
    return infer(lake, arguments.day, arguments.shard, settings, users, arguments.force, arguments.release)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.infer", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="the day whose contexts are read")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--shard", default="1/1", help="i/n: shard i (from 1) of n (default: 1/1, all users)")
    parser.add_argument("--users", type=int, help="users drawn by a stable hash, 0 for all (default: the setting)")
    parser.add_argument("--release", help="name of a release on the lake (default: the champion)")
    parser.add_argument("--dtype", choices=get_args(NumberType), help="the engine's number type (default: the setting)")
    parser.add_argument("--force", action="store_true", help="infer again even when nothing changed")
    run_command(main, parser)
