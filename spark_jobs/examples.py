"""Training examples of experts: personas with evidence as of a training day, and what their users bought next.

``python -m spark_jobs.examples [--day D ...]`` stages ``examples`` (PAPER 1.4), without a day those of the newest ones.
Bucket by bucket, a worker reads the rollups of its users, of histories and outcomes, and runs ``examples_of``, a pure
function. Nothing of the holdout is touched.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from lake.delta import tables
from lake.delta.live import LiveFile
from lake.delta.staging import stage
from lake.delta.work import Step, plan
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule, TrainingWindow, add_days, drawn, next_day
from lake.store.location import Lake
from representation.calendar import evidence_from
from representation.calendar_signals import season_text
from representation.catalog import CategoryVectors
from representation.category_days import SIZES, history_sizes
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import bytes_digest, digest
from schemas import entities, entity_vectors, examples, profiles, rollups
from settings import ExamplesSettings, Settings, load_settings
from spark_jobs.distributed import workers
from spark_jobs.distributed.buckets import map_buckets
from spark_jobs.distributed.execution import Execution, execution
from spark_jobs.histories.category_vectors import category_vectors
from spark_jobs.histories.persona_examples import NOTHING, Examples, examples_of, leaks

STEP = Step("examples", __file__, (examples.TABLE,))
Rolled = dict[str, list[LiveFile]]


def refuse_leaks(rule: SplitRule, day: str, users: Sequence[str]) -> None:
    """See that no example of a day would touch the holdout.

    Raises:
        DataError: the day's outcomes reach past ``trained_until``, or a user is of neither train nor validation.
    """
    until = rule.outcomes_until(day)
    if until > rule.trained_until:
        last = add_days(rule.trained_until, -1 - rule.outcome_days)
        raise DataError(
            f"The outcomes of {day} end by {until}, past {rule.trained_until}, from when on nothing may be learnt: the "
            f"last day that examples may be made of is {last}."
        )
    rule.refuse_leaks(TrainingWindow(user, day, until) for user in users if rule.split_of(user) == "train")
    if held := [user for user in users if leaks(rule, TrainingWindow(user, day, until))]:
        raise DataError(
            f"User {held[0]} (of {len(held)}) is held out: examples are made of users of train and validation only."
        )


def rolled_days(lake: Lake, rule: SplitRule, day: str, first_day: str) -> tuple[str, Rolled]:
    """The first day of evidence, and the live files of rollups from there to the end of the outcomes.

    Evidence begins on a Monday that moves on Mondays, as ages do, so that it changes once a week.

    Args:
        first_day: the first day of the log.

    Raises:
        UsageError: the log begins within the history.
        SourceMissing: a day is not landed and rolled up.
    """
    if rule.history_from(day) < first_day:
        raise UsageError(
            f"The {rule.history_days} days of history before {day} reach back beyond {first_day}, where the log "
            "begins: choose a later day."
        )
    first = max(evidence_from(day, rule.history_days), first_day)
    published = tables.published_days(lake, rollups.TABLE)
    wanted = list(_days(first, rule.outcomes_until(day)))
    if missing := [one for one in wanted if one not in published]:
        raise SourceMissing(
            f"Histories and outcomes of {day} are those of {first} to {wanted[-1]}, and {len(missing)} of these days "
            f"are not rolled up in {lake.root} ({missing[0]} first): run `python -m spark_jobs.land` and `python -m "
            "spark_jobs.roll_up`, and publish."
        )
    return first, {one: published[one] for one in wanted}


def _days(first: str, until: str) -> Iterator[str]:
    while first < until:
        yield first
        first = next_day(first)


def read_catalog(lake: Lake, embedder: str | None) -> tuple[CategoryVectors, str]:
    """The categories with their vectors, and the embedder's name.

    Raises:
        SourceMissing: there are none, or a category has no vector.
        UsageError: several embedders' vectors are there and none is named.
    """
    columns = ["entity_id", "text", "category", "category_path"]
    known = tables.read(lake, entities.TABLE, columns=columns, filters=[("kind", "=", "category")])
    wanted = [("entity_id", "in", known["entity_id"])]
    found = tables.read(lake, entity_vectors.TABLE, filters=wanted) if known.num_rows else None
    names = sorted(set(found["embedder"].to_pylist())) if found else []
    if found is None or not names:
        raise SourceMissing(f"No category in {lake.root} has a vector: run `python -m model_steps.embed` first.")
    if embedder is None and len(names) > 1:
        raise UsageError(f"The categories have vectors of {', '.join(names)}: name one with --embedder.")
    embedder = embedder or names[0]
    of_embedder = [name == embedder for name in found["embedder"].to_pylist()]
    return category_vectors(known, found.filter(pa.array(of_embedder))), embedder


def newest_days(rule: SplitRule, settings: Settings, days: int | None) -> tuple[str, ...]:
    """The newest training days that the split allows.

    Args:
        days: how many; none: as the settings say.

    Raises:
        UsageError: there are none, or fewer than one is asked for.
    """
    if days is not None and days < 1:
        raise UsageError(f"--newest is {days}: give how many days, 1 at least.")
    found = rule.training_days(settings.source.first_day.isoformat())[: days or settings.experts.days]
    if not found:
        raise UsageError(
            f"No day has a history of {rule.history_days} days and outcomes that end by {rule.trained_until}, from "
            "when on nothing may be learnt: freeze later evaluation days, or shorten the history."
        )
    return found


def eligible(running: Execution, lake: Lake, rule: SplitRule, rolled: Rolled, day: str) -> list[str]:
    """Users of train and validation with enough history, sorted."""
    history = {one: files for one, files in rolled.items() if rule.history_from(day) <= one <= day}
    sizes = map_buckets(
        running, lake, rollups.TABLE, history, lambda _, rows: history_sizes(rows), SIZES, ["user_id", "count"]
    ).collect("examples: histories")
    return sorted(
        row["user_id"]
        for row in sizes.to_pylist()
        if row["events"] >= rule.minimum_events and row["active_days"] >= rule.minimum_active_days
        if rule.split_of(row["user_id"]) in examples.SPLITS
    )


def stage_examples(lake: Lake, bucket: int, rows: pa.Table, wanted: Examples, name: str) -> pa.Table:
    """Make and stage the examples of one bucket's rollups; returns ``workers.STAGED``. Runs in a worker."""
    found, counts = examples_of(rows, wanted)
    file = stage(lake, examples.TABLE, found, fingerprint=name, partition={"day": wanted.day}, part=bucket)
    staged = workers.Staged()
    staged.add(examples.TABLE, wanted.day, file, {"examples": found.num_rows, **counts})
    return staged.report()


