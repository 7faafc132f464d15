"""The exam of a caption judge: each dimension against the rules alone and the majority answer.

Built captions stand apart from really written ones that were read after the rules were finished; of these so do the
closed and the free ones, and so do those that were read before. Intervals are over customers. Pure functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evaluation.agreement import agreement, paired_agreement
from evaluation.bootstrap import RESAMPLES, Interval
from model_steps.caption_judge.combination import MODEL, NUMBERS, RULE, WAYS, Combination
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS, NEGATIVE
from model_steps.caption_judge.learning import Prepared, labels_of
from model_steps.caption_judge.material import BUILT, LabelledCaption
from model_steps.caption_judge.splits import TEST, TRAIN

Figures = dict[str, Any]
MAJORITY, JUDGE = "majority", "judge"
WRITTEN, CLOSED, FREE, BEFORE = "written", "closed", "free", "written_before"
Belongs = Callable[[LabelledCaption], bool]
# By set, the captions that are examined, and those whose most frequent label is the rival.
SETS: Mapping[str, tuple[Belongs, Belongs]] = {
    BUILT: (lambda one: not one.is_written, lambda one: not one.is_written),
    WRITTEN: (lambda one: one.is_written and not one.before_rules, lambda one: one.is_written),
    CLOSED: (lambda one: one.origin == CLOSED and not one.before_rules, lambda one: one.origin == CLOSED),
    FREE: (lambda one: one.origin == FREE and not one.before_rules, lambda one: one.origin == FREE),
    BEFORE: (lambda one: one.is_written and one.before_rules, lambda one: one.is_written),
}
HEADLINES = ("accuracy", "kappa", "f1")
# Whether a dimension may be trusted, by really written captions.
JUDGED, AS_RULE, NOT_CALIBRATED = "judged", "as_rule", "not_calibrated"
PASSES = ("fails", "passes")


def examine(judged_by: Combination, prepared: Prepared, resamples: int = RESAMPLES) -> Figures:
    """All figures of an exam, by set: ``dimensions`` and ``passes``; and ``calibrated``, by dimension."""
    found: Figures = {}
    for name, (belongs, is_like) in SETS.items():
        held = [one for one in prepared.material.of(TEST) if belongs(one)]
        known = [one for one in prepared.material.of(TRAIN) if is_like(one)]
        found[name] = {
            "captions": len(held),
            "customers": len({one.case.reader.name for one in held}),
            "dimensions": {
                dimension: _dimension(judged_by, dimension, held, known, prepared, resamples)
                for dimension in DIMENSIONS
            },
            "passes": _passes(judged_by, held, prepared, resamples),
        }
    written = found[WRITTEN]["dimensions"]
    return {**found, "calibrated": {dimension: standing_of(written[dimension]) for dimension in DIMENSIONS}}


def _dimension(
    judged_by: Combination,
    dimension: str,
    held: Sequence[LabelledCaption],
    known: Sequence[LabelledCaption],
    prepared: Prepared,
    resamples: int,
) -> Figures:
    given = prepared.examples(held, dimension)
    if not given:
        return {"captions": 0}
    labels = [one.label for one in given]
    users = [one.looked.case.reader.name for one in given]
    usual = Counter(one.labels[dimension] for one in known if dimension in one.labels).most_common(1)
    said = {way: labels_of(judged_by, dimension, way, given) for way in WAYS}
    said[MAJORITY] = [usual[0][0] if usual else FINDINGS[0]] * len(given)
    way = judged_by.ways[dimension]
    said[JUDGE] = said[way]

    def less(one: str, rival: str) -> Figures:
        figures = paired_agreement(labels, said[one], said[rival], users, FINDINGS, NEGATIVE, 0, resamples)
        return {name: plain(figures[name]) for name in HEADLINES}

    alone = {name: agreement(labels, each, users, FINDINGS, NEGATIVE, 0, resamples) for name, each in said.items()}
    return {
        "captions": len(given),
        "by": way,
        "labels": dict(sorted(Counter(labels).items())),
        **{name: {each: plain(getattr(one, each)) for each in HEADLINES} for name, one in alone.items()},
        "less": {
            "judge-majority": less(JUDGE, MAJORITY),
            "judge-rule": less(JUDGE, RULE),
            "model-numbers": less(MODEL, NUMBERS),
        },
    }


def _passes(
    judged_by: Combination,
    held: Sequence[LabelledCaption],
    prepared: Prepared,
    resamples: int,
) -> Figures:
    """How the judge finds that a caption has no defect (PAPER 2.2: quality), where all seven labels are known."""
    whole = [one for one in held if set(one.labels) == set(DIMENSIONS)]
    if not whole:
        return {"captions": 0}
    users = [one.case.reader.name for one in whole]
    labels = [PASSES[NEGATIVE not in one.labels.values()] for one in whole]

    def by(ways: Mapping[str, str]) -> list[str]:
        found = {
            dimension: labels_of(judged_by, dimension, way, prepared.examples(whole, dimension))
            for dimension, way in ways.items()
        }
        return [PASSES[all(each[number] != NEGATIVE for each in found.values())] for number in range(len(whole))]

    figures: Figures = {"captions": len(whole), "labelled": labels.count(PASSES[1])}
    for name, ways in ((JUDGE, judged_by.ways), (RULE, dict.fromkeys(DIMENSIONS, RULE))):
        said = by(ways)
        found = agreement(labels, said, users, PASSES, PASSES[1], 0, resamples)
        figures[name] = {"said": said.count(PASSES[1]), **{each: plain(getattr(found, each)) for each in HEADLINES}}
    return figures


def standing_of(figures: Figures) -> str:
    """Whether a dimension is judged: better than the majority answer and than the rules, each by a whole interval."""
    if not figures["captions"] or not _above(figures["less"]["judge-majority"]["accuracy"]):
        return NOT_CALIBRATED
    return JUDGED if _above(figures["less"]["judge-rule"]["accuracy"]) else AS_RULE


def _above(difference: Mapping[str, float | None]) -> bool:
    low = difference["low"]
    return low is not None and low > 0


def plain(interval: Interval) -> Figures:
    """value, low and high; None where they are not known."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}
