"""Judge a sample of a day's published intents: ``python -m model_steps.judge_sample --day D [--judge RELEASE]``.

Draws users by a stable hash, has all of their tags judged, and stages ``verdicts``. Judged are the published intents:
so a judge holds no day back, and a later verdict is one more commit. Answers are cached by what was asked, so a killed
or timed-out run goes on at the chunk it was in. Without ``--judge`` the untuned language model judges, which has no
standing.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from lake.delta import tables
from lake.delta.staging import Batch, StagedPartition, stage
from lake.delta.work import Step, plan
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.agents.population import chunks_of
from model_steps.embedding.embedder import Embedder
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.engine.vllm_engine import engine_name
from model_steps.judge import day_inputs
from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.counting import told
from model_steps.judge.customers import read_catalog_facts
from model_steps.judge.declared import declared_rules
from model_steps.judge.evaluators import Asking, Rule
from model_steps.judge.judge_release import Judge, choose_judge
from model_steps.judge.judging import Guard, judge
from model_steps.judge.reviewer import Verdict
from model_steps.judge.shop import Shop
from model_steps.judge.verdicts import Row, sample, tier_figures, verdict_rows
from runtime.entry import day_argument, run_command
from runtime.errors import InfrastructureError, SourceMissing, UsageError
from runtime.fingerprint import code_of, digest
from runtime.progress import Progress
from schemas import contexts, intents, signals
from schemas.verdicts import TABLE, broken_rows
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

STEP = Step("judge_sample", __file__, (TABLE,))
ENGINE = "model_steps.engine.vllm_engine"
# Settings of the judge that shape no verdict of a given sample.
ELSEWHERE = {
    "sample_users",
    "seed",
    "time_limit_seconds",
    "superior_band",
    "average_band",
    "bad_band",
    "valid_days",
    "minimum_kappa",
}


@dataclass(frozen=True)
class Work:
    """A day's judging: of what, by whom, under which name.

    Args:
        outputs: rows of ``intents`` that are judged, user by user.
        facts: of the catalog, for rules and for counting.
        name: the fingerprint.
    """

    lake: Lake
    day: str
    settings: Settings
    judged_by: Judge
    outputs: Sequence[Row]
    shop: Shop
    facts: CatalogFacts
    name: str

    @classmethod
    def of(cls, lake: Lake, day: str, settings: Settings, judged_by: Judge) -> Work:
        """Read what the work depends on.

        Raises:
            As ``judge_sample``.
        """
        for table in (intents.TABLE, contexts.TABLE, signals.TABLE):
            if tables.partition_digest(lake, table, day) is None:
                raise SourceMissing(f"The table {table.name} has no day {day} in {lake.root}: publish it first.")
        asked = settings.judge
        rows = tables.read(lake, intents.TABLE, day).to_pylist()
        outputs = sample(rows, day, asked.sample_users, asked.seed)
        embedder = Embedder(settings.embedder.model).name
        categories = inputs.read_categories(lake, embedder)
        shop = day_inputs.shop_of(categories, day_inputs.read_texts(lake), day_inputs.read_buyers(lake, day))
        name = STEP.work(
            {
                "intents": digest(list(outputs)),
                "contexts": tables.partition_digest(lake, contexts.TABLE, day),
                "signals": tables.partition_digest(lake, signals.TABLE, day),
                "categories": digest([shop.catalog.names, shop.paths]),
                "texts": digest(shop.texts.texts),
                "judge": judged_by.name,
            },
            {"day": day, "engine": engine_name(settings.engine), **asked.model_dump(exclude=ELSEWHERE)},
        )
        return cls(lake, day, settings, judged_by, outputs, shop, read_catalog_facts(lake, embedder), name)

    def manifest(self) -> dict[str, Any]:
        """What every manifest of this work begins with."""
        return {"day": self.day, "fingerprint": self.name, **self.judged_by.manifest()}

    def shown(self, cases: Sequence[Case]) -> Shop:
        """The shop as evaluators see it, with what the judge's counting expects of cases, where it brings any."""
        counting = self.judged_by.counting
        if counting is None or not self.settings.judge.expected:
            return self.shop
        return told(self.shop, counting.chances(cases, self.facts, {self.day: self.shop.buyers}))

    def cache(self, start: StartsModel) -> AnswerCache:
        """Answers of this judge, by what was asked and by the code that asks the engine."""
        engine = f"{engine_name(self.settings.engine)}/{code_of(ENGINE).digest}"
        users = sorted({row["user_id"] for row in self.outputs})
        return AnswerCache(self.lake, users, self.day, self.judged_by.name, engine, partial(start, None))

    def stage(self, rows: pa.Table, counts: Mapping[str, int]) -> str:
        """Stage the verdicts, an empty day's too; returns the batch's path."""
        partition = {"day": self.day}
        file = stage(self.lake, TABLE, rows, fingerprint=self.name, partition=partition)
        batch = Batch(TABLE.name, STEP.name, (StagedPartition(partition, self.name, (file,), counts),))
        return batch.save(self.lake)


