"""A comparison in the making: held-out users of a day and what is true of them, the train users that weights are fitted
on, and what each system says of both."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluation import actions
from evaluation.baselines import ceilings
from evaluation.comparison import CEILINGS, REFERENCE, Outcomes, compare, exclusive
from evaluation.fitting import combined, fit, strongest
from evaluation.grid import Mask, Scores
from evaluation.holdout import read_frozen
from evaluation.snapshots import FIRST_BASELINES, Snapshot
from lake.registry.splits import SplitRule, drawn
from lake.store.location import Lake

log = logging.getLogger("intentflow")


@dataclass
class Study:
    """What is compared. Systems are added to ``scores``, and to ``tuning_scores`` where a combination takes them.

    Args:
        judged: held-out users as of the evaluation day.
        outcomes: what they bought then.
        tuning: train users as of the last training day; weights are fitted on them.
        tuning_bought: what those bought then.
        strongest: the baseline with the highest recall on users who are not held out.
        training: of how many examples the baselines learnt, until when, and the weights' day.
        scores: of the held-out users, by system.
        tuning_scores: of the weights' users, by system.
        weights: of each combination, by name.
    """

    judged: Snapshot
    outcomes: Outcomes
    tuning: Snapshot
    tuning_bought: Mask
    strongest: str
    training: Mapping[str, Any]
    scores: dict[str, Scores]
    tuning_scores: dict[str, Scores]
    weights: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, lake: Lake, rule: SplitRule, day: str, first_day: str, users: int, tuning_users: int) -> Study:
        """Read the log and what was frozen, and let the baselines learn.

        Args:
            lake: has the log from its first day on, the catalog, and the day's frozen holdout.
            rule: who is held out.
            day: the evaluation day.
            first_day: of the log.
            users: held-out users to draw, 0 for all.
            tuning_users: train users to draw.

        Raises:
            SourceMissing: the day is not frozen, or days of the log are not landed.
            DataError: the rows are not those that were frozen.
        """
        held = read_frozen(lake, rule, day)
        chosen = drawn(held["user_id"].to_pylist(), users)
        if len(chosen) < users:
            log.warning("The holdout of %s has only %d users: all of them are judged.", day, len(chosen))
        categories = actions.known_categories(lake)
        days = rule.training_days(first_day)
        log.info("Learning from %d training days until %s.", len(days), rule.trained_until)
        # Nothing after the day is read: what came true is in the frozen table.
        known = actions.read(lake, first_day, day, rule.leave_out)
        fitted = fit(known, days, categories, rule, tuning_users)
        judged, tuning = Snapshot.of(known, day, chosen, categories, rule), fitted.tuning.snapshot
        outcomes = Outcomes.of(judged.grid, held)
        tuning_scores = tuning.baselines(fitted.similar_to_tuning, fitted.boosting)
        validation_scores = fitted.validation.snapshot.baselines(fitted.similar, fitted.boosting)
        choice, recalls = strongest(
            [(tuning_scores, fitted.tuning.bought), (validation_scores, fitted.validation.bought)]
        )
        log.info("The strongest baseline on users who are not held out is %s: %s.", choice, recalls)
        chosen_on = {
            "day": days[0],
            "train_users": len(tuning.grid.users),
            "validation_users": len(fitted.validation.snapshot.grid.users),
        }
        perfect = ceilings.perfect(outcomes.bought, outcomes.following)
        of_own = ceilings.perfect_of_own(outcomes.bought, outcomes.following, judged.counts > 0)
        best_possible = dict(zip(CEILINGS, (perfect, of_own), strict=True))
        return cls(
            judged=judged,
            outcomes=outcomes,
            tuning=tuning,
            tuning_bought=fitted.tuning.bought,
            strongest=choice,
            training={
                "examples": fitted.examples,
                "until": rule.trained_until,
                "tuning_day": days[0],
                "strongest": {"name": choice, "recall_at_30": recalls, **chosen_on},
            },
            scores={
                **judged.baselines(fitted.similar, fitted.boosting),
                **best_possible,
            },
            tuning_scores=tuning_scores,
        )

    def combine(self, name: str, systems: Sequence[str]) -> None:
        """Add a combination of systems, with weights fitted on train users."""
        self.scores[name], self.weights[name] = combined(systems, self.scores, self.tuning_scores, self.tuning_bought)

    def figures(self, references: Sequence[str] = (REFERENCE,)) -> dict[str, Any]:
        """Every metric of every system, and differences from the references, as ``evaluation.comparison`` says."""
        figures = compare(self.scores, self.judged.counts > 0, self.outcomes, references=references)
        return {
            **figures,
            "weights": self.weights,
            "day": self.judged.day,
            "users": len(self.judged.grid.users),
            "users_with_new": int(self.outcomes.new.any(axis=1).sum()),
            "training": dict(self.training),
            "tuning_users": len(self.tuning.grid.users),
        }

    def exclusive_recall(self, system: str) -> dict[str, Any]:
        """What a system finds and none of the first three baselines lists."""
        return exclusive(self.scores[system], {name: self.scores[name] for name in FIRST_BASELINES}, self.outcomes)
