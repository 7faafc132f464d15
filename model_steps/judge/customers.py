"""What a lake knew of its customers at the end of a day, and what it knows of its catalog: what cases are made with.

Evidence is made of rollups by the code that makes that of contexts and of experts' examples, so a judge sees what they
saw, whichever days were compressed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from lake.delta import tables
from lake.registry.splits import SplitRule, next_day
from lake.store.location import Lake
from model_steps.judge.case import Case, Customer
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.labelled import cases_of
from representation.calendar import evidence_from
from representation.calendar_signals import season_text
from representation.catalog import CategoryVectors
from representation.category_days import EvidenceWindow, evidence_lists, history_sizes
from representation.context import CategoryDays
from runtime.errors import SourceMissing, UsageError
from schemas import entities, entity_vectors, profiles, rollups
from settings import Settings


@dataclass(frozen=True)
class People:
    """The customers of a day.

    Args:
        customers: by user, those with enough history to be served.
        popularity: of each category the share, of all who bought anything within their history, that bought from it.
    """

    day: str
    customers: Mapping[str, Customer]
    popularity: Mapping[str, float]

    @classmethod
    def of(
        cls,
        rows: pa.Table,
        known: pa.Table,
        attributes: Mapping[str, tuple[tuple[str, str], ...]],
        day: str,
        rule: SplitRule,
        catalog: CategoryVectors,
        window: EvidenceWindow,
        season: str,
    ) -> People:
        """Customers of rollups.

        Args:
            rows: ``schemas.rollups`` of the window's days. known: entity_id, category and category_path of entities.
            attributes: by user; those without any need not be there.
            window: of what evidence is made.
        """
        inside = pl.col("day").is_between(pl.lit(rule.history_from(day)), pl.lit(day))
        history = pl.DataFrame(pl.from_arrow(rows)).filter(inside).to_arrow()
        served = {
            row["user_id"]
            for row in history_sizes(history).to_pylist()
            if row["events"] >= rule.minimum_events and row["active_days"] >= rule.minimum_active_days
        }
        lists = evidence_lists(rows, known, window)
        bought = lists.explode("evidence").group_by(pl.col("evidence").struct.field("category")).len()
        customers = {}
        for user, evidence in lists.sort("user_id").iter_rows():
            if user in served:
                own = tuple(catalog.evidence_of([CategoryDays(**one) for one in evidence]))
                customers[user] = Customer(user, day, attributes.get(user, ()), own, season)
        return cls(day, customers, {name: number / max(len(lists), 1) for name, number in bought.iter_rows()})


def read_people(lake: Lake, day: str, rule: SplitRule, catalog: CategoryVectors, settings: Settings) -> People:
    """The customers of a lake at the end of a day.

    Raises:
        UsageError: the log begins within the history.
        SourceMissing: a day of the history is not rolled up.
    """
    first_day = settings.source.first_day.isoformat()
    if rule.history_from(day) < first_day:
        raise UsageError(
            f"The {rule.history_days} days of history before {day} reach back beyond {first_day}, where the log "
            "begins: choose a later day."
        )
    first = max(evidence_from(day, rule.history_days), first_day)
    landed = tables.published_days(lake, rollups.TABLE)
    if missing := [one for one in _days(first, day) if one not in landed]:
        raise SourceMissing(
            f"What was known on {day} is of {first} to {day}, and {len(missing)} of these days are not rolled up in "
            f"{lake.root} ({missing[0]} first): run `python -m spark_jobs.land` and `python -m spark_jobs.roll_up`, "
            "and publish."
        )
    rows = tables.read(lake, rollups.TABLE, filters=[("day", ">=", first), ("day", "<=", day)])
    known = tables.read(lake, entities.TABLE, columns=["entity_id", "category", "category_path"])
    attributes = {
        row["user_id"]: tuple((pair["name"], pair["value"]) for pair in row["attributes"])
        for row in tables.read(lake, profiles.TABLE).to_pylist()
    }
    window = EvidenceWindow(first, day, rule.leave_out, settings.history.evidence)
    season = season_text(day, settings.source.country)
    return People.of(rows, known, attributes, day, rule, catalog, window, season)


def read_cases(
    lake: Lake, rows: Sequence[Mapping[str, Any]], rule: SplitRule, catalog: CategoryVectors, settings: Settings
) -> tuple[list[Case], dict[str, Mapping[str, float]]]:
    """The cases that rows of ``judge_labels`` are of, with what was known of their customers, and popularity by day.

    Args:
        lake: that the labels were built of.
        rows: any of them.

    Raises:
        As ``read_people`` and ``labelled.cases_of``.
    """
    users: dict[str, set[str]] = {}
    for row in rows:
        users.setdefault(row["day"], set()).add(row["user_id"])
    customers, popularity = {}, {}
    for day, of_day in sorted(users.items()):
        people = read_people(lake, day, rule, catalog, settings)
        popularity[day] = people.popularity
        customers.update({(day, user): people.customers[user] for user in of_day & people.customers.keys()})
    return cases_of(rows, customers), popularity


def _days(first: str, last: str) -> Iterator[str]:
    while first <= last:
        yield first
        first = next_day(first)


def read_catalog_facts(lake: Lake, embedder: str | None = None) -> CatalogFacts:
    """The catalog's categories with their vectors, and the words of all of its texts.

    Args:
        embedder: whose vectors; none: the only one's.

    Raises:
        SourceMissing: there are no categories, or some have no vector.
        UsageError: several embedders' vectors are there and none is named.
    """
    columns = ["entity_id", "text", "kind", "category", "category_path"]
    wanted = [("kind", "in", ["item", "category"])]
    known = tables.read(lake, entities.TABLE, columns=columns, filters=wanted).to_pylist()
    categories = [row for row in known if row["kind"] == "category"]
    ids = [("entity_id", "in", [row["entity_id"] for row in categories])]
    found = tables.read(lake, entity_vectors.TABLE, filters=ids).to_pylist() if categories else []
    embedders = sorted({row["embedder"] for row in found})
    if embedder is None and len(embedders) > 1:
        raise UsageError(f"The categories have vectors of {', '.join(embedders)}: name one with --embedder.")
    vectors = {row["entity_id"]: row["vector"] for row in found if embedder in (None, row["embedder"])}
    lost = [row["category"] for row in categories if row["entity_id"] not in vectors]
    if lost or not categories:
        whose = f" of {embedder}" if embedder else ""
        raise SourceMissing(
            f"{len(lost)} of {len(categories)} categories in {lake.root} have no vector{whose}: land a catalog, and "
            "run `python -m model_steps.embed`."
        )
    ordered = sorted(categories, key=lambda row: str(row["category"]))
    catalog = CategoryVectors.of(ordered, vectors)
    texts = (f"{row['text']} {row['category_path'] or ''}" for row in known)
    return CatalogFacts.of(catalog, [row["category_path"] for row in ordered], texts)
