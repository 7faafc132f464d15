"""Judge the captions of a release before its gate: ``python -m model_steps.judge_candidate_captions --release NAME``.

Takes the tags that ``model_steps.evaluate`` asked of the release on the evaluation day (``--day D``), which are kept,
has the release write captions for items of the best of some users' tags, as a day would have them, and the judge of
captions look at each. Users are drawn by a stable hash, so of candidate and champion the same. Of each user it keeps
for how many items a caption passes all seven dimensions, where ``model_steps.gate`` finds it.

Captions are kept by what was asked: a killed run asks nothing twice, and where two releases write with the same model
about the same items the second asks nothing. No outcome is looked at. A judge without standing, and a shop that writes
no captions, cost nothing: nothing is written then, and the gate says why.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.corrected_share import Proportion, wilson
from evaluation.freeze import refuse_other_days
from evaluation.gate.judged import RECORD
from evaluation.holdout import frozen_document
from lake.registry import judges, releases
from lake.registry.evaluation_file import read_rule
from lake.registry.judge_records import Standing
from lake.registry.releases import DOCUMENT
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps import infer
from model_steps.caption_judge.answers import answers_for
from model_steps.caption_judge.day_cases import day_cases, read_lexicon
from model_steps.caption_judge.decides import decides
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.caption_judge.rows import verdict_rows
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.evaluating import judged_captions, judged_tags
from model_steps.evaluating.work_lake import ANSWERS, copy_inputs
from model_steps.explaining.explained_shard import Day, ExplainedShard, explain_shard
from model_steps.inferring.agents import Agents
from model_steps.inferring.work import Work
from model_steps.judge_candidate import Candidate
from model_steps.serving.sides import served_by
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, UsageError
from runtime.fingerprint import code_of, digest
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

MODULE = "model_steps.judge_candidate_captions"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Written:
    """Captions that a release wrote, or had kept.

    Args:
        users: for whom, sorted. tags: rows of ``intents`` of theirs. explained: rows of ``explanations``, and items
            without a caption. calls, cached: captions and styles that the model was asked for, and that were kept.
        seconds_engine: that the engine's start took.
    """

    users: Sequence[str]
    tags: Sequence[Row]
    explained: ExplainedShard
    calls: int
    cached: int
    seconds_engine: float


def write(
    candidate: Candidate, settings: Settings, users: Sequence[str], tags: Sequence[Row], start: StartsModel | None
) -> Written:
    """Have a release write captions for some users' best tags.

    Args:
        tags: rows of ``intents`` that the release was measured with. start: gives its model.

    Raises:
        SourceMissing: there is no catalog. InfrastructureError: the engine failed; answers so far are kept.
    """
    wanted = set(users)
    own = [row for row in tags if row["user_id"] in wanted]
    copy_inputs(candidate.lake, candidate.work, candidate.day, users)
    # The tags are there: of inference's settings those of a day will do.
    work = Work.of(infer.STEP, candidate.work, candidate.day, "1/1", settings, 0, candidate.release)
    start = start or LazyEngine(work.settings.engine, work.adapters)
    agents = Agents(work, start)
    serves = served_by(work.release.name, None)
    # The catalog is read where it is; the lake of the answers has none.
    day = Day(candidate.lake, candidate.day, work.settings, work.embedder, work.release.name, serves, agents.capacity)
    explained = explain_shard(day, agents.cache, agents.chat, start, own)
    counts = agents.cache.counts
    return Written(users, own, explained, counts.total("calls"), counts.total("cached_answers"), start.seconds)


def judge_candidate_captions(
    candidate: Candidate,
    settings: Settings,
    rule: SplitRule,
    start: StartsModel | None = None,
    start_judge: StartsModel | None = None,
) -> dict[str, Any]:
    """Judge a release's captions and keep the verdicts; returns the manifest.

    Args:
        rule: who is held out. start: gives the release's model, start_judge: the judge's, where it asks one (default:
            the engine of the settings, started when the first answer is missing).

    Raises:
        UsageError: the day is no evaluation day, or the release was measured with other settings.
        SourceMissing: it was not evaluated, or its answers are not kept; there is no catalog, or no judge.
        DataError: something was changed since it was written, or the kept tags are not those that were measured.
        InfrastructureError: the engine failed; answers so far are kept.
    """
    began = time.monotonic()
    lake, day = candidate.lake, candidate.day
    refuse_other_days(rule, day)
    ready = ReadyCaptionJudge.of(settings)
    # As of the day that the gate asks for, so that both see one record.
    standing = ready.standing(judges.newest_day(lake))
    by = {"judge": ready.judged_by.name, "standing": standing.state, "record": standing.record}
    told = {"day": day, "release": candidate.release, **by}
    why = ""
    if not settings.explanations.tags:
        why = "no captions are written here, for INTENTFLOW_EXPLANATIONS__TAGS is 0"
    elif standing.state != "valid":
        why = f"the judge of captions has no standing ({standing.state}). {standing.reason}"
    if why:
        log.warning("The captions of %s are not judged: %s", candidate.release, why)
        return {**told, "judged": False, "why": why}
    measured = judged_tags.evaluated(lake, candidate.release, day, candidate.path, settings)
    if measured.header.holdout != frozen_document(lake, day)["digest"]:
        raise DataError(f"This lake has other outcomes of {day} frozen than {candidate.release} was measured on.")
    tags = candidate.asked_tags(measured, settings)
    users = judged_tags.chosen(measured, candidate.users, settings.judge.seed)
    written = write(candidate, settings, users, tags, start)
    rows = judged(candidate, ready, settings, written, start_judge)
    counts = judged_captions.counts_of(rows, [one.pair.context.user_id for one in written.explained.explained.dropped])
    asked = asked_of(users, ready, standing, settings)
    path, _ = judged_captions.keep(lake, measured, asked, {"measured": measured.name}, rows, counts)
    items = sum(of for _, of in counts.values())
    return {
        **told,
        "judged": True,
        "results": path,
        "users_drawn": len(users),
        "users": len(counts),
        "items": items,
        "captions": len(rows),
        "passing": wilson(Proportion(sum(found for found, _ in counts.values()), items)).as_dict(),
        "model_calls": written.calls,
        "cached_answers": written.cached,
        "seconds_engine_start": round(written.seconds_engine, 3),
        "seconds_writing": written.explained.seconds,
        "seconds": round(time.monotonic() - began, 3),
    }


def judged(
    candidate: Candidate,
    ready: ReadyCaptionJudge,
    settings: Settings,
    written: Written,
    start: StartsModel | None = None,
) -> list[dict[str, Any]]:
    """The verdicts on captions, as rows of ``caption_verdicts``."""
    lake, day = candidate.lake, candidate.day
    cases = day_cases(lake, day, written.explained.explained.rows, written.tags)
    cache = answers_for(ready, candidate.work, written.users, day, partial(start or LazyEngine(settings.engine), None))
    judge = ready.judge(read_lexicon(lake), cache.ask, cache.begin_chunk, cache.end_chunk)
    found = judge.verdicts(cases)
    rows: list[dict[str, Any]] = verdict_rows(
        cases, found, ready.judged_by.name, settings.caption_judge.threshold
    ).to_pylist()
    return rows


def asked_of(users: Sequence[str], ready: ReadyCaptionJudge, standing: Standing, settings: Settings) -> dict[str, Any]:
    """What two releases' verdicts must share to be compared."""
    return {
        "users": digest(list(users)),
        "captions": settings.explanations.model_dump(mode="json"),
        "judge": ready.judged_by.name,
        RECORD: standing.record,
        "decides": decides(settings.caption_judge, settings.explanations),
        "number type": settings.engine.dtype,
        "code": code_of(MODULE).digest,
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    users = settings.gate.captioned_users if arguments.users is None else arguments.users
    if users < 0:
        raise UsageError("--users is the number of users who get captions, or 0 for all that were evaluated.")
    lake = Lake.open(arguments.lake or settings.lake.uri)
    folder = Path(arguments.release)
    candidate = Candidate(
        lake=lake,
        work=Lake.open(arguments.work or f"{lake.root}/{ANSWERS}"),
        release=releases.load(folder)[0].name if (folder / DOCUMENT).is_file() else arguments.release,
        day=arguments.day,
        path=arguments.results,
        users=users,
        tags=settings.explanations.tags,
    )
    return judge_candidate_captions(candidate, settings, read_rule(settings.source))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.judge_candidate_captions", description=__doc__)
    parser.add_argument("--release", required=True, help="name or folder of a release that was evaluated")
    parser.add_argument("--day", type=day_argument, required=True, help="the evaluation day")
    parser.add_argument("--results", help="path of its results, as the manifest of evaluate says (default: found)")
    parser.add_argument("--users", type=int, help="users who get captions, 0 for all (default: the setting)")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--work", help="lake that evaluate kept the answers in (default: _evaluation below the lake)")
    run_command(main, parser)