def judge_sample(
    lake: Lake,
    day: str,
    settings: Settings,
    judged_by: Judge,
    force: bool = False,
    rules: Mapping[str, Rule] | None = None,
    guard: Guard | None = None,
    start: StartsModel | None = None,
) -> dict[str, Any]:
    """Judge a day's sample and stage the verdicts; returns the manifest.

    Args:
        judged_by: the judge.
        force: also when nothing changed.
        rules: dimensions that can be computed (default: all, over this lake's catalog).
        guard: notices attacks (default: what is none of this shop's outputs).
        start: gives the model (default: the engine of the settings, started when the first answer is missing).

    Raises:
        SourceMissing: something of the day is not published or not embedded.
        ConfigurationError: the settings want what this judge does not have.
        InfrastructureError: the engine failed, or judging took too long; answers so far are kept.
    """
    started = time.monotonic()
    work = Work.of(lake, day, settings, judged_by)
    if not plan(lake, STEP, {day: work.name}, force=force).due:
        log.info("The verdicts on %s are published already; nothing changed.", day)
        return {**work.manifest(), "batches": [], "reused": True}
    cases = day_inputs.read_cases(lake, day, work.outputs, work.shop)
    start = start or LazyEngine(settings.engine, judged_by.adapters)
    cache, chat = work.cache(start), Chat(settings.engine.model)
    asking = Asking(work.shown(cases), settings.judge, chat.render, chat.count, chat.answer_tokens)
    guard = guard or day_inputs.guard_of(work.shop, settings.inference)
    rules = declared_rules(work.facts) if rules is None else rules
    verdicts = _judge_all(cases, cache, asking, rules, guard, started + settings.judge.time_limit_seconds)
    rows = verdict_rows(work.outputs, cases, verdicts, settings.judge.threshold, judged_by.name)
    data = inputs.rows_of(TABLE, rows, day)
    tiers = tier_figures(verdicts, settings.judge)
    for sentence in tiers["alarms"]:
        log.warning("%s", sentence)
    counts = {
        "sampled_outputs": len(work.outputs),
        "judged_outputs": len(verdicts),
        "flagged_outputs": sum(bool(verdict.flags) for verdict in verdicts),
        "broken_verdicts": broken_rows(data),
    }
    return {
        **work.manifest(),
        **counts,
        "batches": [work.stage(data, counts)],
        "reused": False,
        "users_sampled": len({row["user_id"] for row in work.outputs}),
        "rules": list(settings.judge.rules),
        **tiers,
        "model_calls": cache.counts.total("calls"),
        "cached_answers": cache.counts.total("cached_answers"),
        "roles": cache.counts.as_dict(),
        "seconds_engine_start": round(start.seconds, 3),
        "seconds_judging": round(time.monotonic() - started - start.seconds, 3),
    }


def _judge_all(
    cases: Sequence[Case],
    cache: AnswerCache,
    asking: Asking,
    rules: Mapping[str, Rule] | None,
    guard: Guard | None,
    until: float,
) -> list[Verdict]:
    """Verdicts in the order of the cases, chunk by chunk of users.

    Args:
        until: the moment, by the monotonic clock, after which no chunk is begun.

    Raises:
        InfrastructureError: the moment came before the last chunk.
    """
    by_user: dict[str, list[Case]] = {}
    for case in cases:
        by_user.setdefault(case.customer.user_id, []).append(case)
    progress = Progress(len(by_user), "users", every_seconds=0)
    verdicts: list[Verdict] = []
    for chunk in chunks_of(list(by_user.values()), asking.settings.chunk_users):
        if time.monotonic() > until:
            raise InfrastructureError(
                f"Judging took longer than {asking.settings.time_limit_seconds:g} s, with {len(verdicts)} of "
                f"{len(cases)} tags judged: run it again, for answers are kept, or raise "
                "INTENTFLOW_JUDGE__TIME_LIMIT_SECONDS, or lower INTENTFLOW_JUDGE__SAMPLE_USERS."
            )
        cache.begin_chunk()
        verdicts += judge([case for own in chunk for case in own], cache.ask, asking, rules, guard)
        cache.end_chunk()
        progress.advance(len(chunk))
    return verdicts


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    if arguments.users is not None:
        if arguments.users < 0:
            raise UsageError("--users is the number of users whose tags are judged, or 0 for all.")
        wanted = settings.judge.model_copy(update={"sample_users": arguments.users})
        settings = settings.model_copy(update={"judge": wanted})
    lake = Lake.open(arguments.lake or settings.lake.uri)
    judged_by = choose_judge(lake, arguments.judge, settings.engine.model)
    return judge_sample(lake, arguments.day, settings, judged_by, arguments.force)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.judge_sample", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="the day whose published intents are judged")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--judge", help="folder or name of a judge's release (default: the untuned language model)")
    parser.add_argument("--users", type=int, help="users drawn by a stable hash, 0 for all (default: the setting)")
    parser.add_argument("--force", action="store_true", help="judge again even when nothing changed")
    run_command(main, parser)
