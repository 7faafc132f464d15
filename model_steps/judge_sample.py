"""Judge a sample of a day's published intents: ``python -m model_steps.judge_sample --day D [--judge RELEASE]``.

Draws users by a stable hash, has all of their tags judged, and stages ``verdicts``. Judged are the published intents:
so a judge holds no day back, and a later verdict is one more commit. Answers are cached by what was asked, so a killed
or timed-out run goes on at the chunk it was in. A judge without standing judges nothing and leaves well, unless the
setting INTENTFLOW_JUDGE__WITHOUT_STANDING says otherwise.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import pyarrow as pa

from lake.delta import tables
from lake.delta.staging import Batch, StagedPartition, stage
from lake.delta.work import Step, plan
from lake.registry import judged_days
from lake.registry.judge_records import Standing
from lake.registry.judged_days import JUDGED_FROM
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.engine.vllm_engine import engine_name
from model_steps.judge.day_figures import judged_day, known_errors, manifest_figures
from model_steps.judge.evaluators import Rule
from model_steps.judge.judge_release import Judge
from model_steps.judge.judge_standing import standing_of
from model_steps.judge.judging import Guard
from model_steps.judge.ready import ReadyJudge, judge_named
from model_steps.judge.verdicts import Row, sample, verdict_rows
from runtime.entry import day_argument, run_command
from runtime.errors import SourceMissing, UsageError
from runtime.fingerprint import digest
from runtime.processor import NumberType
from schemas import intents
from schemas.verdicts import TABLE, broken_rows
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

STEP = Step("judge_sample", __file__, (TABLE,))
# Settings of the judge that shape no verdict of a given sample.
ELSEWHERE = {
    "sample_users",
    "seed",
    "release",
    "without_standing",
    "time_limit_seconds",
    "grace_seconds",
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
        ready: the judge, with the shop as it is judged by.
        standing: of the judge, as of the day.
        outputs: rows of ``intents`` that are judged, user by user.
        contents: digest of what the day's verdicts are of, as in ``JudgedDay``.
        name: the fingerprint.
    """

    lake: Lake
    day: str
    settings: Settings
    ready: ReadyJudge
    standing: Standing
    outputs: Sequence[Row]
    contents: str
    name: str

    @classmethod
    def of(cls, lake: Lake, day: str, settings: Settings, judged_by: Judge, standing: Standing) -> Work:
        """Read what the work depends on.

        Raises:
            As ``judge_sample``.
        """
        digests = {table.name: tables.partition_digest(lake, table, day) for table in JUDGED_FROM}
        for table, found in digests.items():
            if found is None:
                raise SourceMissing(f"The table {table} has no day {day} in {lake.root}: publish it first.")
        asked = settings.judge
        rows = tables.read(lake, intents.TABLE, day).to_pylist()
        outputs = sample(rows, day, asked.sample_users, asked.seed)
        ready = ReadyJudge.of(lake, day, settings, judged_by)
        shop = ready.shop
        name = STEP.work(
            {
                # All intents of the day, not only the drawn ones: the verdicts are a sample of these.
                **digests,
                "outputs": digest(list(outputs)),
                "categories": digest([shop.catalog.names, shop.paths]),
                "texts": digest(shop.texts.texts),
                "judge": judged_by.name,
                "standing": standing.state,
            },
            {"day": day, "engine": engine_name(settings.engine), **asked.model_dump(exclude=ELSEWHERE)},
        )
        return cls(lake, day, settings, ready, standing, outputs, judged_days.contents_digest(digests), name)

    @property
    def judged_by(self) -> Judge:
        return self.ready.judged_by

    def manifest(self) -> dict[str, Any]:
        """What every manifest of this work begins with."""
        return {"fingerprint": self.name, **_beginning(self.day, self.judged_by, self.standing), "judged": True}

    def stage(self, data: pa.Table, counts: Mapping[str, int]) -> tuple[str, dict[str, Any]]:
        """Stage the verdicts, an empty day's too; returns the batch's path and the figures of the tiers."""
        partition = {"day": self.day}
        file = stage(self.lake, TABLE, data, fingerprint=self.name, partition=partition)
        # Before the batch: whoever audits and publishes it finds the note.
        tiers = self.note(file.path, data.to_pylist())
        batch = Batch(TABLE.name, STEP.name, (StagedPartition(partition, self.name, (file,), counts),))
        return batch.save(self.lake), tiers

    def published_figures(self) -> dict[str, Any]:
        """Figures of the tiers of the verdicts that are published; the note on them is left anew."""
        (file,) = tables.live_files(tables.open_table(self.lake, TABLE), TABLE, {"day": self.day})
        (name,) = file.names
        return self.note(name, tables.read(self.lake, TABLE, self.day).to_pylist())

    def note(self, file: str, rows: Sequence[Row]) -> dict[str, Any]:
        """Leave the note on a file of verdicts, and say in the log what is unusual; returns the manifest's figures."""
        errors = known_errors(self.lake, self.judged_by.name, self.standing)
        found = judged_day(rows, self.contents, self.judged_by.name, self.standing, errors, self.settings.judge)
        judged_days.put(self.lake, self.day, file, found)
        for sentence in found.alarms:
            log.warning("%s", sentence)
        return manifest_figures(found)