def make_examples(
    lake: Lake, day: str, settings: Settings, embedder: str | None = None, force: bool = False
) -> dict[str, Any]:
    """Stage the examples of a training day unless equal ones are published; returns the manifest.

    Raises:
        DataError, UsageError, SourceMissing: as ``refuse_leaks``, ``rolled_days`` and ``read_catalog``.
    """
    chosen, rule = settings.examples, read_rule(settings.source)
    refuse_leaks(rule, day, [])
    first, rolled = rolled_days(lake, rule, day, settings.source.first_day.isoformat())
    catalog, embedder = read_catalog(lake, embedder)
    season = season_text(day, settings.source.country)
    name = STEP.work(
        {
            "rollups": {d: tables.content_digest(files) for d, files in rolled.items()},
            "categories": digest([catalog.names, catalog.labels, catalog.parents]),
            "vectors": bytes_digest(catalog.vectors.tobytes()),
            "profiles": tables.partition_digest(lake, profiles.TABLE),
        },
        {
            "day": day,
            "rule": rule.digest,
            "trained_until": rule.trained_until,
            "season": season,
            "personas": chosen.personas,
            "categories": chosen.categories,
            "threshold": chosen.threshold,
            "users": chosen.users,
        },
    )
    if not plan(lake, STEP, {day: name}, force=force).due:
        published = tables.published_days(lake, examples.TABLE)[day]
        return {"batches": [], "reused": True, "examples": sum(file.rows for file in published)}
    known = tables.read(lake, entities.TABLE, columns=["entity_id", "category", "category_path"])
    attributes = tables.read(lake, profiles.TABLE).to_pylist()
    with execution("examples", sum(file.rows for files in rolled.values() for file in files)) as running:
        enough = eligible(running, lake, rule, rolled, day)
        users = drawn(enough, chosen.users)
        refuse_leaks(rule, day, users)
        shared = running.share(
            Examples(
                day, first, rule, frozenset(users), chosen.personas, chosen.categories, chosen.threshold, known,
                catalog, {row["user_id"]: row["attributes"] for row in attributes}, season,
            )
        )  # fmt: skip
        staged = map_buckets(
            running,
            lake,
            rollups.TABLE,
            rolled,
            lambda bucket, rows: stage_examples(lake, bucket, rows, shared(), name),
            workers.STAGED,
        ).collect("examples")
    batch = workers.batch(lake, examples.TABLE, "examples", staged, {day: name}, {"examples": 0, **NOTHING})
    counts = {key: int(value) for key, value in batch.partitions[0].metrics.items()}
    return {
        "batches": [batch.save(lake)],
        "reused": False,
        "embedder": embedder,
        "rows_in": sum(file.rows for files in rolled.values() for file in files),
        "eligible_users": len(enough),
        **counts,
        **shares(counts),
    }


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """What counts say, as shares: of the users' own next categories, and of examples that are empty."""
    parts = {name: "outcomes" for name in NOTHING if name.startswith("outcomes_")} | {"empty_examples": "examples"}
    return {f"{name}_share": round(counts[name] / max(counts[whole], 1), 4) for name, whole in parts.items()}


