"""How the judges did on one set of examined outputs: what the record keeps, as JSON-like values. Pure functions.

Intervals are of draws of users (``evaluation.cluster_bootstrap``), the same draws for all judges of a set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.agreement import Agreement, agreement, paired_agreement
from evaluation.bootstrap import RESAMPLES, Interval
from evaluation.confidence import Calibration, calibration
from model_steps.judge.case import KIND
from model_steps.judge.exam.examined import Examined
from model_steps.judge.exam.examiners import AGENT, LOOKUP, MODELS, REGRESSION
from model_steps.judge.reviewer import Verdict
from schemas.judge_labels import DIMENSIONS, FINDINGS, TIERS

Figures = dict[str, Any]
# By judge, its verdicts on the examined outputs, in their order.
Said = Mapping[str, Sequence[Verdict]]
SUPERIOR, POSITIVE = "S", "positive"
HEADLINES = ("f1_superior", "accuracy", "kappa")


def plain(interval: Interval) -> Figures:
    """value, low and high; None where they are not known."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def headlines(examined: Sequence[Examined], said: Said, seed: int = 0, resamples: int = RESAMPLES) -> Figures:
    """Each of ``HEADLINES`` by judge, and how many outputs and users that is of."""
    found = _agreements(examined, said, seed, resamples)
    return _headlines(examined, found)


def figures(examined: Sequence[Examined], said: Said, seed: int = 0, resamples: int = RESAMPLES) -> Figures:
    """All figures of a set.

    Returns:
        ``HEADLINES`` by judge, with ``outputs`` and ``users``; ``base_rates`` of the tiers; ``tiers``: each judge's
        confusion (rows: labels, columns: judge, in the order of TIERS) and rates; ``paired``: the tuned agent less each
        rival; ``calibration`` of the models' confidences; ``dimensions``: by dimension, each judge that has findings.
    """
    found = _agreements(examined, said, seed, resamples)
    reference, users = _tiers(examined), [one.user_id for one in examined]
    rivals = [name for name in said if name != AGENT]
    return {
        **_headlines(examined, found),
        "base_rates": _base_rates(next(iter(found.values()))),
        "tiers": {name: _rates(one) for name, one in found.items()},
        "paired": {
            name: {
                figure: plain(difference)
                for figure, difference in paired_agreement(
                    reference, given(said[AGENT]), given(said[name]), users, TIERS, SUPERIOR, seed, resamples
                ).items()
                if "/" not in figure
            }
            for name in rivals
        },
        "calibration": {
            name: calibrated(
                calibration(
                    [verdict.confidence for verdict in said[name]],
                    [verdict.tier == one.tier for verdict, one in zip(said[name], examined, strict=True)],
                    users,
                    seed=seed,
                    resamples=resamples,
                )
            )
            for name in said
            if name in MODELS
        },
        "dimensions": {
            dimension: by_judge
            for dimension in DIMENSIONS[KIND]
            if (by_judge := _dimension(dimension, examined, said, seed, resamples))
        },
    }


def by_release(examined: Sequence[Examined], said: Said, seed: int = 0, resamples: int = RESAMPLES) -> Figures:
    """``headlines`` of each release's outputs apart."""
    found = {}
    for release in sorted({release for one in examined for release in one.releases}):
        places = [place for place, one in enumerate(examined) if release in one.releases]
        own = {name: [verdicts[place] for place in places] for name, verdicts in said.items()}
        found[release] = headlines([examined[place] for place in places], own, seed, resamples)
    return found


def superior_errors(examined: Sequence[Examined], verdicts: Sequence[Verdict]) -> Figures:
    """What a reported share of S is corrected with (``evaluation.corrected_share``), as counts found and of.

    Returns:
        ``sensitivity``: of the outputs that are S, those that the judge gives it; ``specificity``: of the others, those
        that it does not.
    """
    pairs = [(one.tier == SUPERIOR, verdict.tier == SUPERIOR) for one, verdict in zip(examined, verdicts, strict=True)]
    superior = [judged for is_superior, judged in pairs if is_superior]
    others = [judged for is_superior, judged in pairs if not is_superior]
    return {
        "sensitivity": {"found": sum(superior), "of": len(superior)},
        "specificity": {"found": len(others) - sum(others), "of": len(others)},
    }


