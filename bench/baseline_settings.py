"""What the baselines' parameters were chosen by: ``python -m bench.baseline_settings``.

Recall@30 of each choice on users of the splits train and validation, as of the newest training days; nobody who is held
out is read. The lake is that of ``bench.quality``, which lands it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from bench.lakes.steps import FOLDER
from evaluation import actions, metrics
from evaluation.baselines.decayed_days import decayed_days
from evaluation.baselines.distinct_days import distinct_days
from evaluation.baselines.tifu_knn import PUBLISHED, frequencies, tifu_knn
from evaluation.baselines.up_cf import Filtering, recent_popularity, up_cf
from evaluation.comparison import LISTED
from evaluation.grid import Scores, best
from evaluation.snapshots import Examples, Snapshot, training_examples, validation_examples
from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from runtime.entry import run_command
from settings import load_settings

DAYS = 2
HALF_LIVES = (15.0, 30.0, 60.0, 120.0, 240.0)
FILTERINGS = tuple(Filtering(*choice) for choice in product((5, 25, 100), (0.25, 0.5, 0.75), (5.0, 10.0, 25.0)))


def choices(snapshot: Snapshot) -> Iterator[tuple[str, Scores]]:
    """The scores of every choice, by its name."""
    crowd, places = snapshot.crowd
    days, everybody = snapshot.visits.days(), crowd.days()
    yield "distinct_days", distinct_days(days, snapshot.popularity)
    for half_life in HALF_LIVES:
        scores = decayed_days(snapshot.visits, snapshot.popularity, snapshot.history_days, half_life)
        yield f"decayed_days {half_life:g}", scores
    for name, decays in PUBLISHED.items():
        yield f"tifu_knn {name}", tifu_knn(places, frequencies(crowd, decays), decays)
    for filtering in FILTERINGS:
        recent = recent_popularity(crowd, filtering.recent)
        name = f"up_cf {filtering.recent} {filtering.asymmetry:g} {filtering.locality:g}"
        yield name, up_cf(days, everybody, recent, filtering)


def recalls(examples: Sequence[Examples]) -> dict[str, float]:
    """Mean recall@30 over all examples, by choice, the best first."""
    found: dict[str, list[metrics.Values]] = {}
    for of_day in examples:
        for name, scores in choices(of_day.snapshot):
            found.setdefault(name, []).append(metrics.recall(best(scores, LISTED), of_day.bought))
    means = {name: round(float(np.nanmean(np.concatenate(values))), 4) for name, values in found.items()}
    return dict(sorted(means.items(), key=lambda choice: -choice[1]))


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    rule, lake = read_rule(settings.source), Lake.open(arguments.lake)
    first_day, categories = settings.source.first_day.isoformat(), actions.known_categories(lake)
    days = rule.training_days(first_day)[:DAYS]
    # Nothing that the holdout's outcomes begin with is read.
    known = actions.read(lake, first_day, rule.days[0], rule.leave_out)
    examples = [make(known, day, categories, rule) for day in days for make in (training_examples, validation_examples)]
    users = sum(len(of_day.snapshot.grid.users) for of_day in examples)
    return {"recall_at_30": recalls(examples), "days": list(days), "examples": users}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.baseline_settings", description=__doc__)
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake with the log (default: var/bench/lake)")
    run_command(main, parser)
