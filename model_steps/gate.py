"""Decide whether a candidate may be promoted: ``python -m model_steps.gate --candidate NAME --results PATH``.

Reads results that ``model_steps.evaluate`` kept of candidate and champion, what ``model_steps.judge_candidate`` kept of
the same tags and ``model_steps.judge_candidate_captions`` of captions for them, the record of
``model_steps.check_release``, the judges' records and the ledger of openings; decides by the policy; keeps the evidence
on the lake. Asks no model and opens no holdout. Any verdict ends with exit code 0 and says ``verdict``; a gate that
failed by itself has exit code 69, and its evidence says NO-GO.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.gate import plots
from evaluation.gate.decision import Decision, counts
from evaluation.gate.gating import Case, captions_of, gate
from evaluation.gate.judged import CAPTIONS, Judged, paired
from evaluation.gate.judged_shares import Errors, passing_shares, shares
from evaluation.gate.policy import Policy, parse_policy, policy_text
from evaluation.holdout import frozen_document
from lake.auditing.gate_report import report
from lake.registry import champions, evidence, judges, openings, release_checks, releases, user_results
from lake.registry.champions import Record
from lake.registry.evidence import REPORT, Evidence
from lake.registry.judge_records import Standing
from lake.registry.openings import Opening
from lake.registry.user_results import UserResults
from lake.store.location import Lake
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.judge import shipped
from model_steps.judge.day_figures import known_errors
from model_steps.judge.judge_standing import standing_of
from model_steps.serving.here import here
from runtime.entry import run_command
from runtime.errors import ConfigurationError, GateBroken, SourceMissing
from runtime.fingerprint import code_of
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

MODULE = "model_steps.gate"


def read_case(
    lake: Lake, settings: Settings, policy: Policy, candidate: str, results: str, champion_results: str | None
) -> tuple[Case, Record | None]:
    """All that the gate looks at, and the champion's record.

    Args:
        candidate: name of a release on the lake. results: path of its results on the lake.
        champion_results: path of the champion's; None where there is no champion, or nobody measured it.

    Raises:
        DataError: the release is not there, or something was changed since it was written.
        SourceMissing: the day is not frozen.
    """
    release, _ = releases.read(lake, candidate)
    own = user_results.read(lake, results)
    beside = user_results.read(lake, champion_results) if champion_results else None
    record = champions.current(lake)
    standing = _standing(lake, settings, policy)
    ledger = openings.openings_of(lake, own.header.day)
    measured = [own, *([beside] if beside else [])]
    caption_standing = _caption_standing(lake, settings, policy) if captions_of(policy) else None
    case = Case(
        release=release.name,
        champion_release=record.release if record else None,
        candidate=own,
        champion=beside,
        release_check=release_checks.newest(lake, release.name),
        here=_here(lake, settings, release),
        standing=standing,
        holdout=frozen_document(lake, own.header.day)["digest"],
        ledger=ledger,
        judged=_judged(lake, measured, standing, ledger, policy),
        captions=_captions(lake, settings, measured, caption_standing, ledger, policy),
        caption_standing=caption_standing,
    )
    return case, record


def _judged(
    lake: Lake, measured: Sequence[UserResults], standing: Standing | None, ledger: Sequence[Opening], policy: Policy
) -> Judged:
    """What the judge says of the tags that were measured."""
    headers = [results.header for results in measured]
    kind = user_results.JUDGED
    found = [list(user_results.of_release(lake, each.day, each.release, kind).values()) for each in headers]
    return paired(measured, found, standing, ledger, policy.holdout_openings)


def _captions(
    lake: Lake,
    settings: Settings,
    measured: Sequence[UserResults],
    standing: Standing | None,
    ledger: Sequence[Opening],
    policy: Policy,
) -> Judged:
    """What the judge of captions says of those that both releases write."""
    named = captions_of(policy)
    if not named:
        return Judged(why="The policy does not ask for captions.")
    if not settings.explanations.tags:
        return Judged(
            why="No captions are written here, for INTENTFLOW_EXPLANATIONS__TAGS is 0: set it, or name a policy "
            f"without {named.name}."
        )
    kind = user_results.CAPTIONS
    headers = [results.header for results in measured]
    found = [list(user_results.of_release(lake, each.day, each.release, kind).values()) for each in headers]
    return paired(measured, found, standing, ledger, policy.holdout_openings, CAPTIONS)


def _here(lake: Lake, settings: Settings, release: releases.Release) -> Mapping[str, str] | None:
    """What this lake has, by part; None where it cannot be told, which no candidate passes."""
    try:
        return here(lake, settings, release)
    except (ConfigurationError, SourceMissing) as error:
        log.warning("What this lake has cannot be told: %s", error)
        return None


def _standing(lake: Lake, settings: Settings, policy: Policy) -> Standing | None:
    """The judge's standing as of the newest landed day; None where no judge is named.

    The shipped judge brings its records along, so that a new lake finds them.
    """
    if settings.judge.release is None:
        return None
    judge = shipped.give(lake, settings.judge.release)
    strictest = max(policy.judge_minimum_kappa, settings.judge.minimum_kappa)
    demanded = settings.judge.model_copy(update={"minimum_kappa": strictest})
    return standing_of(lake, judge, demanded, judges.newest_day(lake))


def _caption_standing(lake: Lake, settings: Settings, policy: Policy) -> Standing | None:
    """The same of the judge of captions; None where its folder has none."""
    own = settings.caption_judge
    demanded = own.model_copy(update={"minimum_kappa": max(policy.judge_minimum_kappa, own.minimum_kappa)})
    try:
        ready = ReadyCaptionJudge.of(settings.model_copy(update={"caption_judge": demanded}))
    except SourceMissing as error:
        log.warning("There is no judge of captions: %s", error)
        return None
    return ready.standing(judges.newest_day(lake))


def _errors(lake: Lake, settings: Settings, standing: Standing | None) -> Errors | str:
    """The judge's errors on S, or why they are not known."""
    if settings.judge.release is None or standing is None:
        return "There is no judge."
    return known_errors(lake, shipped.give(lake, settings.judge.release), standing)


