"""How well intents foretell what users buy: ``python -m bench.quality [--users N] [--day D] [--release R]``.

Held-out users; intents of 30 tags by the project's own inference, beside rivals without a model, and all of them
combined. Everything is kept in ``var/bench``: a second run asks the model nothing, a killed one goes on where it was.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import plots
from bench.lakes import inferred, landed
from bench.lakes.steps import FOLDER
from evaluation import actions, metrics
from evaluation.comparison import LISTED, REFERENCE, Outcomes, compare, exclusive
from evaluation.fitting import combined, fit
from evaluation.freeze import freeze
from evaluation.grid import Scores
from evaluation.holdout import read_frozen
from evaluation.situations import RIVALS, Situation
from lake.delta import tables
from lake.registry.splits import Registry, add_days, drawn
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from schemas import entities
from settings import load_settings

log = logging.getLogger("intentflow")

WITHOUT_INTENTS = "combined_without_intents"
OTHER_FORM = {"hybrid": "text", "text": "hybrid"}
COLORS = {"intents": plots.BLUE, "combined": plots.GREEN, WITHOUT_INTENTS: plots.SKY}
TITLES = {
    "hr_at_30": "HR@30: the next purchase",
    "recall_at_30": "recall@30: 14 days",
    "recall_new_at_30": "recall@30: new to the user",
}


@dataclass(frozen=True)
class Measurement:
    """What is measured.

    Args:
        lake: for the log. work: for what inference reads and answers. users: held-out users, 0 for all.
        tuning_users: train users for the combination's weights. model: whether intents are measured.
        release: folder of the release to measure, none for the one that is shipped.
        both_forms: whether the form of history that the settings do not name is measured too, on the same users.
    """

    lake: Lake
    work: Lake
    registry: Registry
    day: str
    users: int
    tuning_users: int
    model: bool
    release: Path | None = None
    both_forms: bool = False

    def run(self) -> dict[str, Any]:
        """Prepare, fit, infer, compare; returns the figures."""
        first, registry = load_settings().source.first_day.isoformat(), self.registry
        days = registry.training_days(first)
        frozen = self._prepare(days[0])
        held = read_frozen(self.lake, registry, self.day)
        users = drawn(held["user_id"].to_pylist(), self.users)
        if len(users) < self.users:
            log.warning("The holdout of %s has only %d users: all of them are measured.", self.day, len(users))
        categories = known_categories(self.lake)
        log.info("Fitting on %d training days until %s.", len(days), registry.trained_until)
        # Nothing after the day is read: what came true is in the frozen table.
        known = actions.read(self.lake, first, self.day, registry.leave_out)
        fitted = fit(known, days, categories, registry, self.tuning_users)
        now, then = Situation.of(known, self.day, users, categories, registry), fitted.tuning.situation
        scores, tuning = now.rivals(fitted.similar), then.rivals(fitted.similar_to_tuning)
        figures: dict[str, Any] = {"weights": {}}
        references = [REFERENCE]
        if self.model and self.both_forms:
            other = OTHER_FORM[load_settings().inference.representation]
            references.append(f"intents_{other}")
            figures[references[-1]] = self._intents(now, scores, references[-1], other)
        if self.model:
            figures["tuning"] = self._intents(then, tuning)
            figures["inference"] = self._intents(now, scores)
            figures |= {"settings": inferred.SETTINGS, "release": figures["inference"].pop("release")}
            systems = ("intents", *RIVALS)
            scores["combined"], figures["weights"]["combined"] = combined(systems, scores, tuning, fitted.tuning.bought)
        scores[WITHOUT_INTENTS], weights = combined(RIVALS, scores, tuning, fitted.tuning.bought)
        figures["weights"][WITHOUT_INTENTS] = weights
        outcomes = Outcomes.of(now.grid, held)
        figures |= compare(scores, now.counts > 0, outcomes, references=references)
        if self.model:
            rivals = {name: scores[name] for name in RIVALS}
            figures["exclusive_recall"] = exclusive(scores["intents"], rivals, outcomes)
        return {
            **figures,
            "day": self.day,
            "users": len(users),
            "users_with_new": int(outcomes.new.any(axis=1).sum()),
            "training": {"examples": fitted.examples, "until": registry.trained_until, "tuning_day": days[0]},
            "tuning_users": len(then.grid.users),
            "holdout": frozen,
            "definitions": dict(metrics.DEFINITIONS),
        }

    def _prepare(self, tuning_day: str) -> Mapping[str, Any]:
        """Land the log until the registry's last outcome, freeze the holdout, make what inference reads."""
        landed.land_until(self.lake, max(add_days(self.registry.outcomes_until(day), -1) for day in self.registry.days))
        frozen = freeze(self.lake, self.registry)
        if self.model:
            for day in (tuning_day, self.day):
                landed.prepare_day(self.lake, day)
        return next(entry for entry in frozen["days"] if entry["day"] == self.day)

    def _intents(
        self, situation: Situation, scores: dict[str, Scores], system: str = "intents", form: str | None = None
    ) -> dict[str, Any]:
        """Add the intents of a situation to its scores; returns what is said of the inference."""
        found = inferred.infer(self.lake, self.work, situation.day, situation.grid.users, self.release, form)
        scores[system] = situation.grid.ranked(found.categories, LISTED)
        told = {
            key: found.manifest.get(key) for key in ("release", "model_calls", "cached_answers", "seconds", "reused")
        }
        return {
            **told,
            "form": form or load_settings().inference.representation,
            "users_failed": sum(not own for own in found.categories.values()),
            "categories_per_user": round(float((scores[system] > 0).sum(axis=1).mean()), 2),
        }


