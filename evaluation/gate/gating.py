"""A whole gate: from a policy and what was found to the decision. Fails closed: what breaks here is a broken check."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from evaluation.gate import conditions
from evaluation.gate.checks import ERROR, Check, broken, check, missing, wanted
from evaluation.gate.decision import Decision, decide
from evaluation.gate.judged import PASSING, TIERS, Judged
from evaluation.gate.measured import Cell, Measured, cells_of, has_floor, measure, stacked
from evaluation.gate.policy import Metric, Policy
from evaluation.gate.user_figures import UserFigures
from lake.registry.judge_records import Standing
from lake.registry.openings import Opening
from lake.registry.release_checks import ReleaseCheck
from lake.registry.user_results import UserResults

log = logging.getLogger("intentflow")


@dataclass(frozen=True)
class Case:
    """All that a gate looks at.

    Args:
        release: the candidate's name. champion_release: who is champion on the lake; None where nobody is.
        candidate, champion: their results; the champion's None where it was not measured.
        release_check: of the candidate. here: digests of what this lake has, by part.
        standing: of the judge.
        holdout: digest of what this lake has frozen for the candidate's day.
        ledger: openings of the candidate's day.
        judged: what the judge says of the tags of both.
        captions: what the judge of captions says of those of both. caption_standing: of that judge.
    """

    release: str
    champion_release: str | None
    candidate: UserResults
    champion: UserResults | None
    release_check: ReleaseCheck | None
    here: Mapping[str, str] | None
    standing: Standing | None
    holdout: str
    ledger: Sequence[Opening]
    judged: Judged = field(default_factory=Judged)
    captions: Judged = field(default_factory=lambda: Judged(why="No captions were judged."))
    caption_standing: Standing | None = None


def gate(policy: Policy, case: Case) -> Decision:
    """Decide on a candidate."""
    checks = conditions_of(policy, case)
    has_champion = case.champion_release is not None
    comparable = next(each for each in checks if each.name == conditions.ITEMS).state == "PASS"
    return decide(policy, [*checks, *_figures(policy, case, has_champion, comparable)], has_champion)


def conditions_of(policy: Policy, case: Case) -> list[Check]:
    """The conditions of the decision that are no figures."""
    header = case.candidate.header
    beside = case.champion.header if case.champion else None
    made: dict[str, Callable[[], Check]] = {
        conditions.RELEASE: lambda: conditions.release_condition(
            policy.release, case.release, case.release_check, case.here
        ),
        conditions.JUDGE: lambda: conditions.judge_condition(case.standing),
        conditions.HOLDOUT: lambda: conditions.holdout_condition(
            policy.holdout_openings, header.day, header.opening, case.ledger
        ),
        conditions.ITEMS: lambda: conditions.items_condition(
            header, beside, case.release, case.champion_release, case.holdout
        ),
        conditions.OUTPUTS: lambda: conditions.outputs_condition(header, beside),
    }
    if named := captions_of(policy):
        tier = named.tier
        made[conditions.CAPTION_JUDGE] = lambda: conditions.caption_judge_condition(case.caption_standing, tier)
    return [_or_broken(name, make) for name, make in made.items()]


def captions_of(policy: Policy) -> Metric | None:
    """The policy's figure of captions; none where it has none."""
    return next((metric for metric in policy.metrics if metric.name == PASSING), None)


def _or_broken(name: str, make: Callable[[], Check]) -> Check:
    try:
        return make()
    except Exception as error:  # Whatever it is, nobody passes a gate that failed.
        log.exception("The gate failed at %s", name)
        return conditions.condition(name, ERROR, f"The gate itself failed here: {type(error).__name__}: {error}")


def _figures(policy: Policy, case: Case, has_champion: bool, comparable: bool) -> list[Check]:
    """The checks of figures."""
    cells = cells_of(policy)
    asked = wanted(policy, cells, has_champion)
    try:
        said = (case.judged.rows(), case.captions.rows())
        candidate = _read(case.candidate, [rows["candidate"] for rows in said if "candidate" in rows])
        beside = case.champion if has_champion and comparable else None
        champion = _read(beside, [rows["champion"] for rows in said if "champion" in rows]) if beside else None
        if champion is not None and champion.users != candidate.users:
            raise ValueError("candidate and champion have results of other users")
    except Exception as error:
        log.exception("The gate failed at reading results")
        return [broken(cell, kind, error) for cell, kind in asked]
    there = [cell for cell in cells if _has(cell, candidate) and (champion is None or _has(cell, champion))]
    try:
        tables = stacked(there, candidate, champion)
        found = measure(tables, policy.seed, policy.resamples, [has_floor(cell) for cell in there])
    except Exception as error:
        log.exception("The gate failed at drawing users")
        return [broken(cell, kind, error) for cell, kind in asked]
    measured = dict(zip([cell.name for cell in there], found, strict=True))
    absent = {**dict.fromkeys(TIERS, case.judged.why), PASSING: case.captions.why}
    return checks_of(policy, has_champion, measured, comparable, absent)


def _read(results: UserResults, judged: Sequence[pa.Table]) -> UserFigures:
    """Figures of one release, with the judges'."""
    return UserFigures.of_rows(pa.concat_tables([results.rows, *judged]))


def checks_of(
    policy: Policy,
    has_champion: bool,
    measured: Mapping[str, Measured],
    comparable: bool = True,
    absent: Mapping[str, str] | None = None,
) -> list[Check]:
    """All checks of figures that a policy asks for; a cell without figures is a missing check.

    Args:
        measured: by name of the cell. comparable: whether the champion's figures are of the same items.
        absent: why figures are not there, by name of the metric.
    """
    checks = []
    for cell, kind in wanted(policy, cells_of(policy), has_champion):
        if cell.name not in measured:
            why = (absent or {}).get(cell.metric.name)
            checks.append(missing(cell, kind, why or "It was not measured in both releases."))
        elif kind != "floor" and not comparable:
            checks.append(missing(cell, kind, "There is no champion's figure for the same items."))
        else:
            try:
                checks.append(check(policy, cell, kind, measured[cell.name]))
            except Exception as error:
                log.exception("The gate failed at %s", cell.name)
                checks.append(broken(cell, kind, error))
    return checks


def _has(cell: Cell, figures: UserFigures) -> bool:
    return figures.has(cell.metric, cell.part)
