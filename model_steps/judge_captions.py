"""Judge the captions of a day's sample of users: ``python -m model_steps.judge_captions --day D``.

The users are those whose tags ``model_steps.judge_sample`` judges. Judged are the published captions: so a judge holds
no day back, and a later verdict is one more commit. The shipped judge asks nobody, and starts no engine; one that
asks the model has its answers kept. A judge without standing judges nothing and leaves well, and says why.
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
from lake.registry import judged_captions
from lake.registry.judge_records import Standing
from lake.registry.judged_captions import JUDGED_FROM, NO_CAPTIONS
from lake.store.location import Lake
from model_steps.caption_judge import day_figures
from model_steps.caption_judge.answers import answers_for
from model_steps.caption_judge.day_cases import day_cases, read_lexicon
from model_steps.caption_judge.decides import decides
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.caption_judge.rows import verdict_rows
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.engine.vllm_engine import engine_name
from model_steps.judge.verdicts import Row, sample
from runtime.entry import day_argument, run_command
from runtime.errors import SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas import explanations, intents, items
from schemas.caption_verdicts import TABLE, broken_rows, strange_rows
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

STEP = Step("judge_captions", __file__, (TABLE,))


@dataclass(frozen=True)
class Work:
    """A day's judging of captions: of what, by whom, under which name.

    Args:
        captions: rows of ``explanations`` that are judged. tags: rows of ``intents`` of the sampled users.
        contents: digest of what the day's verdicts are of, as in ``JudgedCaptions``.
        name: the fingerprint.
    """

    lake: Lake
    day: str
    settings: Settings
    ready: ReadyCaptionJudge
    standing: Standing
    captions: Sequence[Row]
    tags: Sequence[Row]
    contents: str
    name: str

    @classmethod
    def of(cls, lake: Lake, day: str, settings: Settings, ready: ReadyCaptionJudge, standing: Standing) -> Work | None:
        """Read what the work depends on; None where the day has no captions.

        Raises:
            SourceMissing: something of the day is not published.
        """
        digests = {table.name: tables.partition_digest(lake, table, day) for table in JUDGED_FROM}
        published = tables.read(lake, explanations.TABLE, day).to_pylist() if digests[explanations.TABLE.name] else []
        if not published:
            return None
        for table, found in digests.items():
            if found is None:
                raise SourceMissing(f"The table {table} has no day {day} in {lake.root}: publish it first.")
        rows = tables.read(lake, intents.TABLE, day).to_pylist()
        drawn = sample(rows, day, settings.judge.sample_users, settings.judge.seed)
        users = {row["user_id"] for row in drawn}
        captions = sorted(
            (row for row in published if row["user_id"] in users),
            key=lambda row: (row["user_id"], row["rank"], row["item_id"]),
        )
        name = STEP.work(
            {
                **digests,
                "items": tables.partition_digest(lake, items.TABLE),
                "captions": digest([[row["user_id"], row["item_id"]] for row in captions]),
                "judge": ready.judged_by.name,
                "standing": standing.state,
                "record": standing.record,
            },
            {
                "day": day,
                # Of a judge that asks nothing the engine is no matter.
                "engine": engine_name(settings.engine) if ready.judged_by.asked else "",
                "decides": decides(settings.caption_judge, settings.explanations),
            },
        )
        return cls(
            lake, day, settings, ready, standing, captions, drawn, judged_captions.contents_digest(digests), name
        )

    def manifest(self) -> dict[str, Any]:
        """What every manifest of this work begins with."""
        return {"fingerprint": self.name, **_beginning(self.day, self.ready, self.standing), "judged": True}

    def judge(self, start: StartsModel) -> pa.Table:
        """The verdicts, as rows.

        Raises:
            InfrastructureError: the engine failed; answers so far are kept.
        """
        cases = day_cases(self.lake, self.day, self.captions, self.tags)
        users = sorted({row["user_id"] for row in self.captions})
        cache = answers_for(self.ready, self.lake, users, self.day, partial(start, None))
        judge = self.ready.judge(read_lexicon(self.lake), cache.ask, cache.begin_chunk, cache.end_chunk)
        threshold = self.settings.caption_judge.threshold
        return verdict_rows(cases, judge.verdicts(cases), self.ready.judged_by.name, threshold)

    def stage(self, data: pa.Table, counts: Mapping[str, int]) -> tuple[str, dict[str, Any]]:
        """Stage the verdicts; returns the batch's path and the figures of the manifest."""
        partition = {"day": self.day}
        file = stage(self.lake, TABLE, data, fingerprint=self.name, partition=partition)
        # Before the batch: whoever audits and publishes it finds the note.
        told = self.note(file.path, data.to_pylist())
        batch = Batch(TABLE.name, STEP.name, (StagedPartition(partition, self.name, (file,), counts),))
        return batch.save(self.lake), told

    def published_figures(self) -> dict[str, Any]:
        """Figures of the verdicts that are published; the note on them is left anew."""
        (file,) = tables.live_files(tables.open_table(self.lake, TABLE), TABLE, {"day": self.day})
        (name,) = file.names
        return self.note(name, tables.read(self.lake, TABLE, self.day).to_pylist())

    def note(self, file: str, rows: Sequence[Row]) -> dict[str, Any]:
        """Leave the note on a file of verdicts, and say in the log what is unusual; returns the manifest's figures."""
        record = self.ready.record
        found = day_figures.judged_captions(
            rows,
            self.contents,
            self.ready.judged_by.name,
            self.standing,
            record.not_calibrated if record else (),
            self.settings.caption_judge.passing_band,
        )
        judged_captions.put(self.lake, self.day, file, found)
        for sentence in found.alarms:
            log.warning("%s", sentence)
        return day_figures.manifest_figures(found)


