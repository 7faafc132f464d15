"""What an evaluation leaves behind: its look in the ledger of openings, and a release's results, user by user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from evaluation.comparison import CEILINGS, PUBLISHED
from evaluation.gate.measuring import user_rows
from evaluation.grid import Scores
from evaluation.study import Study
from lake.registry import openings, user_results
from lake.registry.champions import who
from lake.registry.openings import Look, Opening
from lake.registry.releases import Release
from lake.registry.splits import SplitRule, drawn
from lake.registry.user_results import Header, UserResults
from lake.store.location import Lake
from model_steps.evaluating.inferred import SETTINGS
from runtime.fingerprint import Code, bytes_digest, code_of, digest
from settings import Settings, SourceSettings

# Whose lists a person sees side by side.
SAMPLED_USERS = 5
MODULE, INFERENCE = "model_steps.evaluate", "model_steps.infer"
CAPTIONS = "model_steps/explaining/"
# Settings that change how a run goes and not what is said.
WAYS = ("users", "shards", "chunk_users")


def look_of(study: Study, systems: Sequence[str], holdout: str, release: str | None, metrics: Sequence[str]) -> Look:
    """What an evaluation looks at, under a digest of all that it was computed from.

    Args:
        systems: whose lists were held against outcomes.
        holdout: digest of the frozen outcomes.
        release: who made them; none where they are baselines.
        metrics: names of the figures.
    """
    lists = {name: outputs_digest(study, name) for name in systems if name not in CEILINGS}
    return look_at(study.judged.day, study.judged.grid.users, lists, holdout, release, metrics)


def look_at(
    day: str, users: Sequence[str], lists: Mapping[str, str], holdout: str, release: str | None, metrics: Sequence[str]
) -> Look:
    """The same of digests of lists, by system."""
    what = digest([day, holdout, users, release, dict(lists)])
    return Look(day, what, release or "", tuple(metrics), len(users), who(), ", ".join(sorted(lists)))


def outputs_digest(study: Study, system: str) -> str:
    """Digest of the lists of one system, user by user."""
    return lists_digest(study.judged.grid.users, study.scores[system])


def lists_digest(users: Sequence[str], scores: Scores) -> str:
    """The same of a system's scores, users x categories."""
    return digest([users, bytes_digest(scores.tobytes())])


def asked_with(settings: Settings) -> dict[str, Any]:
    """With what releases are asked; of two results that are compared it is the same."""
    return {
        "settings": {**settings.inference.model_dump(mode="json", exclude=set(WAYS)), **SETTINGS},
        "number type": settings.engine.dtype,
    }


def code_without_captions(module: str) -> Code:
    """A command's code without what writes captions, which nobody asks for here: a new word in one is no other list."""
    code = code_of(module)
    return replace(code, files={path: said for path, said in code.files.items() if not path.startswith(CAPTIONS)})


def samples_of(study: Study, system: str) -> dict[str, list[str]]:
    """The first categories of some users, the same users whatever the system, by pseudonym."""
    grid, found = study.judged.grid, {}
    for user in drawn(grid.users, SAMPLED_USERS):
        scores = study.scores[system][grid.users.index(user)]
        best = np.argsort(-scores, kind="stable")[:PUBLISHED]
        found[user] = [grid.categories[column] for column in best if scores[column] > 0]
    return found


def enter(lake: Lake, look: Look, source: SourceSettings) -> Opening:
    """Enter a look in the lake's ledger; the same look again is the one that is there.

    Raises:
        DataError: the ledger cannot be read. ConfigurationError: the list of earlier openings cannot.
    """
    return openings.open_holdout(lake, look, openings.earlier_openings(source))


def keep(
    lake: Lake,
    rule: SplitRule,
    study: Study,
    system: str,
    release: Release,
    opening: Opening,
    holdout: str,
    settings: Settings,
) -> str:
    """Keep a release's results on the lake; returns their path.

    Args:
        system: the release's, among those of the study.
        holdout: digest of the frozen outcomes. settings: that the release was asked with.

    Raises:
        DataError: the outcomes are not those that were frozen.
    """
    asked: Mapping[str, Any] = {
        "users": digest(study.judged.grid.users),
        **asked_with(settings),
        # What holds lists against outcomes, and what makes them: results of other code are no match.
        "code": {module: code_without_captions(module).digest for module in (MODULE, INFERENCE)},
    }
    header = Header(
        release=release.name,
        day=study.judged.day,
        holdout=holdout,
        opening=opening.digest,
        outputs=outputs_digest(study, system),
        asked=asked,
        made_with={
            "language model": release.model,
            "embedder": release.embedder,
            "prompts": dict(release.prompts),
            "split rule": rule.digest,
        },
        samples=samples_of(study, system),
    )
    return user_results.put(lake, UserResults(header, user_rows(lake, rule, study, system)))