def known_categories(lake: Lake) -> list[str]:
    """All categories that outcomes or tags can have; also those that the catalog no longer lists."""
    wanted = [("kind", "=", "category")]
    return list(tables.read(lake, entities.TABLE, columns=["category"], filters=wanted)["category"].to_pylist())


def plot(figures: Mapping[str, Any], folder: Path) -> Path:
    """The three metrics side by side, the best recall@30 on top."""
    order = sorted(figures["recall_at_30"], key=lambda name: -figures["recall_at_30"][name]["value"])
    drawing, axes = plots.panels(len(TITLES), height=0.4 * len(order) + 1.4)
    for panel, (metric, title) in zip(axes, TITLES.items(), strict=True):
        plots.intervals(panel, {name: figures[metric][name] for name in order}, COLORS, title)
    said = f"{figures['users']} held-out users as of {figures['day']}, with 95 % intervals"
    drawing.suptitle(said, fontsize=11, x=0.01, ha="left")
    return plots.save(drawing, folder, f"quality-{figures['day']}")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    registry = Registry()
    if arguments.day not in registry.days:
        raise UsageError(f"{arguments.day} is no evaluation day; they are {', '.join(registry.days)}.")
    if arguments.users < 0 or arguments.tuning_users < 1:
        raise UsageError("--users is a number of users or 0 for all; --tuning-users is at least 1.")
    figures = Measurement(
        lake=Lake.open(arguments.lake),
        work=Lake.open(arguments.work),
        registry=registry,
        day=arguments.day,
        users=arguments.users,
        tuning_users=arguments.tuning_users,
        model=not arguments.rivals_only,
        release=arguments.release,
        both_forms=arguments.both_forms,
    ).run()
    return {**figures, "plot": str(plot(figures, Path(arguments.plots)))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--users", type=int, default=500, help="held-out users, 0 for all (default: 500)")
    parser.add_argument("--day", type=day_argument, default=Registry().days[-1], help="an evaluation day")
    parser.add_argument("--release", type=Path, help="folder of the release to measure (default: the shipped one)")
    parser.add_argument("--rivals-only", action="store_true", help="ask no model")
    parser.add_argument("--both-forms", action="store_true", help="measure text and hybrid histories on the same users")
    parser.add_argument("--tuning-users", type=int, default=64, help="train users for the combination's weights (64)")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake for the log (default: var/bench/lake)")
    parser.add_argument("--work", default=str(FOLDER / "quality"), help="lake for answers (default: var/bench/quality)")
    parser.add_argument("--plots", default=str(FOLDER), help="folder of the plot (default: var/bench)")
    run_command(main, parser)