def _beginning(day: str, ready: ReadyCaptionJudge, standing: Standing) -> dict[str, Any]:
    """What every manifest of this command begins with: the day, and by whom it is judged."""
    return {"day": day, "judge": ready.judged_by.name, "standing": standing.state, "record": standing.record}


def judge_captions(
    lake: Lake, day: str, settings: Settings, force: bool = False, start: StartsModel | None = None
) -> dict[str, Any]:
    """Judge the captions of a day's sample and stage the verdicts; returns the manifest.

    A judge without standing does not judge, and a day without captions has nothing to judge: the manifest then says
    ``judged: false``, and why.

    Args:
        force: also when nothing changed.
        start: gives the model (default: the engine of the settings, started when the first answer is missing).

    Raises:
        SourceMissing: something of the day is not published, or there is no judge in the settings' folder.
        DataError: the judge or its record was changed.
        InfrastructureError: the engine failed; answers so far are kept.
    """
    began = time.monotonic()
    ready = ReadyCaptionJudge.of(settings)
    standing = ready.standing(day)
    unjudged = {**_beginning(day, ready, standing), "judged": False, "batches": [], "reused": False}
    if standing.state != "valid":
        why = f"the judge of captions has no standing ({standing.state}). {standing.reason}"
        log.warning("No caption of %s is judged: %s", day, why)
        return {**unjudged, "why": why}
    work = Work.of(lake, day, settings, ready, standing)
    if work is None:
        log.info("%s has no captions to judge.", day)
        return {**unjudged, "why": NO_CAPTIONS}
    if not plan(lake, STEP, {day: work.name}, force=force).due:
        log.info("The verdicts on captions of %s are published already; nothing changed.", day)
        return {**work.manifest(), **work.published_figures(), "batches": [], "reused": True}
    data = work.judge(start or LazyEngine(settings.engine))
    counts = {
        "sampled_captions": len(work.captions),
        "judged_captions": data.num_rows,
        "broken_verdicts": broken_rows(data),
        "verdicts_without_caption": strange_rows(data, tables.read(lake, explanations.TABLE, day)),
    }
    batch, told = work.stage(data, counts)
    return {
        **work.manifest(),
        **counts,
        "batches": [batch],
        "reused": False,
        "users_sampled": len({row["user_id"] for row in work.tags}),
        **told,
        "seconds_judging": round(time.monotonic() - began, 3),
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    if arguments.users is not None:
        if arguments.users < 0:
            raise UsageError("--users is the number of users whose captions are judged, or 0 for all.")
        wanted = settings.judge.model_copy(update={"sample_users": arguments.users})
        settings = settings.model_copy(update={"judge": wanted})
    return judge_captions(Lake.open(arguments.lake or settings.lake.uri), arguments.day, settings, arguments.force)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.judge_captions", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="the day whose published captions are judged")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--users", type=int, help="users drawn by a stable hash, 0 for all (default: the setting)")
    parser.add_argument("--force", action="store_true", help="judge again even when nothing changed")
    run_command(main, parser)
