"""Build the judge's labelled set: ``python -m model_steps.build_judge_labels [--day D ...] [--intents LAKE ...]``.

Cases of train and validation users as of training days, and of held-out users as of evaluation days (PAPER 2.3, issue
15): built of what users did afterwards, of pairs shuffled between users, of the catalog's levels and of its words; and
with ``--intents`` a random slice of what releases really wrote, the same users and ranks under every one of them. All
labels go into the table ``judge_labels`` in one commit. What is there stays; the same again changes nothing.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from evaluation import actions
from evaluation.holdout import read_frozen
from lake.delta import tables, writing
from lake.delta.work import Step
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import Split, SplitRule, add_days, drawn, next_day
from lake.store.location import Lake
from model_steps.judge import real_outputs
from model_steps.judge.building import Builder, Shape
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.customers import People, read_catalog_facts, read_people
from model_steps.judge.labelled import Row, count, refuse_other_labels, rows_of
from model_steps.judge.outcomes import Outcomes, OutcomeWindow, outcome_window, refuse_leaks
from model_steps.judge.written import Written
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import bytes_digest
from schemas import behaviors, entities, intents, profiles, rollups
from schemas.judge_labels import TABLE
from settings import JudgeLabelsSettings, Settings, load_settings

log = logging.getLogger("intentflow")

# Labels replace no partition; their rows only tell which run built them.
STEP = Step("build_judge_labels", __file__)
DRAW = "judge labels\0"
# What tells whether a label that is there says the same.
KNOWN = (*TABLE.key, "label")


@dataclass(frozen=True)
class Building:
    """What is built, and of what.

    Args:
        lake: has the log, its rollups and the catalog's vectors; the labels go there too.
        rule: who is held out.
        facts: of the catalog.
        written: outputs of releases.
    """

    lake: Lake
    rule: SplitRule
    settings: Settings
    facts: CatalogFacts
    written: Sequence[Written]

    @property
    def chosen(self) -> JudgeLabelsSettings:
        return self.settings.judge_labels

    def day(self, day: str) -> tuple[list[Row], dict[str, Any]]:
        """The rows of a day, and what is said of it.

        Raises:
            As ``outcome_window``, ``read_people``, and for an evaluation day ``evaluation.holdout.read_frozen``.
        """
        splits: tuple[Split, ...] = ("holdout",) if day in self.rule.days else ("train", "validation")
        windows = {split: self.window(split, day) for split in splits}
        if "holdout" in splits:
            read_frozen(self.lake, self.rule, day)
        people = read_people(self.lake, day, self.rule, self.facts.vectors, self.settings)
        last = add_days(max(window.read_until for window in windows.values()), -1)
        later = actions.read(self.lake, next_day(day), last, self.rule.leave_out)
        rows: list[Row] = []
        told: dict[str, Any] = {}
        written = [row for source in self.written for row in source.rows(day)]
        for split, window in windows.items():
            of_split = [user for user in people.customers if self.rule.split_of(user) == split]
            if split == "train":
                refuse_leaks(self.rule, window, of_split)
            outcomes = Outcomes.of(later.filter(later["user_id"].is_in(of_split)), window)
            found, told[split] = self._of_split(people, of_split, outcomes, written)
            told[split] |= {"bought_until": window.bought_until, "read_until": window.read_until}
            rows += rows_of(found, split)
        return rows, told

    def window(self, split: Split, day: str) -> OutcomeWindow:
        """What may be read after a day for users of a split."""
        landed = max(tables.published_days(self.lake, behaviors.TABLE), default="")
        if not landed:
            raise SourceMissing(f"No day is landed in {self.lake.root}: run `python -m spark_jobs.land` first.")
        return outcome_window(self.rule, split, day, self.chosen.outcome_days, next_day(landed))

    def _of_split(
        self, people: People, users: Sequence[str], outcomes: Outcomes, written: Sequence[Row]
    ) -> tuple[list[Any], dict[str, Any]]:
        chosen, shape = self.chosen, self.settings.examples
        builder = Builder(
            facts=self.facts,
            customers={user: people.customers[user] for user in users},
            outcomes=outcomes,
            popularity=people.popularity,
            shape=Shape(shape.personas, shape.categories, self.settings.inference.maximum_why),
            window_days=chosen.outcome_days,
            seed=str(chosen.seed),
        )
        bought = [user for user in users if user in outcomes.bought]
        built = builder.build(drawn(bought, chosen.users, DRAW))
        seen = real_outputs.draw(written, people.day, users, chosen.real_users, chosen.real_ranks, builder.seed)
        real = builder.real(seen.rows)
        log.info("%s: %d built cases, %d real outputs.", people.day, len(built), len(real))
        return [*built, *real], {
            "customers": len(users),
            "who_bought": len(bought),
            "built_cases": len(built),
            "real_outputs": len(real),
            "real_users": seen.users,
            "releases": list(seen.releases),
            "users_not_under_every_release": seen.not_under_all,
            "left_out": dict(sorted(builder.left_out.items())),
        }


def default_days(building: Building) -> list[str]:
    """The newest training day whose window is known in time, and the evaluation days whose window is landed.

    Raises:
        UsageError: there is none of either.
    """
    first_day = building.settings.source.first_day.isoformat()
    found: dict[str, str] = {}
    for split, days in (("train", building.rule.training_days(first_day)), ("holdout", building.rule.days)):
        for day in days:
            try:
                building.window("holdout" if split == "holdout" else "train", day)
            except (DataError, SourceMissing):
                continue
            found[day] = split
            if split == "train":
                break
    if set(found.values()) != {"train", "holdout"}:
        raise UsageError(
            f"There is no training day or no evaluation day after which {building.chosen.outcome_days} days are known: "
            "land more of the log, shorten INTENTFLOW_JUDGE_LABELS__OUTCOME_DAYS, or name days with --day."
        )
    return sorted(found)


def build(building: Building, days: Sequence[str]) -> dict[str, Any]:
    """Build the labels of some days and insert them; returns the manifest.

    There, ``labels`` = ``inserted`` + ``already_there``.

    Raises:
        As ``Building.day``; DataError: labels of the same outputs are there that say something else.
        InfrastructureError: the lake refused.
    """
    lake, told = building.lake, dict[str, Any]()
    rows: list[Row] = []
    for day in days:
        of_day, told[day] = building.day(day)
        # Of two others one may have been told the very same.
        rows += {tuple(row[name] for name in TABLE.key): row for row in of_day}.values()
    if not rows:
        raise DataError(f"Nobody on {', '.join(days)} bought anything afterwards: there is nothing to label.")

    of_days = ("day", "in", list(days))

    def refuse_others(current: DeltaTable) -> None:
        refuse_other_labels(rows, tables.scan(lake, current, TABLE, KNOWN, [of_days]).to_pylist())

    STEP.remember(lake)
    data = pa.Table.from_pylist(rows, TABLE.schema)
    name = _fingerprint(building, days)
    inserted = writing.insert_new(lake, TABLE, data, fingerprint=name, refuse=refuse_others)
    return {
        "days": told,
        "items": len({row["item_id"] for row in rows}),
        "labels": len(rows),
        "inserted": inserted,
        "already_there": len(rows) - inserted,
        "counts": count(rows),
        "version": tables.version(lake, TABLE),
    }


def _fingerprint(building: Building, days: Sequence[str]) -> str:
    lake = building.lake
    read = (behaviors.TABLE, rollups.TABLE, profiles.TABLE, entities.TABLE)
    return STEP.work(
        {
            **{table.name: tables.partition_digest(lake, table) for table in read},
            "vectors": bytes_digest(building.facts.vectors.vectors.tobytes()),
            "intents": [
                [source.name, [tables.partition_digest(source.lake, intents.TABLE, day) for day in days]]
                for source in building.written
            ],
        },
        {
            "days": list(days),
            "rule": building.rule.digest,
            "trained_until": building.rule.trained_until,
            **building.chosen.model_dump(),
            "examples": building.settings.examples.model_dump(),
            "evidence": building.settings.history.evidence,
            "maximum_why": building.settings.inference.maximum_why,
        },
    )


def main(arguments: argparse.Namespace) -> Mapping[str, Any]:
    settings = load_settings()
    if arguments.users is not None:
        if arguments.users < 0:
            raise UsageError(f"--users is {arguments.users}: give how many, or 0 for all.")
        chosen = settings.judge_labels.model_copy(update={"users": arguments.users})
        settings = settings.model_copy(update={"judge_labels": chosen})
    lake = Lake.open(arguments.lake or settings.lake.uri)
    written = [Written.of(argument) for argument in arguments.intents or ()]
    facts = read_catalog_facts(lake, arguments.embedder)
    building = Building(lake, read_rule(settings.source), settings, facts, written)
    return build(building, sorted(set(arguments.day or default_days(building))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.build_judge_labels", description=__doc__)
    parser.add_argument(
        "--day",
        type=day_argument,
        action="append",
        help="a training or evaluation day, repeatable (default: the newest training day that is old enough, and the "
        "evaluation days whose outcomes are landed)",
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--users", type=int, help="users of each split, drawn by a stable hash; 0: all (the setting)")
    parser.add_argument(
        "--intents", action="append", help="a lake with outputs of releases, repeatable; NAME=LAKE gives them a name"
    )
    parser.add_argument("--embedder", help="whose vectors (default: the only one's)")
    run_command(main, parser)