def consistency(
    examined: Sequence[Examined],
    first: Mapping[str, Sequence[Verdict]],
    again: Mapping[str, Sequence[Verdict]],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Figures:
    """By judge, the share of outputs that get the same tier when they are asked once more in another order."""
    users = [one.user_id for one in examined]
    return {
        name: plain(agreement(given(first[name]), given(again[name]), users, TIERS, SUPERIOR, seed, resamples).accuracy)
        for name in again
    } | {"outputs": len(examined)}


def ceiling(found: Mapping[str, Any]) -> Figures:
    """The best that needs no language model, by kappa: what these labels let anybody reach, as far as is known."""
    known = {name: found["kappa"][name] for name in (LOOKUP, REGRESSION) if name in found["kappa"]}
    best = max(known, key=lambda name: (known[name]["value"] is not None, known[name]["value"] or 0.0))
    return {"by": best, "kappa": known[best]}


def calibrated(found: Calibration) -> Figures:
    """A calibration as JSON-like values."""
    bins = [{"confidence": one.confidence, "right": one.right, "items": one.items} for one in found.bins]
    return {
        "expected_calibration_error": plain(found.expected_calibration_error),
        "brier": plain(found.brier),
        "bins": bins,
    }


def given(verdicts: Sequence[Verdict]) -> list[str]:
    """The tiers of verdicts."""
    return [verdict.tier for verdict in verdicts]


def _tiers(examined: Sequence[Examined]) -> list[str]:
    return [one.tier for one in examined]


def _agreements(examined: Sequence[Examined], said: Said, seed: int, resamples: int) -> dict[str, Agreement]:
    reference, users = _tiers(examined), [one.user_id for one in examined]
    return {
        name: agreement(reference, given(verdicts), users, TIERS, SUPERIOR, seed, resamples)
        for name, verdicts in said.items()
    }


def _headlines(examined: Sequence[Examined], found: Mapping[str, Agreement]) -> Figures:
    return {
        "f1_superior": {name: plain(one.f1) for name, one in found.items()},
        "accuracy": {name: plain(one.accuracy) for name, one in found.items()},
        "kappa": {name: plain(one.kappa) for name, one in found.items()},
        "outputs": len(examined),
        "users": len({one.user_id for one in examined}),
    }


def _dimension(dimension: str, examined: Sequence[Examined], said: Said, seed: int, resamples: int) -> Figures:
    """Findings of one dimension against its labels, of each judge that has any; empty where none can be compared."""
    reference, users = [one.labels.get(dimension) for one in examined], [one.user_id for one in examined]
    found: Figures = {}
    for name, verdicts in said.items():
        findings = [_finding(verdict, dimension) for verdict in verdicts]
        if any(label and finding for label, finding in zip(reference, findings, strict=True)):
            one = agreement(reference, findings, users, FINDINGS, POSITIVE, seed, resamples)
            found[name] = {
                "accuracy": plain(one.accuracy),
                "kappa": plain(one.kappa),
                "f1_positive": plain(one.f1),
                **_rates(one),
                "base_rates": _base_rates(one),
                "outputs": one.items,
            }
    return found


def _finding(verdict: Verdict, dimension: str) -> str | None:
    return next((finding.label for finding in verdict.findings if finding.dimension == dimension), None)


def _rates(one: Agreement) -> Figures:
    return {
        "confusion": [list(row) for row in one.confusion],
        "true_positive_rate": {name: plain(rate) for name, rate in one.true_positive_rate.items()},
        "true_negative_rate": {name: plain(rate) for name, rate in one.true_negative_rate.items()},
        "judged_rates": {name: plain(rate) for name, rate in one.judged_rates.items()},
    }


def _base_rates(one: Agreement) -> Figures:
    return {name: plain(rate) for name, rate in one.base_rates.items()}