def keep(
    lake: Lake, policy: Policy, text: str, case: Case, record: Record | None, decision: Decision, errors: Errors | str
) -> Evidence:
    """Keep all that was decided on; returns the evidence.

    Args:
        text: of the policy's file. errors: of the judge on S, or why they are not known.
    """
    found = Evidence(
        candidate=case.release,
        champion=record.release if record else "",
        record=record.number if record else 0,
        day=case.candidate.header.day,
        verdict=decision.verdict,
        why=decision.why,
        policy=policy.name,
        digests=_digests(policy, case),
        at=champions.now(),
        by=champions.who(),
    )
    said, drawn, judged = decision.as_dict(), plots.drawn(decision.checks), shares(case.judged, errors)
    tagged = _side_by_side(case.judged.candidate, case.judged.champion) if case.judged.candidate else []
    passing, of_captions = passing_shares(case.captions), case.captions
    told = _side_by_side(of_captions.candidate, of_captions.champion) if of_captions.candidate else []
    files = {
        "policy.yaml": text.encode(),
        "decision.json": _json(said),
        "release-check.json": _json(asdict(case.release_check) if case.release_check else {}),
        "judge.json": _json(asdict(case.standing) if case.standing else {}),
        "openings.json": _json({"openings": [vars(opening) for opening in case.ledger]}),
        **{f"{who}.parquet": results.parquet() for who, results in _results(case).items()},
        "tiers.json": _json({"why not": case.judged.why, **judged}),
        **(_of_captions(case, passing) if captions_of(policy) else {}),
        **drawn,
        REPORT: report(
            found, said, drawn, _side_by_side(case.candidate, case.champion), text, judged, tagged, passing, told
        ),
    }
    return evidence.put(lake, found, files)


def _of_captions(case: Case, passing: Mapping[str, Any]) -> dict[str, bytes]:
    """What the judge of captions said, and its standing."""
    return {
        "caption-judge.json": _json(asdict(case.caption_standing) if case.caption_standing else {}),
        "captions.json": _json({"why not": case.captions.why, **passing}),
    }


def _results(case: Case) -> dict[str, UserResults]:
    """All results that were decided on, by the names of their files."""
    named = {
        "candidate": case.candidate,
        "champion": case.champion,
        "candidate-judged": case.judged.candidate,
        "champion-judged": case.judged.champion,
        "candidate-captions": case.captions.candidate,
        "champion-captions": case.captions.champion,
    }
    return {name: results for name, results in named.items() if results is not None}


def _digests(policy: Policy, case: Case) -> dict[str, Any]:
    results = _results(case)
    return {
        "policy": policy.digest,
        "code": code_of(MODULE).digest,
        "holdout": case.holdout,
        "here": dict(case.here or {}),
        "judge": asdict(case.standing) if case.standing else {},
        **({"caption judge": asdict(case.caption_standing)} if case.caption_standing else {}),
        "release check": case.release_check.name if case.release_check else "",
        **{f"results of the {who}": of.name for who, of in results.items()},
        **{f"{who} made with": dict(of.header.made_with) for who, of in results.items()},
        **{f"{who} judged with": dict(of.header.asked) for who, of in results.items() if "-" in who},
    }


def _side_by_side(candidate: UserResults, champion: UserResults | None) -> list[dict[str, Any]]:
    beside = champion.header.samples if champion else {}
    return [
        {"user": user, "candidate": list(said), "champion": list(beside.get(user, ()))}
        for user, said in sorted(candidate.header.samples.items())
    ]


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False).encode()


def run_gate(
    lake: Lake, settings: Settings, place: Path, candidate: str, results: str, champion_results: str | None
) -> dict[str, Any]:
    """Decide, keep the evidence, and return the manifest.

    Args:
        place: the policy's file; others as ``read_case``.

    Raises:
        ConfigurationError: the policy is refused.
        GateBroken: the gate failed by itself somewhere; the evidence is kept, and says so.
        Others as ``read_case``.
    """
    text = policy_text(place)
    policy = parse_policy(text, str(place))
    case, record = read_case(lake, settings, policy, candidate, results, champion_results)
    decision = gate(policy, case)
    kept = keep(lake, policy, text, case, record, decision, _errors(lake, settings, case.standing))
    for sentence in decision.why:
        log.info("%s: %s", decision.verdict, sentence)
    if decision.broken:
        raise GateBroken(f"The gate failed by itself, see the evidence {kept.name}: {decision.why[1]}")
    return {
        "verdict": decision.verdict,
        "why": list(decision.why),
        "evidence": kept.name,
        "report": f"{evidence.FOLDER}/{kept.name}/{REPORT}",
        "policy": policy.name,
        "candidate": case.release,
        "champion": case.champion_release,
        "checks": counts(decision),
        "judged": case.judged.why or "yes",
        "captions_judged": case.captions.why or "yes",
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    return run_gate(
        Lake.open(arguments.lake or settings.lake.uri),
        settings,
        arguments.policy or settings.gate.policy,
        arguments.candidate,
        arguments.results,
        arguments.champion_results,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.gate", description=__doc__)
    parser.add_argument("--candidate", required=True, help="name of a release on the lake")
    parser.add_argument("--results", required=True, help="path of its results, as the manifest of evaluate says")
    parser.add_argument("--champion-results", help="path of the champion's results")
    parser.add_argument("--policy", type=Path, help="the policy's file (default: the setting)")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
