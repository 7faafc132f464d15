"""How well a release predicts what users buy: ``python -m model_steps.evaluate --day D --lake URI --release NAME``.

Held-out users of a frozen evaluation day; intents of 30 tags by the project's own inference, beside baselines without a
model and combined with the strongest of them, which is chosen on users who are not held out. A release that may know
the outcomes is refused. Publishes nothing: the figures are the manifest. Each look at outcomes is entered in the lake's
ledger of openings, and a release's results are kept user by user, for gates. Answers are kept in a lake apart: a second
run asks the model nothing, a killed one goes on where it was.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation import metrics
from evaluation.comparison import LISTED, REFERENCE
from evaluation.freeze import refuse_other_days
from evaluation.holdout import frozen_document
from evaluation.leaks import refuse_leaks
from evaluation.snapshots import BASELINES, Snapshot
from evaluation.study import Study
from lake.registry import releases
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.evaluating import inferred, results
from model_steps.evaluating.work_lake import ANSWERS
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from settings import load_settings

log = logging.getLogger("intentflow")

INTENTS = "intents"
COMBINED = "combined"
WITHOUT_INTENTS = "combined_without_intents"
# From the untuned model to what is served, each way of asking with what the one before lacks; all of one release.
WAYS: Mapping[str, Mapping[str, str]] = {
    "intents_base_written": {"INTENTFLOW_INFERENCE__EXPERTS": "base", "INTENTFLOW_INFERENCE__ASKING": "written"},
    "intents_base_ranked": {"INTENTFLOW_INFERENCE__EXPERTS": "base"},
    INTENTS: {},
    "intents_reviewed": {"INTENTFLOW_INFERENCE__ARBITER": "review"},
}
OTHER_FORM = {"auto": "text", "hybrid": "text", "text": "hybrid"}
METRICS = ("hr_at_30", "recall_at_30", "recall_at_10", "recall_new_at_30")


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated, and on whom.

    Args:
        lake: has the log, the frozen holdout, the release, and of the evaluation day and the last training day what
            inference reads.
        work: the lake that answers are kept in.
        rule: who is held out.
        day: the evaluation day.
        users: held-out users, 0 for all.
        tuning_users: train users for the combination's weights.
        release: name of the release on the lake; none for the baselines alone.
        form: how histories are shown, ``text`` or ``hybrid``.
        both_forms: whether the other form is measured too, on the same users.
        ways: whether the ways of asking of ``WAYS`` are measured too, each paired with the one before.
    """

    lake: Lake
    work: Lake
    rule: SplitRule
    day: str
    users: int
    tuning_users: int
    release: str | None
    form: str
    both_forms: bool = False
    ways: bool = False

    def run(self) -> dict[str, Any]:
        """Refuse leaks, learn the baselines, infer, compare; returns the figures.

        Raises:
            UsageError: the day is no evaluation day, or the release may know its outcomes.
            SourceMissing: something is not landed, frozen or compressed.
            DataError: the release is not on the lake; the frozen rows are not what was frozen.
            StepFailed: the inference failed.
        """
        refuse_other_days(self.rule, self.day)
        if self.release is not None:
            refuse_leaks(self.lake, releases.read(self.lake, self.release)[0], self.rule, self.day)
        first_day = load_settings().source.first_day.isoformat()
        study = Study.of(self.lake, self.rule, self.day, first_day, self.users, self.tuning_users)
        asked = {} if self.release is None else self._ask(study, self.release)
        study.combine(WITHOUT_INTENTS, (study.strongest,))
        references = [
            *dict.fromkeys((REFERENCE, study.strongest)),
            *(name for name in study.scores if name.startswith(INTENTS) and (self.ways or name in asked)),
        ]
        figures = {**study.figures(references), **asked}
        if self.ways and self.release is not None:
            figures["ways"] = in_turn(figures, list(WAYS))
        if INTENTS in study.scores:
            figures["exclusive_recall"] = study.exclusive_recall(INTENTS)
        holdout = frozen_document(self.lake, self.day)
        kept = self._keep(study, holdout["digest"])
        return {**figures, **kept, "holdout": holdout, "definitions": dict(metrics.DEFINITIONS)}

    def _keep(self, study: Study, holdout: str) -> dict[str, Any]:
        """Enter the look in the ledger, and keep the release's results; says which, and where."""
        asked = [name for name in study.scores if name.startswith(INTENTS)]
        look = results.look_of(study, asked or list(BASELINES), holdout, self.release, METRICS)
        settings = load_settings()
        opening = results.enter(self.lake, look, settings.source)
        told = {"opening": {"number": opening.number, "digest": opening.digest}}
        if self.release is None:
            return told
        release, _ = releases.read(self.lake, self.release)
        path = results.keep(self.lake, self.rule, study, INTENTS, release, opening, holdout, settings)
        return {**told, "results": path}

    def _ask(self, study: Study, release: str) -> dict[str, Any]:
        """Add the release's intents, and combine them with the strongest baseline; returns what the inferences told."""
        told: dict[str, Any] = {}
        for name, asking in WAYS.items() if self.ways else ():
            if name != INTENTS:
                study.scores[name], told[name] = self._intents(study.judged, release, self.form, asking)
        if self.both_forms:
            other = OTHER_FORM[self.form]
            name = f"{INTENTS}_{other}"
            study.scores[name], told[name] = self._intents(study.judged, release, other)
        study.tuning_scores[INTENTS], told["tuning"] = self._intents(study.tuning, release, self.form)
        study.scores[INTENTS], told["inference"] = self._intents(study.judged, release, self.form)
        study.combine(COMBINED, (INTENTS, study.strongest))
        return {**told, "settings": inferred.SETTINGS, "release": release}

    def _intents(
        self, snapshot: Snapshot, release: str, form: str, asking: Mapping[str, str] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Scores of the intents of a snapshot's users, and what is said of the inference."""
        answers = inferred.infer(self.lake, self.work, snapshot.day, snapshot.grid.users, release, form, asking)
        scores = snapshot.grid.ranked(answers.categories, LISTED)
        told = {key: answers.manifest.get(key) for key in ("model_calls", "cached_answers", "seconds", "reused")}
        return scores, {
            **told,
            "form": answers.manifest.get("representation", form),
            "users_failed": sum(not categories for categories in answers.categories.values()),
            "categories_per_user": round(float((scores > 0).sum(axis=1).mean()), 2),
        }


def in_turn(figures: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """Each way's metrics, and their paired differences from the way before."""
    found = []
    for before, name in zip([None, *names], names, strict=False):
        metrics_of = {metric: figures[metric][name] for metric in METRICS}
        paired = figures[f"paired_vs_{before}"] if before else {}
        gained = {metric: paired[metric][name] for metric in METRICS} if before else {}
        found.append({"way": name, **metrics_of, "gained": gained})
    return found


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.users < 0 or arguments.tuning_users < 1:
        raise UsageError("--users is a number of users or 0 for all; --tuning-users is at least 1.")
    if (arguments.release is None) is not arguments.baselines_only:
        raise UsageError("Name the release to be judged with --release, or give --baselines-only.")
    if arguments.ways and arguments.baselines_only:
        raise UsageError("--ways asks a release's model, and --baselines-only asks none: leave one of them out.")
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    return Evaluation(
        lake=lake,
        work=Lake.open(arguments.work or f"{lake.root}/{ANSWERS}"),
        rule=read_rule(settings.source),
        day=arguments.day,
        users=arguments.users,
        tuning_users=arguments.tuning_users,
        release=arguments.release,
        form=settings.inference.representation,
        both_forms=arguments.both_forms,
        ways=arguments.ways,
    ).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.evaluate", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="an evaluation day that is frozen")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--release", help="name of a release on the lake")
    parser.add_argument("--baselines-only", action="store_true", help="ask no model")
    parser.add_argument("--users", type=int, default=500, help="held-out users, 0 for all (default: 500)")
    parser.add_argument("--tuning-users", type=int, default=64, help="train users for the combination's weights (64)")
    parser.add_argument("--both-forms", action="store_true", help="measure text and hybrid histories on the same users")
    parser.add_argument("--ways", action="store_true", help="measure the untuned model and an arbiter's order too")
    parser.add_argument("--work", help="lake for answers (default: _evaluation below the lake)")
    run_command(main, parser)
