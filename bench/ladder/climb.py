"""The ladder: baselines, V1's routes and releases asked about the same frozen users, and held against what came true.

Personas follow from the users' contexts, so all releases are asked the same, and what has no adapter answers once for
all of them (``model_steps/engine/untuned.py``): a further release costs its experts alone. Answers are kept chunk by
chunk, so a killed run goes on, and a second one asks nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.ladder.released import BASE, COMBINED, CRS, SFT, SUM, V1, WITHOUT
from bench.lakes.steps import run_step
from evaluation.comparison import LISTED
from evaluation.fitting import combined
from evaluation.freeze import refuse_other_days
from evaluation.grid import Scores
from evaluation.holdout import frozen_document
from evaluation.leaks import refuse_leaks
from evaluation.rungs import DEFINITIONS, PAIRED, Climbed, Rung, verdict
from evaluation.snapshots import BASELINES, Snapshot
from evaluation.study import Study
from lake.registry import releases
from lake.registry.splits import SplitRule, drawn
from lake.store.location import Lake
from model_steps.agents.words import Categories
from model_steps.evaluating import inferred, results
from runtime.errors import SourceMissing
from settings import load_settings

log = logging.getLogger("intentflow")

# As the combination knows what a release says (evaluation/combination.py).
INTENTS = "intents"
TOLD = ("model_calls", "cached_answers", "seconds", "reused", "representation", "experts")


@dataclass(frozen=True)
class Claim:
    """A difference that the paper reports, and that is looked for here: ``better`` less ``than``."""

    better: str
    than: str
    metric: str


def claims(strongest: str) -> tuple[Claim, ...]:
    """What the ladder is climbed for (PAPER 3.2), and whether intents add to what counting knows."""
    return (
        Claim(SFT, BASE, "hr_at_30"),
        Claim(SFT, BASE, "recall_at_30"),
        Claim(SFT, SUM, "hr_at_30"),
        Claim(CRS, SFT, "hr_at_30"),
        Claim(CRS, SUM, "hr_at_30"),
        Claim(CRS, SFT, "recall_at_30"),
        Claim(COMBINED, strongest, "recall_at_30"),
        Claim(COMBINED, WITHOUT, "recall_at_30"),
    )


@dataclass(frozen=True)
class Ladder:
    """What is compared, and on whom.

    Args:
        lake: has the log, the frozen holdout, the releases, and what inference reads of the evaluation day and of the
            last training day.
        work: the lake that answers are kept in.
        rule: who is held out.
        day: the evaluation day.
        users: held-out users, 0 for all. v1_users: of these, for V1's routes; 0: none.
        tuning_users: train users for the combination's weights.
        names: of the releases on the lake, by rung, in the ladder's order.
        combine: rung of the release that is combined with the strongest baseline; none: no release is.
        form: how histories are shown.
        categories: the catalog's, with their embeddings.
    """

    lake: Lake
    work: Lake
    rule: SplitRule
    day: str
    users: int
    v1_users: int
    tuning_users: int
    names: Mapping[str, str]
    combine: str | None
    form: str
    categories: Categories

    def run(self, first_day: str) -> dict[str, Any]:
        """Refuse leaks, ask every rung, compare; returns the figures.

        Args:
            first_day: of the log.

        Raises:
            As ``model_steps.evaluate``.
        """
        refuse_other_days(self.rule, self.day)
        for name in dict.fromkeys(self.names.values()):
            refuse_leaks(self.lake, releases.read(self.lake, name)[0], self.rule, self.day)
        study = Study.of(self.lake, self.rule, self.day, first_day, self.users, self.tuning_users)
        vectors = vectors_of(study.judged.grid.categories, self.categories)
        rungs = {name: Rung(study.scores[name], simple=True) for name in BASELINES}
        told: dict[str, Any] = {}
        if self.v1_users:
            rungs[V1], told[V1] = self._v1(study.judged)
        for rung, release in self.names.items():
            rungs[rung], told[rung] = self._release(study.judged, release)
        weights = self._combine(study, rungs, told)
        climbed = Climbed.of(rungs, study.judged.counts > 0, study.outcomes, vectors)
        holdout = frozen_document(self.lake, self.day)
        references = [name for name in dict.fromkeys((SFT, SUM, study.strongest)) if name in rungs]
        return {
            **climbed.figures(references),
            "claims": held(climbed, claims(study.strongest)),
            "day": self.day,
            "users": len(study.judged.grid.users),
            "users_with_new": int(study.outcomes.new.any(axis=1).sum()),
            "training": dict(study.training),
            "releases": dict(self.names),
            "combination": {"release": self.combine, "with": study.strongest, "weights": weights},
            "asked_of": told,
            "settings": dict(inferred.SETTINGS),
            "openings": self._enter(study, rungs, holdout["digest"]),
            "holdout": holdout,
            "definitions": dict(DEFINITIONS),
        }

    def _enter(self, study: Study, rungs: Mapping[str, Rung], holdout: str) -> dict[str, int]:
        """Enter the look at each release in the ledger; returns the numbers of the openings, by rung."""
        users, found = study.judged.grid.users, {}
        for rung, release in self.names.items():
            lists = {rung: results.lists_digest(users, rungs[rung].scores)}
            look = results.look_at(self.day, users, lists, holdout, release, sorted(DEFINITIONS))
            found[rung] = results.enter(self.lake, look, load_settings().source).number
        return found

    def _release(self, snapshot: Snapshot, release: str) -> tuple[Rung, dict[str, Any]]:
        """A release's intents of the users of a snapshot, and what is said of the inference."""
        answers = inferred.infer(self.lake, self.work, snapshot.day, snapshot.grid.users, release, self.form)
        named = np.array([len(answers.categories[user]) for user in snapshot.grid.users], np.float64)
        rung = Rung(snapshot.grid.ranked(answers.categories, LISTED), np.minimum(named / LISTED, 1.0))
        return rung, {**{key: answers.manifest.get(key) for key in TOLD}, "users_failed": int((named == 0).sum())}

    def _v1(self, snapshot: Snapshot) -> tuple[Rung, dict[str, Any]]:
        """What V1's routes name for some of the users, asked in a process of its own: an engine fills the memory."""
        chosen = drawn(snapshot.grid.users, self.v1_users)
        place = Path(self.work.root) / f"_{V1}-{self.day}-{len(chosen)}.json"
        arguments = ["--day", self.day, "--lake", self.lake.root, "--work", self.work.root, "--out", str(place)]
        manifest = run_step("bench.v1_intents", *arguments, *(part for user in chosen for part in ("--user", user)))
        said: dict[str, dict[str, Any]] = json.loads(place.read_text())
        return v1_rung(snapshot, said), dict(manifest)

    def _combine(self, study: Study, rungs: dict[str, Rung], told: dict[str, Any]) -> dict[str, dict[str, float]]:
        """Add the combinations, with weights that are fitted on train users; returns these."""
        both, weights = (INTENTS, study.strongest), {}
        judged: dict[str, Scores] = {study.strongest: study.scores[study.strongest]}
        tuning: dict[str, Scores] = {study.strongest: study.tuning_scores[study.strongest]}
        scores, weights[WITHOUT] = combined(both[1:], judged, tuning, study.tuning_bought)
        rungs[WITHOUT] = Rung(scores, part_of_others=False)
        if self.combine is not None:
            known, told["tuning"] = self._release(study.tuning, self.names[self.combine])
            judged[INTENTS], tuning[INTENTS] = rungs[self.combine].scores, known.scores
            scores, weights[COMBINED] = combined(both, judged, tuning, study.tuning_bought)
            rungs[COMBINED] = Rung(scores, part_of_others=False)
        return weights