def together(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The manifests of several days as one: batches side by side, counts added, shares of the sums."""
    counts: Counter[str] = Counter()
    for manifest in manifests:
        counts.update({name: value for name, value in manifest.items() if type(value) is int})
    made = [manifest for manifest in manifests if not manifest["reused"]]
    return {
        **counts,
        **(shares(counts) if made else {}),
        **({"embedder": made[0]["embedder"]} if made else {}),
        "batches": [batch for manifest in manifests for batch in manifest["batches"]],
        "reused": not made,
        "days_reused": len(manifests) - len(made),
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    if (arguments.users or 0) < 0:
        raise UsageError(f"--users is {arguments.users}: give how many, or 0 for all.")
    given = {"personas": arguments.personas, "users": arguments.users}
    wanted = {**settings.examples.model_dump(), **{name: value for name, value in given.items() if value is not None}}
    settings = settings.model_copy(update={"examples": ExamplesSettings(**wanted)})
    lake = Lake.open(arguments.lake or settings.lake.uri)
    days = arguments.day or newest_days(read_rule(settings.source), settings, arguments.newest)
    return together([make_examples(lake, day, settings, arguments.embedder, arguments.force) for day in days])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.examples", description=__doc__)
    parser.add_argument(
        "--day", type=day_argument, action="append", help="last day of histories, repeatable (default: the newest)"
    )
    parser.add_argument("--newest", type=int, help="without --day: how many days (default: the setting)")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--personas", type=int, choices=range(1, 9), metavar="K", help="personas a user (1 to 8)")
    parser.add_argument("--users", type=int, help="users drawn by a stable hash; 0: all")
    parser.add_argument("--embedder", help="whose vectors (default: the only one's)")
    parser.add_argument("--force", action="store_true", help="make them again even when nothing changed")
    run_command(main, parser)
