"""Judge the tags of a release before its gate: ``python -m model_steps.judge_candidate --release NAME --day D``.

Takes the tags that ``model_steps.evaluate`` asked of the release for held-out users of the day, and asks the release
nothing: all its answers are kept. The first tags of some users, drawn by a stable hash, so of candidate and champion
the same, are judged by the judge in good standing; of each user it keeps how many are S and how many B, where
``model_steps.gate`` finds them. Run it for the candidate and for the champion, after both were evaluated.

A tag is S or B by findings of four dimensions. Three are declared rules and cost nothing; relevance is asked of the
judge's model, about four tags a second on two cores, and its answers are kept: a killed run asks nothing twice. Where
INTENTFLOW_JUDGE__RULES names all four, no engine is started. A judge without standing judges nothing and leaves well,
and the gate says why: no setting lets it judge a candidate.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.freeze import refuse_other_days
from evaluation.gate.judged import RECORD, Judged
from evaluation.gate.judged_shares import shares
from evaluation.holdout import frozen_document
from lake.delta import tables
from lake.delta.staging import Batch
from lake.registry import judges, releases
from lake.registry.evaluation_file import read_rule
from lake.registry.judge_records import Standing
from lake.registry.releases import DOCUMENT
from lake.registry.splits import SplitRule
from lake.registry.user_results import UserResults
from lake.store.location import Lake
from model_steps.embedding.slots import EntitySlots
from model_steps.engine.asking import Model
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.evaluating import judged_tags, results
from model_steps.evaluating.inferred import as_asked
from model_steps.evaluating.work_lake import ANSWERS, copy_inputs, publish_unaudited
from model_steps.infer import infer
from model_steps.judge.day_figures import known_errors
from model_steps.judge.decides import decides
from model_steps.judge.judge_release import Judge
from model_steps.judge.judge_standing import standing_of
from model_steps.judge.ready import ReadyJudge, judge_named
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas import intents
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

MODULE = "model_steps.judge_candidate"


class Kept:
    """In place of an engine: what an evaluation asked is asked of nobody again."""

    seconds = 0.0

    def __init__(self, release: str, day: str) -> None:
        self._release, self._day = release, day

    def __call__(self, slots: EntitySlots | None) -> Model:
        raise SourceMissing(
            f"Not all that {self._release} was asked for its evaluation on {self._day} is kept: it was evaluated with "
            f"other code, on other contexts, or in another place. Run `python -m model_steps.evaluate --release "
            f"{self._release} --day {self._day}` again."
        )


@dataclass(frozen=True)
class Candidate:
    """A release whose tags are judged, and how many of them.

    Args:
        lake: has what was measured, and gets the verdicts. work: the lake that the release's answers are kept in, and
            the judge's.
        release: its name. day: the evaluation day.
        path: of what was measured; none: what was measured with these settings.
        users: whose tags, 0 for all. tags: of each, from the first.
    """

    lake: Lake
    work: Lake
    release: str
    day: str
    path: str | None
    users: int
    tags: int

    def asked_tags(self, measured: UserResults, settings: Settings) -> list[judged_tags.Row]:
        """The tags that the release was measured with, of all users: rows of ``intents``.

        Raises:
            SourceMissing: an answer is not kept. DataError: the tags are others.
        """
        users = sorted(set(measured.rows["user_id"].to_pylist()))
        releases.install(self.work, *releases.read(self.lake, self.release))
        copy_inputs(self.lake, self.work, self.day, users)
        kept = Kept(self.release, self.day)
        manifest = infer(self.work, self.day, "1/1", as_asked(settings), 0, release=self.release, start=kept)
        publish_unaudited(self.work, [Batch.load(self.work, path) for path in manifest["batches"]])
        tags: list[judged_tags.Row] = tables.read(self.work, intents.TABLE, self.day).to_pylist()
        judged_tags.refuse_other_tags(self.lake, measured, users, tags)
        return tags


def judge_candidate(
    candidate: Candidate, settings: Settings, rule: SplitRule, judged_by: Judge, start: StartsModel | None = None
) -> dict[str, Any]:
    """Judge a release's first tags and keep the verdicts; returns the manifest.

    Args:
        rule: who is held out.
        start: gives the judge's model (default: the engine of the settings, started when the first answer is missing).

    Raises:
        UsageError: the day is no evaluation day, or the release was measured with other settings.
        SourceMissing: it was not evaluated, or its answers are not kept.
        DataError: something was changed since it was written, or the kept tags are not those that were measured.
        InfrastructureError: the engine failed; answers so far are kept.
    """
    began = time.monotonic()
    lake, day = candidate.lake, candidate.day
    refuse_other_days(rule, day)
    # As of the day that the gate asks for, so that both see one record.
    standing = standing_of(lake, judged_by.name, settings.judge, judges.newest_day(lake))
    judged_by = replace(judged_by, standing=standing.state)
    told = {"day": day, "release": candidate.release, **judged_by.manifest(), "record": standing.record}
    if standing.state != "valid":
        why = f"the judge has no standing ({standing.state}). {standing.reason}"
        log.warning("The tags of %s are not judged: %s", candidate.release, why)
        return {**told, "judged": False, "why": why}
    measured = judged_tags.evaluated(lake, candidate.release, day, candidate.path, settings)
    if measured.header.holdout != frozen_document(lake, day)["digest"]:
        raise DataError(f"This lake has other outcomes of {day} frozen than {candidate.release} was measured on.")
    tags = candidate.asked_tags(measured, settings)
    users = judged_tags.chosen(measured, candidate.users, settings.judge.seed)
    outputs = judged_tags.first_tags(tags, users, candidate.tags)
    asked = asked_of(users, candidate.tags, judged_by, standing, settings)
    look = judged_tags.look_of(measured, asked, len(users), candidate.tags)
    opening = results.enter(lake, look, settings.source)
    ready = ReadyJudge.of(lake, day, as_asked(settings), judged_by)
    cases = ready.cases(outputs)
    start = start or LazyEngine(settings.engine, judged_by.adapters)
    cache = ready.cache(candidate.work, users, start)
    tiers = [verdict.tier for verdict in ready.judge(cases, cache)]
    made_with = {"measured": measured.name, "judge's adapters": judged_by.manifest()["adapters"]}
    path, kept = judged_tags.keep(lake, measured, opening.digest, asked, made_with, outputs, tiers)
    return {
        **told,
        "judged": True,
        "results": path,
        "opening": {"number": opening.number, "digest": opening.digest},
        "users_drawn": len(users),
        **shares(Judged(kept, why=""), known_errors(lake, judged_by.name, standing))["candidate"],
        "model_calls": cache.counts.total("calls"),
        "cached_answers": cache.counts.total("cached_answers"),
        "roles": cache.counts.as_dict(),
        "seconds_engine_start": round(start.seconds, 3),
        "seconds": round(time.monotonic() - began, 3),
    }


def asked_of(
    users: Sequence[str], tags: int, judged_by: Judge, standing: Standing, settings: Settings
) -> dict[str, Any]:
    """What two releases' verdicts must share to be compared."""
    return {
        "users": digest(list(users)),
        "tags": tags,
        "judge": judged_by.name,
        RECORD: standing.record,
        "decides": decides(settings.judge, judged_by.name),
        "number type": settings.engine.dtype,
        "code": results.code_without_captions(MODULE).digest,
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    users = settings.gate.judged_users if arguments.users is None else arguments.users
    if users < 0:
        raise UsageError("--users is the number of users whose tags are judged, or 0 for all that were evaluated.")
    lake = Lake.open(arguments.lake or settings.lake.uri)
    folder = Path(arguments.release)
    candidate = Candidate(
        lake=lake,
        work=Lake.open(arguments.work or f"{lake.root}/{ANSWERS}"),
        release=releases.load(folder)[0].name if (folder / DOCUMENT).is_file() else arguments.release,
        day=arguments.day,
        path=arguments.results,
        users=users,
        tags=settings.gate.judged_tags,
    )
    return judge_candidate(
        candidate, settings, read_rule(settings.source), judge_named(lake, arguments.judge, settings)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.judge_candidate", description=__doc__)
    parser.add_argument("--release", required=True, help="name or folder of a release that was evaluated")
    parser.add_argument("--day", type=day_argument, required=True, help="the evaluation day")
    parser.add_argument("--results", help="path of its results, as the manifest of evaluate says (default: found)")
    parser.add_argument("--judge", help="folder or name of a judge's release (default: the setting)")
    parser.add_argument("--users", type=int, help="users whose tags are judged, 0 for all (default: the setting)")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--work", help="lake that evaluate kept the answers in (default: _evaluation below the lake)")
    run_command(main, parser)