def v1_rung(snapshot: Snapshot, said: Mapping[str, Mapping[str, Any]]) -> Rung:
    """V1's routes as a rung of those users who were asked about.

    Args:
        said: by user the categories of the tags in their order, and how many tags are valid.
    """
    lists = {user: one["categories"] for user, one in said.items()}
    valid = np.array([said[user]["valid"] / LISTED if user in said else 0.0 for user in snapshot.grid.users])
    about = np.array([user in said for user in snapshot.grid.users])
    return Rung(snapshot.grid.ranked(lists, LISTED), np.minimum(valid, 1.0), about)


def vectors_of(names: tuple[str, ...], categories: Categories) -> npt.NDArray[np.float32]:
    """Embeddings of categories in the order of a grid.

    Raises:
        SourceMissing: one has none.
    """
    place = {name: row for row, name in enumerate(categories.names)}
    if lost := [name for name in names if name not in place]:
        raise SourceMissing(
            f"{len(lost)} categories have no vector, {lost[0]} first: run `python -m model_steps.embed`."
        )
    return categories.vectors[[place[name] for name in names]]


def held(climbed: Climbed, looked_for: tuple[Claim, ...]) -> list[dict[str, Any]]:
    """Each claim with its paired difference, and what its interval says; of a rung that is absent it says so."""
    found = []
    for claim in looked_for:
        there = {claim.better, claim.than} <= climbed.values.keys() and claim.metric in PAIRED
        difference = climbed.difference(claim.better, claim.than, claim.metric) if there else {}
        found.append({**vars(claim), **difference, "says": verdict(difference) if there else "absent"})
    return found
