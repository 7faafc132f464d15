"""Making a caption judge from a labelled set: learnt on one split, chosen on another, examined on neither. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_steps.caption_judge import combination
from model_steps.caption_judge.combination import MODEL, NUMBERS, WAYS, Combination, Example
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.judging import finding_of, look
from model_steps.caption_judge.likelihood import Likely
from model_steps.caption_judge.looked import Looked
from model_steps.caption_judge.material import LabelledCaption, Material
from model_steps.caption_judge.splits import CALIBRATION, TRAIN
from settings import Settings

# By case and dimension, the model's log-odds of yes.
LogOdds = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Prepared:
    """A labelled set with all that regressions and rules need of it.

    Args:
        looked: by case, what code looks at.
    """

    material: Material
    log_odds: LogOdds
    looked: Mapping[str, Looked]

    @classmethod
    def of(cls, material: Material, log_odds: LogOdds, likely: Likely, settings: Settings) -> Prepared:
        cases = {one.case.case_id: one.case for one in material.captions}
        looked = look(list(cases.values()), material.lexicon, settings.caption_judge, settings.explanations, likely)
        return cls(material, log_odds, dict(zip(cases, looked, strict=True)))

    def examples(self, captions: Sequence[LabelledCaption], dimension: str) -> list[Example]:
        """The captions that have a label of a dimension."""
        return [
            Example(
                self.looked[one.case.case_id],
                self.log_odds[one.case.case_id, dimension],
                one.labels[dimension],
                one.is_written,
            )
            for one in captions
            if dimension in one.labels
        ]


def labels_of(judged_by: Combination, dimension: str, way: str, given: Sequence[Example]) -> list[str]:
    """The finding of each example, by a way."""
    found = judged_by.probabilities(dimension, way, [one.looked for one in given], [one.log_odds for one in given])
    return [finding_of(dimension, one, way).label for one in found]


def learn(prepared: Prepared) -> tuple[Combination, dict[str, dict[str, float]]]:
    """A caption judge, and by dimension and way the accuracy by which its ways were chosen."""
    train, held = (prepared.material.of(split) for split in (TRAIN, CALIBRATION))
    regressions = {
        dimension: {
            way: combination.learnt(dimension, way, prepared.examples(train, dimension)) for way in (NUMBERS, MODEL)
        }
        for dimension in DIMENSIONS
    }
    undecided = Combination(dict.fromkeys(DIMENSIONS, combination.RULE), regressions)
    accuracies: dict[str, dict[str, float]] = {}
    for dimension in DIMENSIONS:
        given = prepared.examples(held, dimension)
        accuracies[dimension] = {way: _accuracy(labels_of(undecided, dimension, way, given), given) for way in WAYS}
    ways = {dimension: combination.chosen(found) for dimension, found in accuracies.items()}
    return Combination(ways, regressions), accuracies


def _accuracy(labels: Sequence[str], given: Sequence[Example]) -> float:
    """The mean of the accuracies on built and on really written captions: each counts as much."""
    shares = []
    for written in (False, True):
        same = [label == one.label for label, one in zip(labels, given, strict=True) if one.written == written]
        if same:
            shares.append(sum(same) / len(same))
    return round(sum(shares) / len(shares), 4) if shares else 0.0