def _beginning(day: str, judged_by: Judge, standing: Standing) -> dict[str, Any]:
    """What every manifest of this command begins with: the day, and by whom it is judged."""
    return {"day": day, **judged_by.manifest(), "record": standing.record}


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

    A judge without standing does not judge: the manifest then says ``judged: false``, and why.

    Args:
        judged_by: the judge.
        force: also when nothing changed.
        rules: dimensions that can be computed (default: all, over this lake's catalog).
        guard: notices attacks (default: what is none of this shop's outputs).
        start: gives the model (default: the engine of the settings, started when the first answer is missing).

    Raises:
        SourceMissing: something of the day is not published or not embedded.
        DataError: a calibration record of the judge was changed.
        ConfigurationError: the settings want what this judge does not have.
        InfrastructureError: the engine failed, or judging took too long; answers so far are kept.
    """
    started = time.monotonic()
    standing = standing_of(lake, judged_by.name, settings.judge, day)
    judged_by = replace(judged_by, standing=standing.state)
    if standing.state != "valid":
        log.warning("The judge has no standing (%s). %s", standing.state, standing.reason)
        if not settings.judge.without_standing:
            unjudged = {"judged": False, "why": f"the judge has no standing ({standing.state}). {standing.reason}"}
            return {**_beginning(day, judged_by, standing), **unjudged, "batches": [], "reused": False}
        log.warning("It judges all the same, for INTENTFLOW_JUDGE__WITHOUT_STANDING is set.")
    work = Work.of(lake, day, settings, judged_by, standing)
    if not plan(lake, STEP, {day: work.name}, force=force).due:
        log.info("The verdicts on %s are published already; nothing changed.", day)
        return {**work.manifest(), **work.published_figures(), "batches": [], "reused": True}
    cases = work.ready.cases(work.outputs)
    start = start or LazyEngine(settings.engine, judged_by.adapters)
    cache = work.ready.cache(lake, sorted({row["user_id"] for row in work.outputs}), start)
    verdicts = work.ready.judge(cases, cache, rules, guard, started + settings.judge.time_limit_seconds)
    rows = verdict_rows(work.outputs, cases, verdicts, settings.judge.threshold, judged_by.name)
    data = inputs.rows_of(TABLE, rows, day)
    counts = {
        "sampled_outputs": len(work.outputs),
        "judged_outputs": len(verdicts),
        "flagged_outputs": sum(bool(verdict.flags) for verdict in verdicts),
        "broken_verdicts": broken_rows(data),
    }
    batch, tiers = work.stage(data, counts)
    return {
        **work.manifest(),
        **counts,
        "batches": [batch],
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


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    if arguments.users is not None:
        if arguments.users < 0:
            raise UsageError("--users is the number of users whose tags are judged, or 0 for all.")
        wanted = settings.judge.model_copy(update={"sample_users": arguments.users})
        settings = settings.model_copy(update={"judge": wanted})
    if arguments.dtype:
        engine = settings.engine.model_copy(update={"dtype": arguments.dtype})
        settings = settings.model_copy(update={"engine": engine})
    lake = Lake.open(arguments.lake or settings.lake.uri)
    return judge_sample(lake, arguments.day, settings, judge_named(lake, arguments.judge, settings), arguments.force)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.judge_sample", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="the day whose published intents are judged")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--judge", help="folder or name of a judge's release (default: the setting)")
    parser.add_argument("--users", type=int, help="users drawn by a stable hash, 0 for all (default: the setting)")
    parser.add_argument("--dtype", choices=get_args(NumberType), help="the engine's number type (default: the setting)")
    parser.add_argument("--force", action="store_true", help="judge again even when nothing changed")
    run_command(main, parser)
